"""What can be killed: each change of a collection, from what it starts with to how it is finished.

Used by killed_changes.py (each instant in turn), killed_at_random.py and a full disk.
"""

import hashlib
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.drawer import DrawnBatch
from index.store import read_contract
from retrieval.collection import archive, builder, compact
from retrieval.collection.build import build as build_space
from retrieval.collection.collection import Collection
from retrieval.scoring.terms import DRAWING, VALUES
from retrieval.search.live_index import LiveIndex
from tests.drawing import FakeEngine, coarse_features

FEW = 3  # images in a batch, so that a build has several


DOUBLED = {
    "without_identity": {"log_probability": 0.1},
    "hypotheses": {
        "drawing+values": {
            "chosen": "2 within 1",
            "tried": {"2 within 1": {"log_probability": 0.1}},
        }
    },
}
"""For a card: some of its images have second hypotheses."""


class Darkening(FakeEngine):
    """Draws an image the darker the later the wished value stands; its features are pixels."""

    @property
    def estimates(self) -> bool:
        return bool(self.card.fusion)

    @property
    def score(self) -> str:
        """Of the spaces that are made with it."""
        return VALUES if self.estimates else DRAWING

    def log_probabilities(self, pixels: Pixels) -> Floats:
        """Take an image of middling brightness for the second value as soon as for the first."""
        dark = 1 / (1 + np.exp((pixels.mean(axis=(1, 2, 3)) - 95) / 8))
        chances = np.stack([0.9 * dark, 0.9 * (1 - dark), np.full(len(dark), 0.1)], axis=1)
        log_p: Floats = np.log(np.maximum(chances, 1e-6)).astype(np.float32)
        return log_p

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        refined = (pixels * (1 - 0.1 * codes.argmax(axis=1)[:, None, None, None])).astype("float32")
        return DrawnBatch(refined, refined, coarse_features(refined, codes))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a change happens.

    Attributes:
        root: Of the collection.
        photos: What it is built of.
        more: Photographs that are added.
        weights: Only a card.
        packed: An archive.
    """

    root: Path
    photos: Path
    more: Path
    weights: Path
    packed: Path

    @property
    def engine(self) -> Darkening:
        """A generator that draws at once."""
        card = self.weights.with_suffix(".json").read_text("utf-8")
        return Darkening(Card.from_json(card, "card"))


def build(place: Place) -> None:
    """Build the space of `photos`."""
    _build(place, place.photos)


def add(place: Place) -> None:
    """Add `more`."""
    _build(place, place.more)


def remove(place: Place) -> None:
    """Remove every third image."""
    with _writing(place) as collection:
        collection.catalogue.images.remove([1, 4, 7])


def compact_all(place: Place) -> None:
    """Take from disk what was removed."""
    with _writing(place) as collection:
        list(compact.compact(collection))


def export(place: Place) -> None:
    """Pack the collection."""
    with _writing(place) as collection:
        list(archive.export(collection, place.packed))


def unpack(place: Place) -> None:
    """Make the collection of the archive, unless that was done."""
    if not (place.root / "catalogue.db").exists():
        list(archive.import_archive(place.packed, place.root))


CHANGES: dict[str, tuple[tuple[Callable[[Place], None], ...], Callable[[Place], None]]] = {
    "build": ((), build),
    "add": ((build,), add),
    "remove": ((build,), remove),
    "compact": ((build, add, remove), compact_all),
    "export": ((build, remove), export),
    "import": ((build, remove, export), unpack),
}
"""By name: what is done before, and the change that is killed and then made again."""


def prepared(folder: Path, name: str) -> Path:
    """Make the collection that a change starts with; return its folder, to be copied."""
    start = folder / "start"
    start.mkdir()
    for step in CHANGES[name][0]:
        step(place_in(folder, start))
    if name == "import":
        shutil.rmtree(start / "collection")
    return start


def place_in(folder: Path, copy: Path) -> Place:
    """Return the place of one attempt."""
    return Place(
        root=copy / "collection",
        photos=folder / "photos",
        more=folder / "more",
        weights=folder / "weights" / "weights.safetensors",
        packed=copy / "packed.tar",
    )


def outcome(place: Place, *, exact: bool = True) -> dict[str, Any]:
    """Describe all that a change left: files, rows, and what a search finds.

    Args:
        place: Where.
        exact: Whether numbers of shards and generations, and so the files, are told, too.
    """
    collection = Collection.open(place.root)
    engine = place.engine
    space = collection.catalogue.spaces.get(engine.card.name)
    contract = read_contract(collection.space_dir(space.name))
    index = LiveIndex(collection, space, contract, "cpu")
    probes = np.random.default_rng(0).normal(size=(3, contract.dimension)).astype(np.float32)
    found = index.search(probes, 100)
    states = collection.catalogue.spaces.state_counts(space.id)
    collection.close()
    told: dict[str, Any] = {
        "ids": found.ids.tolist(),
        "scores": np.round(found.scores, 4).tolist(),
        "states": states,
    }
    if exact:
        told |= {"files": _files(place), "rows": _rows(place)}
    if place.packed.exists():
        with tarfile.open(place.packed) as tar:
            listed = tar.extractfile("mindseye.json")
            assert listed is not None
            told["packed"] = json.loads(listed.read())
            del told["packed"]["members"]["catalogue.db"]
    return told


def _files(place: Place) -> dict[str, str]:
    roots = [place.root, place.packed.parent]
    paths = {path for root in roots for path in root.rglob("*") if path.is_file()}
    return {
        str(path.relative_to(place.root.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(paths)
        if not path.name.startswith("catalogue.db") and path.name not in (".lock", "packed.tar")
    }


def _rows(place: Place) -> dict[str, list[str]]:
    database = sqlite3.connect(place.root / "catalogue.db")
    database.execute("UPDATE space SET published_at = NULL")
    database.execute("UPDATE image SET removed_at = 'then' WHERE removed_at IS NOT NULL")
    found = database.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    rows = {
        name: sorted(map(repr, database.execute(f"SELECT * FROM {name}")))  # noqa: S608
        for (name,) in found
    }
    database.rollback()
    database.close()
    return rows


def _build(place: Place, photos: Path) -> None:
    with _writing(place) as collection:
        faces = open_faces(f"folder:{photos}")
        with mock.patch.object(builder, "BATCH", FEW):
            score = place.engine.score
            list(build_space(collection, faces, place.engine, place.weights, score=score))


class _writing:  # noqa: N801  a context, used like a function
    def __init__(self, place: Place) -> None:
        self._collection = Collection.open_or_create(place.root)
        self._lock = self._collection.writing()

    def __enter__(self) -> Collection:
        self._lock.__enter__()
        return self._collection

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)
        self._collection.close()


def fill(
    folder: Path, card: Path, photograph: Callable[..., Path], *, doubled: bool = False
) -> None:
    """Write photographs, two of them alike, two bad ones, and weights that are only a card.

    Args:
        folder: Where.
        card: Of the weights.
        photograph: Writes one.
        doubled: Whether some images have second hypotheses.
    """
    for number in range(7):
        photograph(folder / "photos" / f"{number}.png", seed=number)
    for number in range(5, 11):  # two of them are known
        photograph(folder / "more" / f"{number}.png", seed=number)
    shutil.copy(folder / "photos" / "1.png", folder / "photos" / "6a.png")
    (folder / "photos" / "2a.png").write_text("no image")
    (folder / "photos" / "5a.png").touch()
    weights = folder / "weights" / "weights.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"nobody reads them")
    told = json.loads(card.read_text("utf-8"))
    told["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    told["fusion"] = DOUBLED if doubled else {}
    weights.with_suffix(".json").write_text(json.dumps(told))
