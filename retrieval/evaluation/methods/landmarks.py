"""The rival that draws nothing: the wished pose by landmarks, the person by a recogniser.

    score = cos(identity of the source, identity of the image) + a log p(wished value | yaw)

log p is that of the landmarks alone (retrieval/estimation/pose_calibration.py), without the
network of the weights under test. The calibration and a are those of the card, which `weights fit`
fits on the same people as the fused score; where nothing was fitted, LINE and A hold, which are
what such yaws are of heads in general.

Shapes: N gallery images, Q queries, A values of all attributes, I numbers of an identity.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from gallery.arrays import Floats
from gallery.portraits import NARROW, form_in
from generator.card import Card
from retrieval.estimation.landmark_pose import Mesh, estimate_of, formed, opened_mesh
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws, pose_of
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench
from retrieval.evaluation.fold.term_rows import read_term
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import Method, Prepared
from retrieval.evaluation.methods.fused import wishes_of
from retrieval.scoring.terms import Coefficients, Layout, ask_sources

NAME = "landmarks+sface"
A = 0.15  # as was fitted on forty real people whom no benchmark asks about (docs/rivals.md)
LINE: dict[str, Any] = {"slope": 0.95, "spread": 2.0, "growth": 2.0, "freedom": 4.0}


def landmarks(work: Workbench, _: int) -> Steps[Prepared]:
    """Search by yaw and identity."""
    space = work.bench.space
    if pose_of(space) is None or set(space.names) != {"pose"}:
        raise SkippedMethodError("landmarks tell poses in degrees, and nothing else")
    fitted = PoseCalibration.of(work.bench.engine.card)
    mesh = formed(opened_mesh(), NARROW if fitted is None else form_in(fitted.mesh))
    yaws = yield from work.yaws(mesh)
    known = yield from read_term(work, "identity")
    started = time.perf_counter()
    a, line = settings_of(work.bench.engine.card, mesh)
    read = {"log_p": by_landmarks(line, yaws.value, work), "identity": np.asarray(known.value)}
    layout = Layout(0, {name: part.shape[1] for name, part in read.items()})
    gallery = layout.gallery(np.zeros((len(yaws.value), 0), np.float32), read)
    sources, wishes = work.bench.asked.source, wishes_of(work)
    asked = {name: ask_sources(name, wishes, part, sources) for name, part in read.items()}
    nothing = np.zeros((len(sources), 0), np.float32)
    return Prepared(
        gallery=gallery,
        probes=layout.probes(nothing, asked, Coefficients(log_p=a, identity=1.0)),
        build_s=yaws.seconds + known.seconds + time.perf_counter() - started,
        settings={"log_probability": a, "fitted": bool(work.bench.engine.card.landmarks)},
    )


def by_landmarks(line: PoseCalibration, yaws: Yaws, work: Workbench) -> Floats:
    """Return log p of every value by the landmarks alone, (N, A)."""
    return estimate_of(replace(line, exponent=1.0), yaws, None, work.bench.space)


def settings_of(card: Card, mesh: Mesh) -> tuple[float, PoseCalibration]:
    """Return a, and what a yaw is worth: as fitted for some weights, or as it is in general."""
    fitted = PoseCalibration.of(card)
    if fitted is None or fitted.mesh != mesh.fingerprint:
        return A, PoseCalibration(**LINE, mesh=mesh.fingerprint)
    return float(card.landmarks.get("without_drawing", {}).get("log_probability", A)), fitted


METHODS = (
    Method(
        name=NAME,
        note="no drawing: the wished yaw by landmarks, the person by SFace",
        prepare=landmarks,
        draws=False,
    ),
)
