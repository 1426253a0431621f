"""Two stages that every family can be given: tuning for retrieval, and the estimator's.

Tuning trains the whole network and its projection by the squared errors of its drawings and by a
contrastive loss between drawings and canonical views. The estimator learns which values images
show; it draws nothing.

Shapes: B batch, C channels, S side, T attributes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError
from generator.networks.estimator import cross_entropy
from generator.networks.family import Network
from generator.training.augment import jitter, leave_out_colours
from generator.training.config import TrainConfig
from generator.training.contrastive import HardBatches, info_nce
from generator.training.data import error
from generator.training.plan import BatchSpec, Stage, Terms, Update

ESTIMATOR_JITTER = 2.0  # an estimator that is to know other collections must see more


@dataclass(frozen=True, slots=True)
class Contrasted:
    """Pairs in which what is wrong is nearly right.

    Attributes:
        images: Sources, normalised, (B, C, S, S).
        codes: Wishes, (B, A).
        targets: Normalised, (B, C, S, S).
        cells: Cells of the targets, (B,); see `HardBatches.cells`.
        layout: Memory layout of images.
    """

    images: Tensor
    codes: Tensor
    targets: Tensor
    cells: Tensor
    layout: torch.memory_format


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Images and what they show.

    Attributes:
        images: Normalised, (B, C, S, S).
        labels: Positions of their values, -1 if unknown, (B, T).
        random: For what is dropped out.
    """

    images: Tensor
    labels: Tensor
    random: np.random.Generator


def tuning_stage(network: Network, config: TrainConfig, contrast: HardBatches | None) -> Stage:
    """Return the stage that makes drawings find their targets; it begins at half the rate."""
    turn = Update(
        "tuning",
        network.drawing_parts(),
        partial(_tuning_terms, network, config),
        {"contrast": config.tune_weight},
    )
    batch = partial(_contrasted, contrast)
    return Stage(config.tune_steps, (turn,), batch, peak=config.later[1] / 2)


def estimator_stage(network: Network, config: TrainConfig, space: AttributeSpace | None) -> Stage:
    """Return the stage that trains the estimator."""
    if config.estimator_steps and network.estimator is None:
        raise ConfigError(
            f"estimator_steps = {config.estimator_steps} trains an estimator, and the network has"
            " none; set estimator = true in the [network] table of --config"
        )
    parts = () if network.estimator is None else (network.estimator,)
    turn = Update("estimator", parts, partial(_estimator_terms, network, space))
    return Stage(config.estimator_steps, (turn,), _shown, peak=config.later[1], draws=False)


def _contrasted(contrast: HardBatches | None, lesson: BatchSpec) -> Contrasted:
    if contrast is None:
        raise ValueError("the tuning stage needs batches for its contrast")
    data = lesson.data
    positions = torch.from_numpy(contrast.draw(lesson.random)).to(data.sources.device)
    images, codes, targets = data.batch(positions, lesson.random, lesson.config.augmented())
    cells = torch.from_numpy(contrast.cells).to(data.pixels.device)
    return Contrasted(images, codes, targets, cells[data.targets[positions]], lesson.layout)


def _tuning_terms(network: Network, config: TrainConfig, batch: Contrasted) -> Terms:
    """Squared errors of drawings and canonical views, and the contrast between both.

    The canonical view of a target is its redrawing under its own values: what the gallery holds if
    its values are estimated rightly.
    """
    both = torch.cat([batch.images, batch.targets]).contiguous(memory_format=batch.layout)
    drawing = network(both, torch.cat([batch.codes, batch.codes]))
    count = len(batch.images)
    drawn = [drawing.first[:count]] if network.TWO_STAGES else []
    drawn += [drawing.refined[:count], drawing.refined[count:]]
    squared = sum((error(one.float(), batch.targets, config) for one in drawn), torch.zeros(()))
    unit = functional.normalize(drawing.features.flatten(1).float(), dim=1)
    contrast = info_nce(unit[:count], unit[count:], batch.cells, config.temperature)
    return {"squared": squared / 2, "contrast": contrast}


def _shown(lesson: BatchSpec) -> LabelledImages:
    data, config, random = lesson.data, lesson.config, lesson.random
    if data.labels is None:
        raise ValueError("training the estimator needs labels")
    chosen = random.integers(len(data.labels), size=config.later[0])
    positions = torch.from_numpy(chosen).to(data.labels.device)
    strength = config.looks().scaled(ESTIMATOR_JITTER * max(1.0, config.augmentation))
    levels = leave_out_colours(data.levels(positions), random, strength.gray)
    (images,) = jitter([levels], random, strength)
    shown = data.normalised(images).contiguous(memory_format=lesson.layout)
    return LabelledImages(shown, data.labels[positions], random)


def _estimator_terms(
    network: Network, space: AttributeSpace | None, batch: LabelledImages
) -> Terms:
    """Cross-entropy of the values that images show; what is not known teaches nothing."""
    if space is None or network.estimator is None:
        raise ValueError("training the estimator needs one, and attributes")
    with seeded(batch.random, batch.images.device):  # dropout
        logits = network.estimator(batch.images)
    return {"values": cross_entropy(logits.float(), batch.labels, space)}


@contextmanager
def seeded(random: np.random.Generator, device: torch.device) -> Iterator[None]:
    """Let torch's own random numbers follow from an update's; afterwards the process's go on."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(random.integers(2**31)))
        yield
