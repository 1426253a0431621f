"""Tiny editors and data to train them on, for several tests. Shapes: N images, A code."""

from typing import Any

import numpy as np
import torch

from gallery.attributes import Attribute, AttributeSpace
from generator.networks.family import Network
from generator.networks.registry import architecture
from generator.runs.request import CPU
from generator.training.config import TrainConfig
from generator.training.data import TrainingData
from generator.training.pairs import Pairs

SPACE = AttributeSpace((Attribute("light", ("left", "middle", "right")),))
TINY = {"size": 32, "channels": 1, "width": 4, "critic_width": 4}


def tiny(name: str, **changes: Any) -> Network:
    """Build a narrow network of 32 x 32 gray images and three values."""
    network = architecture(name).build(SPACE.size, {**TINY, **changes})
    network.initialise(torch.Generator().manual_seed(0))
    return network


def lit(people: int = 2, channels: int = 1, side: int = 32) -> TrainingData:
    """Draw people under three lights: a bright third of the image; every pair of one person."""
    random = np.random.default_rng(0)
    pixels = random.integers(60, 120, (people * 3, side, side, channels), dtype=np.uint8)
    values = np.arange(len(pixels)) % 3
    for position, value in enumerate(values):
        pixels[position, :, value * side // 3 : (value + 1) * side // 3] += 120
    same = np.arange(len(pixels)) // 3
    sources, targets = np.nonzero(same[:, None] == same[None])
    codes = np.eye(3, dtype=np.float32)[values]
    pairs = Pairs(sources, targets, codes)
    return TrainingData(pixels, pairs, CPU, values[:, None], people=same)


def adam(**changes: Any) -> TrainConfig:
    """Return a recipe for a few quick updates without augmentation."""
    settings: dict[str, Any] = {
        "optimiser": "adam",
        "beta1": 0.5,
        "learning_rate": 2e-3,
        "schedule": "constant",
        "warmup_steps": 0,
        "precision": "float32",
        "batch_size": 6,
        "steps": 4,
    }
    return TrainConfig(**{**settings, **changes})
