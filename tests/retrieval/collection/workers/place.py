"""A folder of photographs, collections of them, and what is compared; shared by tests of workers.

As a program, `python -m tests.retrieval.collection.workers.place PHOTOS WEIGHTS COLLECTION WORKERS
RAY` builds with so many workers ("-": no cluster), and is killed after the first batch.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from gallery.faces import FaceSet
from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.collection import builder
from retrieval.collection.build import build
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.workers.opening import Workers

BATCH = 4


@dataclass(frozen=True)
class Place:
    """Photographs, and weights that draw them."""

    photos: Path
    weights: Path

    @property
    def faces(self) -> FaceSet:
        return open_faces(f"folder:{self.photos}")

    def steps(
        self, collection: Collection, workers: Workers | None, faces: FaceSet | None = None
    ) -> Iterator[BuildProgress]:
        engine = Engine.open(self.weights, torch.device("cpu"), precision=torch.float32)
        return build(collection, faces or self.faces, engine, self.weights, workers=workers)

    def build(
        self, root: Path, workers: Workers | None = None, faces: FaceSet | None = None
    ) -> BuildProgress:
        """Build, and return the last progress."""
        with opened(root) as collection:
            return list(self.steps(collection, workers, faces))[-1]


@contextmanager
def opened(root: Path) -> Iterator[Collection]:
    """Open a collection for writing."""
    collection = Collection.open_or_create(root)
    try:
        with collection.writing():
            yield collection
    finally:
        collection.close()


def shards(root: Path) -> list[tuple[str, str]]:
    """Return the hashes of all shards, whatever their numbers."""
    with opened(root) as collection:
        (space,) = collection.catalogue.spaces.all()
        rows = collection.catalogue.spaces.shards(space.id)
        return sorted((row.ids_sha256, row.embeddings_sha256) for row in rows)


def skipped(root: Path) -> dict[str, str]:
    """Return why images were left out, by name of their file."""
    with opened(root) as collection:
        (space,) = collection.catalogue.spaces.all()
        found = collection.catalogue.spaces.skipped(space.id)
        return {Path(path).name: reason for path, reason in found}


def main() -> None:
    photos, weights, root, workers, ray = sys.argv[1:]
    builder.BATCH = BATCH
    place = Place(Path(photos), Path(weights))
    asked = Workers(count=int(workers), ray=None if ray == "-" else ray)
    with opened(Path(root)) as collection:
        for step in place.steps(collection, asked):
            if step.done:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
