"""Whether weights find more than others, on the same people."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gallery.errors import DatasetError
from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.evaluation.protocol.protocol import Protocol
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


def compared(before: Path, after: Path, spec: str) -> Improvement:
    engines = [Engine.open(one, CPU, precision=torch.float32) for one in (before, after)]
    found: Improvement = finished(measure_improvement(*engines, open_faces(spec), ASKED))
    return found


def test_weights_are_no_better_than_themselves(pose_weights: Path, faces_spec: str) -> None:
    found = compared(pose_weights, pose_weights, faces_spec)
    assert found.before == found.after > 0
    assert (found.low, found.high) == (0, 0)
    assert not found.is_better


def test_what_one_gains_the_other_loses(
    pose_weights: Path, make_weights: Callable[..., Path], faces_spec: str
) -> None:
    other = make_weights("pose-32", seed=5)
    found, turned = (
        compared(pose_weights, other, faces_spec),
        compared(other, pose_weights, faces_spec),
    )
    assert (found.before, found.after) == (turned.after, turned.before)
    assert found.before != found.after
    assert found.low == pytest.approx(-turned.high)
    assert found.score == "ours"  # neither has an estimator
    assert found.people == len(open_faces(faces_spec).identities)


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
