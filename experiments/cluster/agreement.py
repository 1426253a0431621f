"""The same images built in three ways: alike? Print a line of JSON.

    OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/cluster/agreement.py --images 2000

Variants of the packaged drawn faces (moved by a few pixels, lighter or darker) are embedded by
`--weights`, in blocks of 64: by this process into a folder, by two processes into PostgreSQL, by
Ray with three nodes of this machine into a folder. Compared are the rows (hashes, cosines) and the
ten best for 200 probes, which are rows with noise, by exact search in each place.
"""

import argparse
import json
import sys
import time
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from experiments.cluster.nodes import Nodes
from experiments.cluster.server import Server
from gallery.faces import FaceSet
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.weights_file import find_weights
from index.base import Ids, Vectors
from index.kinds import Request
from retrieval.collection import builder
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish
from retrieval.collection.workers.opening import Workers
from retrieval.search.live import open_live

BLOCK, PROBES, TEN = 64, 200, 10
SAME_SCORE = 1e-5


def draw(folder: Path, count: int) -> FaceSet:
    """Write variants of the packaged faces, no two alike."""
    folder.mkdir()
    faces, random = open_faces("studio-mini"), np.random.default_rng(0)
    for number in range(count):
        face = faces.faces[number % len(faces)]
        with Image.open(faces.path(face)) as opened:
            pixels = np.asarray(opened.convert("RGB"), dtype=np.float32)
        moved = np.roll(pixels, random.integers(-2, 3, 2).tolist(), (0, 1))
        varied = moved * random.uniform(0.8, 1.2) + random.uniform(-12, 12)
        made = Image.fromarray(varied.clip(0, 255).astype(np.uint8))
        made.save(folder / f"{number:06}.png")
    return open_faces(f"folder:{folder}")


def built(
    root: Path, at: str | None, workers: Workers | None, faces: FaceSet, weights: Path
) -> tuple[Collection, float]:
    """Build, to be searched exactly; return the collection, and how many seconds it took."""
    collection = Collection.open_or_create(root, engine=at)
    engine = Engine.open(weights, torch.device("cpu"))
    began = time.perf_counter()
    with collection.writing():
        steps = build(collection, faces, engine, weights, score="drawing", workers=workers)
        *_, last = steps
        took = time.perf_counter() - began
        publish(collection, engine.card.name, Request(kind="exact"))
    if last.indexed != len(faces):
        raise SystemExit(f"{last.indexed} of {len(faces)} images were embedded")
    return collection, took


class Made:
    """What came of a way to build, by the SHA-256 of images, in their order.

    Attributes:
        names: SHA-256 of the bytes of each image, (n,), rising.
        vectors: Of each, (n, D).
    """

    def __init__(self, collection: Collection) -> None:
        (space,) = collection.catalogue.spaces.all()
        ids = collection.catalogue.spaces.placed_ids(space.id, "indexed")
        rows = collection.catalogue.images.rows(space.id, ids)
        self._live = open_live(collection, space, collection.contract(space), "cpu")
        stored = self._live.stored(np.array(sorted(ids), dtype=np.int64))
        self._name = {image: rows[image].sha256 for image in ids}
        names = [self._name[image] for image in stored.ids.tolist()]
        order = np.argsort(names, kind="stable")
        self.names = [names[at] for at in order.tolist()]
        self.vectors: Vectors = stored.vectors[order]

    def best(self, probes: Vectors, k: int) -> tuple[list[list[str]], Vectors]:
        """Return the names of the k best images for each probe, and their scores."""
        found = self._live.find(probes, k)
        return [[self._name[i] for i in row] for row in found.ids.tolist()], found.scores


def differences(one: Made, other: Made, probes: Vectors) -> dict[str, Any]:
    """Compare rows, and the ten best for each probe."""
    if one.names != other.names:
        raise SystemExit("not the same images")
    pairs = list(zip(one.vectors, other.vectors, strict=True))
    cosines = [float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in pairs]
    hashes = [sha256(a.tobytes()).digest() == sha256(b.tobytes()).digest() for a, b in pairs]
    (ours, scores), (theirs, other_scores) = one.best(probes, TEN), other.best(probes, TEN)
    return {
        "rows": len(pairs),
        "least_cosine": min(cosines),
        "equal_hashes": sum(hashes),
        "probes_with_the_same_ten": sum(a == b for a, b in zip(ours, theirs, strict=True)),
        "probes_that_differ": sum(
            not _same(*each) for each in zip(ours, theirs, scores, other_scores, strict=True)
        ),
        "largest_difference_of_scores": float(np.abs(scores - other_scores).max()),
    }


def _same(ours: list[str], theirs: list[str], scores: Vectors, others: Vectors) -> bool:
    """Say whether two lists differ at most by images whose scores are alike."""
    return all(
        a == b or abs(float(s - t)) <= SAME_SCORE
        for a, b, s, t in zip(ours, theirs, scores, others, strict=True)
    )


def probes_of(vectors: Vectors) -> Vectors:
    """Return rows with noise: like queries, and in no gallery."""
    random = np.random.default_rng(1)
    chosen: Ids = random.choice(len(vectors), PROBES)
    scale = 0.5 * vectors.std()
    noisy = vectors[chosen] + scale * random.standard_normal((PROBES, vectors.shape[1]))
    return noisy.astype(np.float32)


def main() -> None:
    """Build in three ways, and compare each with the first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--weights", default="pose-mindseye-60")
    asked = parser.parse_args()
    builder.BATCH = BLOCK
    torch.set_num_threads(1)
    weights = find_weights(asked.weights)
    with TemporaryDirectory() as folder, Server.started() as server:
        place = Path(folder)
        faces = draw(place / "photos", asked.images)
        Nodes(3)
        ways = {
            "folder": (None, None),
            "postgresql": (server.database(), Workers(count=2)),
            "ray": (None, Workers(count=3, ray="auto")),
        }
        told: dict[str, Any] = {"images": len(faces), "weights": asked.weights}
        first: Made | None = None
        for name, (at, workers) in ways.items():
            collection, took = built(place / name, at, workers, faces, weights)
            made = Made(collection)
            first = first or made
            told[name] = {"seconds": round(took, 1)}
            told[name] |= differences(first, made, probes_of(first.vectors))
            sys.stderr.write(f"{name}: {told[name]}\n")
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
