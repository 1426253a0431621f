r"""What each part of a fused score brings among some faces, each switched off alone.

Nothing is trained anew: parts are drawn, seen and read once (arrays.py), scores are added up in
memory. Beside it: how a search would do that is told the true poses; the best that one pair of
coefficients could reach there ("ceiling": chosen on these very people, to know a bound; never to
ship); first answers by kind; how sure they are; how far yaws are off.

Example: python -m experiments.photographs.parts cmu-faces:faces.tar.gz runs/cmu.npz \
    --landmarks landmarks.csv --protocol cmu-pose
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from experiments.photographs.arrays import Arrays
from gallery.arrays import Doubles, Floats, normalise
from gallery.errors import UserError
from generator.canonical import likely_values
from generator.engine import Engine
from generator.weights_file import find_weights
from retrieval.api.faces import load_faces
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws, turns_of
from retrieval.evaluation.fold.fold import wishable
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, all_queries, draw_queries
from retrieval.evaluation.protocol.query_table import about, ask, known_space
from retrieval.evaluation.records import Flags, Integers
from retrieval.evaluation.statistics import metrics
from retrieval.evaluation.statistics.estimation import Sample
from retrieval.scoring.confidence import measures_of
from retrieval.scoring.log_probability import CLIP
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.terms import FUSED, TERMS

TRUE = -100.0  # log p of what is not so, where poses are told
WEIGHTS = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries among N images, Q of them.

    Attributes:
        source: Image of each, (Q,).
        wished: Position of the wished value among those that weights draw, (Q,).
        right: Which images are right, by criterion, (Q, N).
        who: Number of the person whom each image shows, (N,).
        true: Position of the true value of each image, (N,).
    """

    source: Integers
    wished: Integers
    right: dict[str, Flags]
    who: Integers
    true: Integers

    def rates(self, scores: Doubles) -> list[str]:
        """Return C1 R@1, C1 R@5, C2 R@1, C2 R@5 with intervals over people, as cells."""
        best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        cells = []
        for right in self.right.values():
            found = np.take_along_axis(right, best, axis=1)
            hits = np.stack([found[:, 0], found.any(axis=1)], axis=1).astype(np.float64)
            sample = Sample(right.any(axis=1), self.who[self.source])
            for figure in sample.figures(hits):
                low, high = figure.interval or (figure.value, figure.value)
                cells.append(f"{100 * figure.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]")
        return cells

    def hit(self, scores: Doubles, criterion: str) -> float:
        """Return the hit rate @1 under a criterion."""
        right = self.right[criterion]
        first = scores.argmax(axis=1)
        return float(right[np.arange(len(first)), first][right.any(axis=1)].mean())


class Parts:
    """The parts of scores, (Q, N) each."""

    def __init__(self, arrays: Arrays, asked: Asked, engine: Engine) -> None:
        self.arrays, self.asked, self.space = arrays, asked, engine.card.space
        calibration = PoseCalibration.of(engine.card)
        if calibration is None:
            raise SystemExit(f"{engine.card.name} was not fitted with landmarks")
        self.calibration = calibration
        self.yaws = Yaws(arrays.yaw.astype(float), arrays.presence.astype(float))
        (pose,) = self.space.attributes
        self.values = turns_of(pose)
        weights = ScoreProfile.of(engine.card).weights(FUSED)
        self.a, self.w = weights.of("log_p"), weights.of("identity")

    def log_p(self, network: Floats | None) -> Floats:
        """Return log p by landmarks and a network, (N, V)."""
        asked = self.calibration.student and network is self.arrays.network
        student = self.arrays.student if asked else None
        return self.calibration.combined(self.yaws, network, self.values, student)

    @property
    def told(self) -> Floats:
        """Log p of somebody who is told, (N, V)."""
        of = np.arange(len(self.values))[None] == self.asked.true[:, None]
        return np.where(of, 0, TRUE).astype(np.float32)

    def drawing(self, embeddings: Floats, log_p: Floats) -> Doubles:
        """Return cosines of probes, which are drawn, and canonical views, drawn or seen."""
        likely = likely_values(log_p, self.space)
        (name,) = self.space.names
        values = self.space[name].values
        at = np.array([values.index(one[name]) for one in likely.conditions])
        views = likely.mean(embeddings[likely.of, at])
        probes = self.arrays.drawings[self.asked.source, self.asked.wished]
        return np.asarray(probes @ views.T, dtype=np.float64)

    def wish(self, log_p: Floats, least: float = -CLIP) -> Doubles:
        """Return log p of the wished value of every image."""
        return np.asarray(np.maximum(log_p, least)[:, self.asked.wished].T, dtype=np.float64)

    def same(self, identities: Floats) -> Doubles:
        """Return cosines of identities."""
        return np.asarray(identities[self.asked.source] @ identities.T, dtype=np.float64)

    def rows(self) -> Iterator[tuple[str, Doubles]]:
        """Yield the rows of the table: what is added up, and scores."""
        own, a, w = self.arrays, self.a, self.w
        log_p, same = self.log_p(own.network), self.same(own.points)
        drawn = self.drawing(own.drawings, log_p)
        rest = a * self.wish(log_p) + w * same
        yield f"the whole: a {a:g}, w {w:g}", drawn + rest
        alone = own.network
        yield (
            "poses by the network alone",
            self.drawing(own.drawings, alone) + a * self.wish(alone) + w * same,
        )
        points = replace(self.calibration, exponent=1.0).combined(self.yaws, None, self.values)
        yield (
            "poses by landmarks alone",
            self.drawing(own.drawings, points) + a * self.wish(points) + w * same,
        )
        yield "the recogniser shown a box", drawn + a * self.wish(log_p) + w * self.same(own.box)
        yield "no drawing", rest
        yield "no log p", drawn + w * same
        yield "no identity", drawn + a * self.wish(log_p)
        third = replace(self.calibration, student=1.0)
        three = third.combined(self.yaws, own.network, self.values, own.student)
        yield (
            "poses by the student, too",
            self.drawing(own.drawings, three) + a * self.wish(three) + w * same,
        )
        by_student = self.log_p(own.student)
        seen = self.drawing(own.seen, by_student)
        yield "the student for drawings and its log p", seen + a * self.wish(by_student) + w * same
        seen = self.drawing(own.seen, log_p)
        yield "the student for drawings", seen + rest
        both = normalise(own.drawings + own.seen)
        yield "the mean of drawn and seen", self.drawing(both, log_p) + rest
        told, true = self.wish(self.told, TRUE), self.drawing(own.drawings, self.told)
        yield "told the true poses", true + told + w * same
        yield "told the true poses, no drawing", told + w * same
        yield from self._ceilings(drawn, log_p)

    def _ceilings(self, drawn: Doubles, log_p: Floats) -> Iterator[tuple[str, Doubles]]:
        """Yield the best that one pair of coefficients reaches on these very people."""
        wish, same = self.wish(log_p), self.same(self.arrays.points)
        for criterion in self.asked.right:
            tried = [(x, y) for x, y in product(WEIGHTS, TERMS["identity"].grid)]
            scores = (drawn + x * wish + y * same for x, y in tried)
            rates = [self.asked.hit(one, criterion) for one in scores]
            x, y = tried[int(np.argmax(rates))]
            yield (
                f"ceiling of coefficients, {criterion}: a {x:g}, w {y:g}",
                drawn + x * wish + y * same,
            )


def kinds(asked: Asked, scores: Doubles) -> str:
    """Return first answers by kind."""
    first = scores.argmax(axis=1)
    person = asked.who[first] == asked.who[asked.source]
    wish = asked.true[first] == asked.wished
    names = ("right", "right person, wrong wish", "right wish, other person", "neither")
    flags = (person & wish, person & ~wish, ~person & wish, ~person & ~wish)
    shares = (f"{name} {100 * one.mean():.1f} %" for name, one in zip(names, flags, strict=True))
    return "First answers: " + ", ".join(shares)


def sureness(parts: Parts, engine: Engine) -> Iterator[str]:
    """Yield a reliability table of first answers, and what the least score keeps out."""
    calibration = ScoreProfile.of(engine.card).calibration(FUSED)
    if calibration is None:
        return
    asked, log_p = parts.asked, parts.log_p(parts.arrays.network)
    scored = {
        "drawing": parts.drawing(parts.arrays.drawings, log_p),
        "log_p": parts.a * parts.wish(log_p),
        "identity": parts.w * parts.same(parts.arrays.points),
    }
    scores = np.sum(list(scored.values()), axis=0)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :2]
    best = {name: np.take_along_axis(one, first, axis=1) for name, one in scored.items()}
    tops = np.take_along_axis(scores, first, axis=1)
    sure = calibration.first.probability(measures_of(tops, best, calibration.names)[:, 0])
    right = asked.right["C1"][np.arange(len(first)), first[:, 0]]
    yield "| sure | answers | mean | right |\n|---|---:|---:|---:|"
    for at, (count, mean, share) in enumerate(metrics.reliability(sure, right)):
        if count:
            said = f"{at / 10:.1f} to {(at + 1) / 10:.1f}"
            yield f"| {said} | {count:.0f} | {mean:.2f} | {share:.2f} |"
    yield f"Expected calibration error {metrics.calibration_error(sure, right):.3f}"
    if calibration.least is not None:
        others = np.where(asked.who[asked.source][:, None] == asked.who, -np.inf, scores)
        strangers = float((others.max(axis=1) >= calibration.least.score).mean())
        kept = float((tops[right, 0] >= calibration.least.score).mean())
        yield (
            f"--min-score {calibration.least.score:g}: {100 * (1 - strangers):.1f} of 100 questions"
            f" about strangers bring nothing, {100 * kept:.1f} of 100 right first answers stay"
        )


def turned(parts: Parts) -> str:
    """Say how far yaws are off, and how often the nearest of the values that are shown is right."""
    true = np.array(parts.values)[parts.asked.true]
    read = (parts.yaws.degrees - parts.calibration.offset) / parts.calibration.slope
    off = np.abs(read - true)
    median, most = np.quantile(off, (0.5, 0.9))
    shown = np.unique(true)
    guesses = np.array(parts.values)[parts.log_p(parts.arrays.network).argmax(axis=1)]
    nearest = shown[np.abs(guesses[:, None] - shown).argmin(axis=1)]
    return (
        f"Yaws are off by {median:.1f} degrees in the median, {most:.1f} at 90 %; a face is sure in"
        f" {100 * parts.yaws.sure.mean():.1f} %. The nearest of {len(shown)} poses is right in"
        f" {100 * (nearest == true).mean():.1f} % of {len(true)} images."
    )


def asked_of(faces_spec: str, given: argparse.Namespace, engine: Engine) -> tuple[Arrays, Asked]:
    """Read a set, and draw by lot what is asked."""
    protocol = find_protocol(given.protocol, faces_spec) if given.protocol else Protocol()
    faces = about(load_faces(faces_spec, given.landmarks), protocol)
    arrays = Arrays.kept(given.arrays, faces, engine)
    known = {face.name: face for face in faces.faces}
    shown = tuple(known[name] for name in arrays.names.tolist())
    space = known_space(shown, faces.space)
    labels = Labels.of(shown, space)
    wanted = wishable(engine.card.space, space, ("pose",), 1)
    protocol = replace(protocol, queries=given.queries)
    (queries,) = draw_queries([all_queries(labels, wanted, 1)], protocol)
    table = ask(labels, queries, {})
    right = {name: np.zeros((len(table), len(shown)), np.bool_) for name in ("C1", "C2")}
    for query in range(len(table)):
        some = slice(table.right_starts[query], table.right_starts[query + 1])
        right["C1"][query, table.right[some]] = True
        right["C2"][query, table.right[some][table.right_strict[some]]] = True
    column = space.names.index("pose")
    drawn = engine.card.space["pose"].values
    place = np.array([drawn.index(one) for one in space["pose"].values if one in drawn])
    wished = place[table.wished[:, column]]
    true = place[labels.values[:, column]]
    return arrays, Asked(table.source, wished, right, labels.identity, true)


def main() -> None:
    """Read, add up, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("arrays", metavar="FILE.npz", type=Path, help="made where it is not there")
    parser.add_argument("--weights", default="pose-mindseye-60")
    parser.add_argument("--profile", default="photographs")
    parser.add_argument("--landmarks", type=Path)
    parser.add_argument("--protocol")
    parser.add_argument("--queries", type=int, default=2_000)
    given = parser.parse_args()
    path = find_weights(given.weights)
    engine = Engine.open(path, torch.device("cpu")).under(given.profile)
    parts = Parts(*asked_of(given.spec, given, engine), engine)
    asked = parts.asked
    counted = {name: int(right.any(axis=1).sum()) for name, right in asked.right.items()}
    sys.stdout.write(f"Queries: {counted}, {len(asked.who)} images\n\n")
    sys.stdout.write("| | C1 R@1 | C1 R@5 | C2 R@1 | C2 R@5 |\n|---|---:|---:|---:|---:|\n")
    first = None
    for name, scores in parts.rows():
        first = scores if first is None else first
        sys.stdout.write(f"| {name} | {' | '.join(asked.rates(scores))} |\n")
        sys.stdout.flush()
    if first is not None:
        sys.stdout.write(f"\n{kinds(asked, first)}\n{turned(parts)}\n\n")
    for line in sureness(parts, engine):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"Error: {error}")
