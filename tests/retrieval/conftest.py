"""Fixtures for the tests of retrieval: a generator that draws at once, and photographs of noise."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.catalogue.records import SpaceRow
from gallery.readers.registry import open_faces
from generator.canonical import RECONSTRUCTION
from generator.drawer import Drawer, DrawnBatch
from generator.weights_file import load_card
from retrieval.collection.build import build
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.embedding import contract_of
from retrieval.search.live_index import LiveIndex
from tests.drawing import FakeEngine, coarse_features


class ByBrightness(FakeEngine):
    """Redraws an image so that the value which its brightness calls for comes closest."""

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        wanted = pixels.mean(axis=(1, 2, 3)) / 256 * codes.shape[1]
        away = np.abs(wanted - codes.argmax(axis=1) - 0.5)
        refined = (pixels * 0.9 + 10 * away[:, None, None, None]).astype(np.float32)
        return DrawnBatch(refined + 1, refined, coarse_features(refined, codes))


@pytest.fixture
def quick() -> Callable[[Path], Drawer]:
    """Return a generator with the card of some weights, that draws without a network."""
    return lambda weights: ByBrightness(load_card(weights))


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


class Gallery:
    """A collection with one space, drawn at once, and the folder of photographs it is built of."""

    def __init__(self, collection: Collection, photos: Path, engine: Drawer, weights: Path) -> None:
        self.collection = collection
        self.photos = photos
        self.engine = engine
        self.weights = weights

    def build(self, photos: Path | None = None, **options: Any) -> BuildProgress:
        """Build all of the photographs there are, or those of another folder."""
        faces = open_faces(f"folder:{photos or self.photos}")
        return list(build(self.collection, faces, self.engine, self.weights, **options))[-1]

    @property
    def space(self) -> SpaceRow:
        return self.collection.catalogue.spaces.get(self.engine.card.name)

    @property
    def directory(self) -> Path:
        return self.collection.space_dir(self.engine.card.name)

    def open(self) -> LiveIndex:
        contract = contract_of(self.engine, RECONSTRUCTION)
        return LiveIndex(self.collection, self.space, contract, "cpu")

    def names(self, index: LiveIndex, allowed: Any = None) -> list[str]:
        """Rank all images for one probe, by name."""
        return [name for name, _ in self.scores(index, allowed)]

    def scores(self, index: LiveIndex, allowed: Any = None) -> list[tuple[str, float]]:
        """Rank all images for one probe, by name, with scores."""
        probe = np.random.default_rng(5).normal(size=(1, self.engine.dimension)).astype(np.float32)
        found = index.search(probe, 1000, allowed)
        ids = found.ids[0].tolist()
        rows = self.collection.catalogue.images.rows(self.space.id, ids)
        return [
            (Path(rows[i].path).name, round(score, 5))
            for i, score in zip(ids, found.scores[0].tolist(), strict=True)
        ]

    def states(self) -> dict[str, int]:
        counts = self.collection.catalogue.spaces.state_counts(self.space.id)
        return {state: count for state, count in counts.items() if count}

    def id_of(self, name: str) -> int:
        found = self.collection.catalogue.images.at(str(self.photos / name))
        assert found is not None
        return found


@pytest.fixture
def gallery(
    collection: Collection,
    photos: Path,
    photograph: Callable[..., Path],
    quick: Callable[[Path], Drawer],
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Gallery:
    """Eight photographs of four people, 0.png to 7.png, in four shards of two."""
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 2)
    lines = ["path,identity,pose"]
    for number in range(8):
        photograph(photos / f"{number}.png", seed=number)
        lines.append(f"{number}.png,p{number // 2},{(-45, 0, 45)[number % 3]}")
    (photos / "labels.csv").write_text("\n".join(lines))
    made = Gallery(collection, photos, quick(pose_weights), pose_weights)
    made.build()
    return made
