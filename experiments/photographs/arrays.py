"""What a score is made of, for all images of a set, as arrays: drawn, seen and read once.

Ideas about scores are then tried in minutes, without drawing again (parts.py).

Shapes: N images, V values of the pose, D numbers of an embedding, I numbers of an identity.
"""

from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import Condition
from gallery.detection.head_pose import head_pose
from gallery.detection.shared_mesh import shared_mesh
from gallery.faces import FaceSet
from gallery.portraits import WIDE
from generator.engine import Engine
from retrieval.evaluation.fold.fold import read_images, read_portraits
from retrieval.evaluation.fold.vector_store import default_cache, open_store
from retrieval.recognisers.registry import open_recogniser
from retrieval.recognisers.sface import MIDDLE, SIDE, weights_file
from retrieval.recognisers.sface_runtime import TORCH, open_network
from retrieval.recognisers.third_party import enlarged

BATCH = 64
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Arrays:
    """Of N images.

    Attributes:
        names: Of the images, (N,).
        drawings: Embeddings of drawings of every value, (N, V, D).
        seen: The same as the student says, (N, V, D).
        network: log p by the weights' estimator, (N, V).
        student: log p by the student, (N, V).
        yaw: Read off landmarks, degrees, (N,).
        presence: How sure it is that there is a face, (N,).
        points: Identities by five points, as a search reads them, (N, I).
        box: Identities by a box in the middle, (N, I).
    """

    names: NDArray[np.str_]
    drawings: Floats
    seen: Floats
    network: Floats
    student: Floats
    yaw: Floats
    presence: Floats
    points: Floats
    box: Floats

    @classmethod
    def kept(cls, path: Path, faces: FaceSet, engine: Engine) -> "Arrays":
        """Read them from a file, or make them and write it."""
        if not path.is_file():
            made = make(faces, engine)
            np.savez(path, **asdict(made))
        with np.load(path, allow_pickle=False) as found:
            return cls(**{name: found[name] for name in found.files})


def make(faces: FaceSet, engine: Engine) -> Arrays:
    """Read, draw, look: everything once. Weights draw one pose, and have a student."""
    aligner = engine.card.aligner
    with open_store(default_cache()) as store:
        aligned = last(read_images(faces, aligner, store, "pixels", "reading"))
        portraits = last(read_portraits(faces, aligned, aligner, store, WIDE))
        pixels, shown = np.asarray(aligned.pixels), np.asarray(portraits.pixels)
    parts = [
        _batch(engine, pixels[at : at + BATCH], shown[at : at + BATCH])
        for at in range(0, len(pixels), BATCH)
    ]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Arrays(names=np.array([face.name for face in aligned.faces]), **joined)


def _batch(engine: Engine, pixels: Pixels, portraits: Pixels) -> dict[str, Any]:
    (pose,) = engine.card.space.attributes
    codes = np.stack([engine.card.space.one_hot(Condition({"pose": v})) for v in pose.values])
    many, values = len(pixels), len(codes)
    mesh = shared_mesh().look(portraits)
    drawn = engine.draw(np.repeat(pixels, values, axis=0), np.tile(codes, (many, 1)))
    student = engine.student()
    glance = student.look(pixels)
    box = open_network(weights_file(), TORCH).describe(enlarged(portraits, SIDE, MIDDLE))
    return {
        "drawings": normalise(drawn.features).reshape(many, values, -1),
        "seen": student.embed(glance, np.tile(codes[None], (many, 1, 1))),
        "network": engine.log_probabilities(pixels),
        "student": glance.log_p,
        "yaw": head_pose(mesh.points).yaw.astype(np.float32),
        "presence": mesh.presence,
        "points": open_recogniser("sface5").embed(portraits),
        "box": normalise(box),
    }


def last(steps: Generator[Any, None, Found]) -> Found:
    """Run steps to their end; return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Found = stop.value
            return found
