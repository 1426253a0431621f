"""Embedders by name; the refiner's features come with the weights under test and are not here."""

from collections.abc import Callable
from functools import partial

import torch

from retrieval.evaluation.embedders.base import Embedder
from retrieval.evaluation.embedders.pixels import PixelEmbedder
from retrieval.evaluation.embedders.vgg16 import Vgg16Embedder
from retrieval.recognisers.registry import RECOGNISERS, open_recogniser


def _recogniser(name: str, _: torch.device) -> Embedder:
    return open_recogniser(name)


EMBEDDERS: dict[str, Callable[[torch.device], Embedder]] = {
    "pixels": lambda _: PixelEmbedder(),
    "vgg16": Vgg16Embedder,
    **{name: partial(_recogniser, name) for name in RECOGNISERS},
}


def open_embedder(name: str, device: torch.device) -> Embedder:
    """Load an embedder.

    Raises:
        MissingEmbedderError: What it needs is not installed.
        WeightsError: Its weights are damaged.
        KeyError: There is no such embedder.
    """
    return EMBEDDERS[name](device)
