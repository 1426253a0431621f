"""How sure first answers are, against the definition. Shapes: N gallery images, Q queries."""

from dataclasses import replace

import numpy as np
import pytest

from gallery.arrays import normalise
from generator.reconstruction_error import Usual
from retrieval.evaluation.fold.ranking import SecondRows
from retrieval.evaluation.methods.base import ConfidenceJudge, Prepared
from retrieval.evaluation.methods.ranker import first_confidences, undoubted
from retrieval.scoring.confidence import Calibration, Logistic
from retrieval.scoring.terms import Coefficients, Layout

LAYOUT = Layout(6, {"log_p": 3, "identity": 4})
NAMES = ("drawing", "log_p", "identity", "lead")
FIRST = Logistic(-0.5, (1.0, 2.0, 3.0, 4.0))
CALIBRATION = Calibration(NAMES, FIRST, Logistic(9.0, (0.0, 0.0, 0.0, 0.0)))


def prepared(count: int = 12, judge: Calibration | None = CALIBRATION) -> Prepared:
    random = np.random.default_rng(0)
    layout = LAYOUT
    sides = []
    for _ in range(2):
        drawn, who = (normalise(random.normal(size=(count, n)).astype(np.float32)) for n in (6, 4))
        log_p = -random.uniform(0, 9, size=(count, 3)).astype(np.float32)
        sides.append((drawn, log_p, who))
    wishes = np.eye(3, dtype=np.float32)[random.integers(0, 3, count)]
    (drawn, log_p, who), (probe, _, source) = sides
    return Prepared(
        gallery=layout.gallery(drawn, {"log_p": log_p, "identity": who}),
        probes=layout.probes(
            probe, {"log_p": wishes, "identity": source}, Coefficients(log_p=0.1, identity=0.5)
        ),
        judge=None if judge is None else ConfidenceJudge(layout, judge),
    )


def test_a_first_answer_is_as_sure_as_its_parts_and_its_lead_say() -> None:
    one = prepared()
    scores = np.asarray(one.probes) @ np.asarray(one.gallery).T
    top = np.argsort(-scores, axis=1)[:, :3]
    parts = LAYOUT.parts
    for query, sure in enumerate(first_confidences(one, top)):
        image, probe = one.gallery[top[query, 0]], one.probes[query]
        measures = [float(image[at] @ probe[at]) for at in parts.values()]
        lead = scores[query, top[query, 0]] - scores[query, top[query, 1]]
        odds = -0.5 + np.dot((1, 2, 3), measures) + 4 * lead
        assert sure == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)


def test_an_image_alone_has_no_lead() -> None:
    one = prepared()
    alone = np.array([[n, -1] for n in range(12)])
    only = first_confidences(one, alone)
    assert only == pytest.approx(first_confidences(one, alone[:, :1]))
    image, probe = one.gallery[3], one.probes[3]
    measures = [float(image[at] @ probe[at]) for at in LAYOUT.parts.values()]
    odds = -0.5 + np.dot((1, 2, 3), measures)
    assert only[3] == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)


def test_of_two_vectors_of_an_image_the_better_one_is_judged() -> None:
    """As if the gallery held, for each query, the better vectors alone."""
    one, layout = prepared(), LAYOUT
    of = np.array([1, 3, 4, 9])
    rows = np.array(one.gallery[of])
    turned = normalise(np.random.default_rng(7).normal(size=(4, 6)).astype(np.float32))
    rows[:, layout.parts["drawing"]] = turned  # log p and identity are those of the image
    doubled = replace(one, seconds=SecondRows(of, rows))
    changed = 0
    for query, probe in enumerate(np.asarray(one.probes)):
        best = np.array(one.gallery)
        better = rows @ probe > best[of] @ probe
        best[of[better]] = rows[better]
        changed += int(better.sum())
        top = np.argsort(-(best @ probe))[None, :3]
        alone = replace(one, gallery=best, probes=probe[None])
        found = doubled.better_rows(top[0], np.repeat(probe[None], 3, axis=0))
        assert found.tolist() == best[top[0]].tolist()
        mine = replace(doubled, probes=probe[None])
        assert first_confidences(mine, top) == pytest.approx(first_confidences(alone, top)), query
    assert 0 < changed < 4 * len(one.probes)


def test_without_a_judge_nobody_says() -> None:
    with pytest.raises(ValueError, match="nobody judges"):
        first_confidences(prepared(judge=None), np.zeros((12, 2), dtype=np.int64))


@pytest.mark.parametrize(("strange", "said"), [(1, [True, True, False, True]), (2, [False] * 4)])
def test_nothing_is_said_of_what_a_search_would_say_nothing_of(
    strange: int, said: list[bool]
) -> None:
    """The last of ten images is strange: a tenth, which may be. Two are too many."""
    errors = np.array([1.0] * (10 - strange) + [9.0] * strange, dtype=np.float32)
    sure = np.array([0.9, 0.8, 0.7, 0.6])
    found = undoubted(sure, np.array([0, 3, 9, 1]), errors, Usual(median=1.0, limit=2.0))
    assert np.isfinite(found).tolist() == said
    assert (found[said] == sure[said]).all()
