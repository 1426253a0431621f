"""Fitting what poses by landmarks are worth for some weights, on the images of a fit."""

from contextlib import suppress
from dataclasses import replace

import numpy as np

from gallery.errors import WeightsError
from gallery.third_party import MissingPackageError
from generator.card import Card
from generator.values import split_scores
from retrieval.estimation.landmark_pose import formed, opened_mesh
from retrieval.estimation.pose_calibration import ATTRIBUTE, PoseCalibration, pose_of, turns_of
from retrieval.evaluation.fold.fold_cache import YAWS, Workbench, as_positions
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.landmarks import by_landmarks
from retrieval.evaluation.statistics.grid_search import Material, best, blocks_of, hit_rates, hits
from retrieval.fitting.pose import FEWEST, PoseSamples, can_fit, fit_pose
from retrieval.scoring.terms import TERMS, Coefficients

DIGITS = 16  # of a student's SHA-256, on cards and in contracts


def fit_landmarks(work: Workbench, spec: str) -> Steps[tuple[dict[str, object], str]]:
    """Fit what `Card.landmarks` holds.

    Args:
        work: Images of people that the weights have not seen.
        spec: Where they are from.

    Returns:
        The entry; empty, and why, where nothing can be fitted. Of weights without a pose nothing
        needs to be said.
    """
    pose = pose_of(work.bench.space)
    if pose is None:
        return {}, ""
    try:
        mesh = formed(opened_mesh(), work.bench.form)
    except MissingPackageError as error:
        return {}, f"no poses by landmarks: {error}"
    yaws = yield from work.yaws(mesh)
    faces = work.bench.aligned.faces
    truth = as_positions([face.condition for face in faces], work.bench.space)
    column = work.bench.space.names.index(ATTRIBUTE)
    network = None
    if work.bench.engine.estimates:
        whole = (yield from work.network_log_p()).value
        network = split_scores(whole, work.bench.space)[column]
    student, seer = None, ""
    with suppress(WeightsError):  # there is none, or its file is missing
        seer = work.bench.engine.student().sha256[:DIGITS]
        whole = (yield from work.student_log_p()).value
        student = split_scores(whole, work.bench.space)[column]
    people = np.unique([face.identity or "" for face in faces], return_inverse=True)[1]
    every = PoseSamples(yaws.value, truth[:, column], people, turns_of(pose), network, student)
    known = every.chosen(every.truth >= 0)
    if not can_fit(known):
        return {}, (
            f"no poses by landmarks: it takes {FEWEST} faces in which the landmarks are found, of"
            " two people and two poses at least"
        )
    fitted = fit_pose(known, mesh.fingerprint)
    line = fitted.calibration
    line = replace(line, seer=seer) if line.student else line
    named = sorted({face.identity for face in faces if face.identity is not None})
    return {
        **line.to_json(),
        "measured": fitted.measured(),
        "fitted_on": {"spec": spec, "people": named, "images": len(known.yaws)},
    }, ""


def fit_rival(work: Workbench, material: Material, *, source_excluded: bool) -> dict[str, float]:
    """Fit what log p by landmarks weighs beside identity where nothing is drawn.

    It is for the method `landmarks+sface` of the benchmark: as good a fit as the fused score has.

    Args:
        work: The fold, as it was fitted; its card has landmarks.
        material: What scores are made of; with identities.
        source_excluded: Whether each query's own source answers nothing.
    """
    pose, yaws = PoseCalibration.of(work.bench.engine.card), work.made(YAWS)
    if pose is None or yaws is None or "identity" not in material.read:
        return {}
    undrawn = replace(
        material,
        gallery=np.zeros((len(material.gallery), 1), np.float32),
        probes=np.zeros((len(material.probes), 1), np.float32),
        read={
            "log_p": by_landmarks(pose, yaws, work),
            "identity": material.read["identity"],
        },
        seconds=None,
        margins=None,
    )
    tried = tuple(Coefficients(log_p=a, identity=1.0) for a in TERMS["log_p"].grid if a)
    asked = work.bench.asked
    found = [hits(one, tried) for one in blocks_of(undrawn, asked, source_excluded=source_excluded)]
    joined = {name: np.concatenate([part[name] for part in found]) for name in ("C1", "C2")}
    return {"log_probability": best(hit_rates(joined, asked, tried)).weights.of("log_p")}


def landmarks_text(card: Card) -> list[str]:
    """Say in a line what a card's poses by landmarks reach, if they were fitted."""
    if not card.landmarks:
        return []
    reached = card.landmarks.get("measured", {})
    right = f"right on {100 * reached['right']:.1f} %" if "right" in reached else "fitted"
    network = reached.get("network_right")
    alone = "" if network is None else f", by the weights' estimator alone {100 * network:.1f} %"
    found = f"; a face is sure in {100 * reached['sure']:.1f} %" if "sure" in reached else ""
    return [f"poses by landmarks: {right} of people left out{alone}{found}"]
