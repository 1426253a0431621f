"""CPI: rotate a face, and light it neutrally, by the network that the papers compare with.

Yim et al., "Rotating your face using multi-task deep neural network", CVPR 2015. A "controlled
pose image" (CPI) shows the face of the input image, under any pose and illumination, in a pose
that a "remote code" sets, and in neutral illumination.

What is known to us, from its abstract and first figure and from what Ghodrati et al. say of it
(BMVC 2016, sections 2 and 4.1; arXiv 1511.08446, section 4.1.3): image and remote code go in
together, the controlled pose image comes out; locally connected and fully connected layers, about
200 million parameters; 60 x 60 gray; two tasks learnt together, the second an auxiliary branch
that recovers the input image from what the first one found, so that identity is preserved; CPIs
are compared as images.

What we chose, not having the rest:

- two locally connected layers (5 x 5, 32 maps, ReLU), each followed by 2 x 2 max pooling, and one
  fully connected layer of 1,024: 53 million parameters for 60 x 60 RGB, 8 million for 32 x 32
  gray. More than ours has, fewer than theirs: 100 people are what there is to learn from;
- the code stands beside the image as one map of its own (linear in the code), and again before the
  fully connected layer, scaled so that it counts there as much as all maps together;
- the auxiliary branch has one hidden layer of the same width, and reads the output of the fully
  connected one; both tasks' mean squared errors weigh the same;
- the aligner's size and channels, AdamW, and the precision that the machine is faster in, as for
  our generator;
- neutral is illumination 7, the flash at the frontal camera (in Multi-PIE and in the studio).

Shapes: N images, P pairs, B batch, S side, C channels, A length of the one-hot code.
"""

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import Face
from gallery.pixels import Aligned
from retrieval.evaluation.baselines.cache import trained
from retrieval.evaluation.baselines.networks import (
    LocallyConnected,
    Normalise,
    draw_weights,
    in_batches,
    shifted,
    to_device,
)
from retrieval.evaluation.baselines.training import BaselinePlan, Score, TrainingBudget
from retrieval.evaluation.records import BenchmarkProgress

RATE = 1e-3
POSE, ILLUMINATION, NEUTRAL = "pose", "illumination", "7"
MAPS, HIDDEN = 32, 1024
HEADS = ("pose.weight", "recover.2.weight")


class CpiNetwork(nn.Module):
    """Draw the controlled pose image, and recover the input."""

    def __init__(self, normalise: Normalise, channels: int, size: int, code_size: int) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        self.normalise = normalise
        self.code_map = nn.Linear(code_size, size * size)
        first = LocallyConnected(size, channels + 1, MAPS, 5)
        second = LocallyConnected(first.side // 2, MAPS, MAPS, 5)
        self.maps = nn.Sequential(
            *(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        )
        length = MAPS * (second.side // 2) ** 2 + code_size
        self.loudness = length**0.5
        self.features = nn.Sequential(nn.Linear(length, HIDDEN), nn.ReLU())
        pixels = channels * size * size
        self.pose = nn.Linear(HIDDEN, pixels)
        self.recover = nn.Sequential(
            nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, pixels)
        )

    def forward(self, images: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return CPI and recovered input, normalised, (B, C, S, S) each.

        Args:
            images: Grey levels 0..255, (B, C, S, S).
            codes: One-hot codes of the target pose, (B, A).
        """
        remote = self.code_map(codes).unflatten(1, (1, *self.shape[1:]))  # (B, 1, S, S)
        maps = self.maps(torch.cat([self.normalise(images), remote.float()], dim=1))
        loud = self.loudness * codes.to(maps.dtype)
        features = self.features(torch.cat([maps, loud], dim=1))
        drawn, recovered = self.pose(features), self.recover(features)
        return drawn.unflatten(1, self.shape), recovered.unflatten(1, self.shape)


class CpiTask:
    """Draw any image of a person in any pose, in neutral illumination."""

    def __init__(
        self,
        part: Aligned,
        *,
        space: AttributeSpace,
        seed: int,
        batch_size: int,
        device: torch.device,
    ) -> None:
        """Raise DatasetError if there is nothing to draw."""
        reason = why_skipped(part.faces, space)
        if reason:
            raise DatasetError(f"cpi cannot be trained: {reason}")
        self.part, self.space, self.seed, self.device = part, space, seed, device
        self.batch_size = batch_size
        self.sources, self.targets = neutral_pairs(part.faces)
        poses = [space[POSE].index(part.faces[n].condition[POSE]) for n in self.targets]
        self.codes = np.eye(space.size, dtype=np.float32)[poses]  # (P, A)
        self.pixels = to_device(part.pixels, device)

    def build(self) -> CpiNetwork:
        """Return an untrained network."""
        _, size, _, channels = self.part.pixels.shape
        network = CpiNetwork(Normalise.of(self.part.pixels), channels, size, self.space.size)
        draw_weights(network, self.seed)
        for name, value in network.named_parameters():
            if name in HEADS:
                nn.init.zeros_(value)  # begin with the mean image, not with noise
        return network.to(self.device)

    def loss(self, network: nn.Module, random: np.random.Generator, *, augment: bool) -> Tensor:
        """Mean squared errors of both tasks, in normalised grey levels."""
        assert isinstance(network, CpiNetwork)  # noqa: S101  what `build` returned
        chosen = random.integers(len(self.sources), size=self.batch_size)
        images, targets = self._images(self.sources[chosen]), self._images(self.targets[chosen])
        images = shifted(images) if augment else images
        codes = torch.from_numpy(self.codes[chosen]).to(self.device)
        drawn, recovered = network(images, codes)
        main = functional.mse_loss(drawn.float(), network.normalise(targets))
        return main + functional.mse_loss(recovered.float(), network.normalise(images))

    def score(self, network: nn.Module) -> Score:
        """Minus the mean squared error of CPIs, in squared grey levels."""
        assert isinstance(network, CpiNetwork)  # noqa: S101
        chosen = np.random.default_rng(self.seed).permutation(len(self.sources))[:2048]
        images = self.part.pixels[self.sources[chosen]]
        drawn = _draw(network, self.device, images, self.codes[chosen])
        return (-float(np.square(drawn - self.part.pixels[self.targets[chosen]]).mean()),)

    def _images(self, positions: NDArray[np.int64]) -> Tensor:
        return self.pixels[torch.from_numpy(positions).to(self.device)].float()


@dataclass(frozen=True, slots=True)
class Cpi:
    """A trained CPI network.

    Attributes:
        space: The attribute `pose`.
        settings: How it was trained; JSON.
        sha256: SHA-256 of its weights.
        dimension: Numbers of an image.
    """

    space: AttributeSpace
    settings: dict[str, Any]
    sha256: str
    device: torch.device
    network: CpiNetwork

    @property
    def dimension(self) -> int:
        """Numbers of an image, S * S * C."""
        return int(np.prod(self.network.shape))

    def draw(self, pixels: Pixels, codes: Floats) -> Floats:
        """Draw CPIs: images (N, S, S, C), one-hot poses (N, A) -> (N, S, S, C) in [0, 255]."""
        return _draw(self.network, self.device, pixels, codes)


def why_skipped(faces: Sequence[Face], space: AttributeSpace) -> str:
    """Return why there can be no CPI of these training images and wishes; empty if there can be.

    Args:
        faces: The training images.
        space: Attributes that are wished for.
    """
    if space.names != (POSE,):
        return f"it rotates faces, and {' and '.join(space.names)} is not {POSE} alone"
    if not any(ILLUMINATION in face.condition for face in faces):
        return f"it draws in neutral illumination, and no image says its {ILLUMINATION}"
    if not len(neutral_pairs(faces)[0]):
        return (
            f"nobody is shown in neutral illumination ({ILLUMINATION}={NEUTRAL}) and another image"
        )
    return ""


def neutral_pairs(faces: Sequence[Face]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair every image of a person with those that differ in pose and are lit neutrally.

    What else is known is alike in both. A neutrally lit image is its own target, too.

    Returns:
        Positions of sources and targets, (P,) each.
    """
    groups: dict[object, list[int]] = defaultdict(list)
    for position, face in enumerate(faces):
        if face.identity is not None and {POSE, ILLUMINATION} <= set(face.condition):
            groups[face.identity, face.condition.without((POSE, ILLUMINATION))].append(position)
    pairs = [
        (source, target)
        for group in groups.values()
        for target in group
        if faces[target].condition[ILLUMINATION] == NEUTRAL
        for source in group
    ]
    array = np.array(pairs, dtype=np.int64).reshape(len(pairs), 2)
    return array[:, 0], array[:, 1]


def train_cpi(
    part: Aligned,
    space: AttributeSpace,
    *,
    budget: TrainingBudget,
    seed: int,
    device: torch.device,
    cache: Path | None = None,
) -> Generator[BenchmarkProgress, None, Cpi]:
    """Train a CPI network; the generator's return value is it. Ask `why_skipped` first.

    Args:
        part: Images of the training people.
        space: The attribute `pose` alone.
        budget: What may be spent.
        seed: Seed of everything random.
        device: That computes.
        cache: Folder of trained rivals, or None.

    Raises:
        ConfigError: The training ran away.
        DatasetError: There can be no CPI of these images.
    """
    task = partial(CpiTask, space=space, seed=seed, batch_size=budget.batch_size, device=device)
    plan = BaselinePlan(name="cpi", task=task, rate=RATE, budget=budget, seed=seed, device=device)
    made = yield from trained(part, space, plan, cache)
    assert isinstance(made.network, CpiNetwork)  # noqa: S101
    return Cpi(space, made.settings, made.sha256, device, made.network)


def _draw(network: CpiNetwork, device: torch.device, pixels: Pixels, codes: Floats) -> Floats:
    def ask(images: Tensor, wishes: Tensor) -> Tensor:
        drawn: Tensor = network.normalise.levels(network(images, wishes)[0].float())
        return drawn.permute(0, 2, 3, 1)

    return in_batches(ask, device, pixels, codes)
