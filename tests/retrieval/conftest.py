"""Fixtures for the tests of retrieval: a generator that draws at once, and photographs of noise."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.align import Pixels
from generator.card import Card
from generator.checkpoint import load_card
from generator.engine import Drawn, Engine, Floats
from retrieval.collection import Collection
from tests.drawing import DrawsOneByOne


class QuickEngine(DrawsOneByOne):
    """Redraws an image so that the value which its brightness calls for comes closest."""

    def __init__(self, card: Card) -> None:
        self.card = card

    def draw(self, pixels: Pixels, codes: Floats) -> Drawn:
        wanted = pixels.mean(axis=(1, 2, 3)) / 256 * codes.shape[1]
        away = np.abs(wanted - codes.argmax(axis=1) - 0.5)
        refined = (pixels * 0.9 + 10 * away[:, None, None, None]).astype(np.float32)
        coarse = refined.reshape(len(codes), 8, 4, 8, 4, -1).mean(axis=(2, 4, 5))
        features = np.concatenate([coarse.reshape(len(codes), -1) - 100, codes], axis=1)
        return Drawn(refined + 1, refined, features.astype(np.float32))


@pytest.fixture
def quick() -> Callable[[Path], Engine]:
    """Return a generator with the card of some weights, that draws without a network."""
    return lambda weights: QuickEngine(load_card(weights))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def photograph() -> Callable[..., Path]:
    """Write a picture of noise, 36 x 36; another seed gives another picture."""

    def write(path: Path, seed: int) -> Path:
        random = np.random.default_rng(seed)
        top = random.integers(40, 256)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, top, (36, 36), dtype=np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """An empty collection, open."""
    opened = Collection.open_or_create(tmp_path / "collection")
    yield opened
    opened.close()
