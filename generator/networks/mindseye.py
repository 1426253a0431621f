"""`mindseye-60`, `mindseye-32`: encode once, draw by moving pixels and painting the rest, embed.

Our own network. What differs from the published two-stage networks, and why:

- The source is encoded once for all wishes, down to a map of 8 x 8 places, among which attention
  lets things travel: a turned head is other places, not other pixels. The wish enters as a map
  beside the code of the image, and scales and shifts every block of the decoder (Perez et al.,
  "FiLM", AAAI 2018).
- The decoder paints an image and, beside it, says where each pixel may be taken from in the source
  and how far that is to be trusted: sharp detail need not pass through the code (Zhou et al., "View
  synthesis by appearance flow", ECCV 2016).
- The refiner sees source and drawing, as the published one does; its 1 x 1 layer is the feature.
  The projection is no matrix but a small network with attention, 256 numbers.
- Drawing, refining and finding are learnt at once, not one after the other: squared errors of both
  drawings, and the contrast between probes and canonical views.
- Every batch is a lattice (`generator/training/lattice_batches.py`). One change of light and place
is shared by the
  whole batch: if each pair had its own, it would give the target away.

No norms: residual branches begin small and learn their gain (Bachlechner et al., "ReZero", UAI
2021), so that images of a batch do not depend on each other.

Shapes: B batch, K wishes of an image, C image channels, S side in pixels, P side after padding (a
multiple of 8), F feature channels, A length of the one-hot code, D length of the projection.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.errors import ConfigError
from generator.networks.architecture import Architecture
from generator.networks.estimator import CODE_SIDES as ESTIMATED
from generator.networks.family import Network, initialise
from generator.networks.mindseye_layers import (
    FEATURES,
    QUIET,
    DrawingRefiner,
    Embedding,
    Encoder,
    Maps,
    MindseyeConfig,
    Painter,
)
from generator.networks.prepared import Drawing, Redrawer, Redrawn
from generator.training.config import Recipe, TrainConfig
from generator.training.contrastive import info_nce
from generator.training.data import error
from generator.training.lattice_batches import Lattice, Lattices, batch_of
from generator.training.plan import BatchSpec, PlanContext, Stage, Terms, TrainingPlan, Update


class Mindseye(Network):
    """Encoder, painter, refiner and embedding."""

    TWO_STAGES = True
    LOSSES: ClassVar[Mapping[str, float]] = {"squared": 3.0, "contrast": 0.3}
    CODE_SIDES: ClassVar[Mapping[str, int]] = {
        "painter.code.0.weight": 1,
        "painter.map.weight": 1,
        **ESTIMATED,
    }

    def __init__(self, config: MindseyeConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config)
        self.painter = Painter(config)
        self.refiner = DrawingRefiner(config)
        self.add_heads(FEATURES, config.padded // 4)
        if config.projection:
            self.projection = Embedding(config)
        self.before = (config.padded - config.size) // 2
        self.after = config.padded - config.size - self.before

    def draw(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw: normalised images (B, C, S, S), one-hot codes (B, A); features not projected."""
        return self.draw_wishes(images, codes[:, None])

    def draw_wishes(self, images: Tensor, codes: Tensor) -> Drawing:
        """Draw K wishes of each image: (B, C, S, S), (B, K, A); B * K drawings, not projected."""
        padded = self.padded(images)
        first = self.paint(padded, self.encoder(padded), codes)
        refined, features = self.refiner(padded.repeat_interleave(codes.shape[1], dim=0), first)
        return Drawing(self.inside(first), self.inside(refined), features)

    def paint(self, padded: Tensor, seen: Maps, codes: Tensor) -> Tensor:
        """Paint K wishes of each image: (B, C, P, P), its maps, (B, K, A) -> (B * K, C, P, P)."""
        wishes = codes.shape[1]
        fine, middle, coarse = (maps.repeat_interleave(wishes, dim=0) for maps in seen)
        sources = padded.repeat_interleave(wishes, dim=0)
        painted: Tensor = self.painter(sources, (fine, middle, coarse), codes.flatten(0, 1))
        return painted

    def padded(self, images: Tensor) -> Tensor:
        """Continue the border of images, so that the side can be halved three times."""
        sides = (self.before, self.after, self.before, self.after)
        wider = functional.pad(images, sides, mode="replicate")
        return wider.contiguous(memory_format=torch.channels_last)

    def inside(self, images: Tensor) -> Tensor:
        """Undo `padded`: (B, C, P, P) -> (B, C, S, S)."""
        kept = slice(self.before, images.shape[-1] - self.after)
        return images[:, :, kept, kept]

    def plan(self, course: PlanContext) -> TrainingPlan:
        """Return one stage of everything."""
        config = course.config
        turn = Update(
            "drawing and finding",
            self.drawing_parts(),
            partial(lattice_terms, self, config),
            self.weights(config.weights),
        )
        batch: Callable[[BatchSpec], Lattice] = _nobody_knows
        if course.space is not None and course.faces:
            batch = partial(batch_of, Lattices(course.faces, course.space, config.batch_size))
        return TrainingPlan((Stage(config.steps, (turn,), batch),))

    def fast(self, mean: Tensor, deviation: Tensor, dtype: torch.dtype) -> Redrawer:
        """Return the form that encodes each image once; see `Network.fast`."""
        return MindseyeRedrawer(self, mean, deviation, dtype)

    def initialise(self, random: torch.Generator) -> None:
        """Draw all weights anew, as PyTorch does; last layers quieter, so that training is calm."""
        initialise(self, random)
        with torch.no_grad():
            for last in (self.painter.last, self.refiner.last):
                last.weight *= QUIET
                nn.init.zeros_(last.bias)  # type: ignore[arg-type]


class MindseyeRedrawer(Redrawer):
    """The network, ready to draw: an image is encoded once, and only the closest are refined."""

    def __init__(
        self, network: Mindseye, mean: Tensor, deviation: Tensor, dtype: torch.dtype
    ) -> None:
        """Take a network; see `Network.fast`."""
        network = network.float().eval()
        super().__init__(mean, deviation, network.projection, network.estimator)
        self.network = network
        self.dtype = dtype
        for parameter in self.parameters():
            parameter.requires_grad = False
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def wishes(self, codes: Tensor) -> Tensor:
        """Return the codes as they are."""
        return codes

    def forward(
        self, images: Tensor, wishes: Tensor, handicap: Tensor, refine_best: int
    ) -> Redrawn:
        """Draw each image under its wishes, and keep the closest; see `Redrawer.forward`."""
        count = len(images)
        rows = torch.arange(count, device=images.device)
        handicap = handicap.expand(count, -1)
        half = self.dtype == torch.bfloat16
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            padded = self.network.padded(self.normalised(images))
            seen = self.network.encoder(padded)
            first = self.network.paint(padded, seen, wishes.expand(count, -1, -1))
            first = first.unflatten(0, (count, -1))  # (B, K, C, P, P)
            near = self._nearest(first, images, handicap, refine_best)  # (B, J)
            first = first[rows[:, None], near].flatten(0, 1)
            sources = padded.repeat_interleave(near.shape[1], dim=0)
            refined, features = self.network.refiner(sources, first)
        inside = self.network.inside
        errors = self.errors(inside(refined).unflatten(0, near.shape), images)
        choice = (errors + handicap.gather(1, near)).argmin(dim=1)
        kept = rows * near.shape[1] + choice
        return Redrawn(
            near[rows, choice],
            errors[rows, choice],
            self.levels(inside(first[kept])),
            self.levels(inside(refined[kept])),
            self.projected(features[kept]),
        )

    def rows(self, images: Tensor, codes: Tensor, of: Tensor) -> Drawing:
        """Draw some wishes of some images, each of which is encoded once; see `Redrawer.rows`."""
        network = self.network
        half = self.dtype == torch.bfloat16
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            padded = network.padded(self.normalised(images))
            fine, middle, coarse = (maps.index_select(0, of) for maps in network.encoder(padded))
            sources = padded.index_select(0, of)
            first = network.painter(sources, (fine, middle, coarse), codes)
            refined, features = network.refiner(sources, first)
        levels = [self.levels(network.inside(one)) for one in (first, refined)]
        return Drawing(levels[0], levels[1], self.projected(features))

    def _nearest(self, first: Tensor, images: Tensor, handicap: Tensor, most: int) -> Tensor:
        """Return which wishes are refined, rising, (B, J)."""
        wishes = first.shape[1]
        if most >= wishes:
            return torch.arange(wishes, device=first.device).expand(len(first), -1)
        inside = self.network.inside(first.flatten(0, 1)).unflatten(0, first.shape[:2])
        coarse = self.errors(inside, images) + handicap
        return coarse.argsort(dim=1, stable=True)[:, :most].sort(dim=1).values


def recipe(name: str) -> Recipe:
    """Return how the network is trained, by name: "fast" or "tuned".

    Both draw and find at once, with augmentation; "tuned" longer, and chooses the rule of
    canonicalisation on people held out.

    Raises:
        ConfigError: There is no such recipe; the network is in no paper.
    """
    if name not in ("fast", "tuned"):
        raise ConfigError(f"Our own networks have no recipe {name!r}; take fast or tuned")
    tuned = name == "tuned"
    train = replace(
        TrainConfig(),
        learning_rate=1.5e-3,
        weight_decay=0.01,
        beta2=0.98,
        batch_size=48,
        steps=5_000 if tuned else 1_500,
        augmentation=1.0,
        estimator_steps=1_500 if tuned else 800,
        validation=0.1,
    )
    return Recipe(name=name, train=train)


def _nobody_knows(lesson: BatchSpec) -> Lattice:  # noqa: ARG001
    raise ValueError("training needs to know whose faces it is given, and the attributes")


def lattice_terms(network: Mindseye, config: TrainConfig, batch: Lattice) -> Terms:
    """Squared errors of both drawings, and the contrast between probes and canonical views.

    Of the two drawings of an image one is its canonical view, the other the probe for its partner.
    """
    drawing = network.draw_wishes(batch.images, batch.codes)
    targets = torch.stack([batch.clean, batch.clean[batch.partners]], dim=1).flatten(0, 1)
    squared = error(drawing.first, targets, config) + error(drawing.refined, targets, config)
    features = drawing.features
    embedded = features if network.projection is None else network.projection(features)
    unit = functional.normalize(embedded.flatten(1).float(), dim=1).unflatten(0, (-1, 2))
    canonical, probes = unit.unbind(1)
    contrast = info_nce(
        probes, canonical[batch.partners], batch.cells[batch.partners], config.temperature
    )
    return {"squared": squared / 2, "contrast": contrast}


ARCHITECTURES = tuple(
    Architecture(f"mindseye-{size}", MindseyeConfig, Mindseye, recipe, {"size": size})
    for size in (60, 32)
)
