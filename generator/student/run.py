"""A run that teaches a student: lessons, then updates; it goes on where it was stopped.

The folder of a run holds `lessons/NN` of every face set and `checkpoint.safetensors` while it
learns. What comes of it is written beside the weights of the teacher, and on their card.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from gallery.joined import refuse_reserved
from generator.card import Card
from generator.engine import Engine
from generator.precision import settle
from generator.student.distilling import DEVICE, DistillConfig, Distiller
from generator.student.lessons import Lessons, teach
from generator.student.network import StudentConfig, StudentNetwork, count_flop
from generator.student.seeing import student_path
from generator.student.student import build_network, save_student
from generator.weights_file import save_card

CHECKPOINT = "checkpoint.safetensors"
SAVE_EVERY = 200  # steps
LARGEST_BYTES = 4_000_000  # of a student's file


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRequest:
    """What is to be done.

    Attributes:
        weights: File of the teacher's weights.
        sets: Whom the student learns from.
        out: Folder of the run.
        config: How it learns.
        network: Its shape.
        seed: Of lessons and first weights.
    """

    weights: Path
    sets: Sequence[FaceSet]
    out: Path
    config: DistillConfig = field(default_factory=DistillConfig)
    network: StudentConfig = field(default_factory=StudentConfig)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class DistillProgress:
    """How far a run is.

    Attributes:
        phase: What is being done.
        done: How much of it.
        total: How much there is.
        loss: Distance of canonical views to the teacher's, of the last batch; None before.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None


def distil(engine: Engine, request: DistillRequest) -> Generator[DistillProgress, None, Card]:
    """Teach a student; the generator returns the card of the weights, which is written, too.

    Args:
        engine: The teacher, opened from `request.weights`.
        request: What is to be done.

    Raises:
        ConfigError: The sets are kept for testing, the weights can have no student, or the folder
            is of another run.
        OSError: The disk is full.
    """
    for faces in request.sets:
        refuse_reserved(faces, "trained")
    settled = settle(request.config.precision, DEVICE)
    request = replace(request, config=replace(request.config, precision=settled))
    network = _network(engine, request)
    folders = [request.out / "lessons" / f"{place:02}" for place in range(len(request.sets))]
    for faces, folder in zip(request.sets, folders, strict=True):
        for step in teach(engine, faces, folder, request.seed):
            yield DistillProgress(f"lessons of {faces.spec}", step.done, step.total)
    lessons = Lessons.read(folders)
    distiller = Distiller(network, lessons, engine.card, request.config)
    checkpoint = request.out / CHECKPOINT
    if checkpoint.is_file():
        distiller.restore(checkpoint)
    for made in distiller.steps():
        if made.number % SAVE_EVERY == 0 or made.number == made.total:
            distiller.save(checkpoint)
        yield DistillProgress("teaching", made.number, made.total, made.terms["own"])
    sha256 = save_student(request.weights, network.eval())
    card = replace(engine.card, student=_described(engine, request, network, len(lessons), sha256))
    save_card(request.weights, card)
    return card


def _network(engine: Engine, request: DistillRequest) -> StudentNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        network = build_network(engine.card, engine.dimension, request.network.to_json())
    size = 2 * sum(one.numel() for one in network.state_dict().values())
    if size > LARGEST_BYTES:
        raise ConfigError(f"a student has at most {LARGEST_BYTES:,} bytes, this one has {size:,}")
    return network


def _described(
    engine: Engine, request: DistillRequest, network: StudentNetwork, images: int, sha256: str
) -> dict[str, Any]:
    """Return what the card says of the student."""
    aligner = engine.card.aligner
    people = [who for faces in request.sets for who in faces.identities]
    return {
        "sha256": sha256,
        "network": request.network.to_json(),
        "dimension": engine.dimension,
        "size": {
            "bytes": student_path(request.weights).stat().st_size,
            "parameters": sum(one.numel() for one in network.parameters()),
            "gflop": round(count_flop(network, aligner.size, aligner.channels) / 1e9, 4),
        },
        "recipe": {**request.config.to_json(), "seed": request.seed},
        "learnt_from": {
            "spec": " + ".join(faces.spec for faces in request.sets),
            "images": images,
            "people": list(dict.fromkeys(people)),
        },
    }
