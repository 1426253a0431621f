"""Whether weights find more than others, on the same people."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.errors import DatasetError
from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.evaluation.fold.fold_cache import Workbench
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import Method
from retrieval.evaluation.methods.ranker import Answered
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord
from retrieval.fitting import improvement
from retrieval.fitting.improvement import Improvement, measure_improvement

CPU = torch.device("cpu")
ASKED = Protocol(queries=60, exclude_source=True)
MEASURED = Improvement("fused", 0.5, 0.6, 0.0, 0.2, people=3, queries=60)


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def test_weights_are_no_better_than_themselves(pose_weights: Path, faces_spec: str) -> None:
    engine = Engine.open(pose_weights, CPU, precision=torch.float32)
    found = finished(measure_improvement(engine, engine, open_faces(faces_spec), ASKED))
    assert found.before == found.after
    assert (found.low, found.high) == (0, 0)
    assert found.score == "ours"  # they have no estimator
    assert found.people == len(open_faces(faces_spec).identities)
    assert not found.is_better


def test_what_one_gains_the_other_loses(
    pose_weights: Path, faces_spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse, better = (Engine.open(pose_weights, CPU, precision=torch.float32) for _ in range(2))

    def ranked(method: Method, _: int, work: Workbench, __: Protocol) -> Steps[Answered]:
        """All that is right stands first with one engine, third with the other."""
        yield from ()
        rank = 0 if work.bench.engine is better else 2
        ranks = np.full(len(work.bench.asked.right), rank)
        return Answered(MethodRecord(name=method.name, note="", right_ranks=ranks))

    monkeypatch.setattr(improvement, "answer", ranked)
    faces = open_faces(faces_spec)
    gain = finished(measure_improvement(worse, better, faces, ASKED))
    assert (gain.before, gain.after, gain.low) == (0, 1, 1)
    assert gain.is_better
    loss = finished(measure_improvement(better, worse, faces, ASKED))
    assert (loss.before, loss.after, loss.high) == (1, 0, -1)
    assert not loss.is_better


def test_a_gain_that_chance_would_bring_is_none() -> None:
    assert MEASURED.is_better
    assert not replace(MEASURED, low=-0.01).is_better
    assert not replace(MEASURED, after=0.5).is_better
    assert not replace(MEASURED, people=1).is_better
    assert str(MEASURED) == (
        "C2 R@1 50.0 before, 60.0 after (+10.0 [+0.0, +20.0]; 3 people, 60 queries)"
    )
    assert Improvement(**MEASURED.to_json()) == MEASURED


def test_people_who_cannot_be_asked_about_are_told(pose_weights: Path, faces_spec: str) -> None:
    engine, faces = Engine.open(pose_weights, CPU), open_faces(faces_spec)
    alike = faces.where(lambda face: face.condition["pose"] == "0")
    with pytest.raises(DatasetError, match="there is nothing to ask"):
        finished(measure_improvement(engine, engine, alike, ASKED))
