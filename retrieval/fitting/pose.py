"""Fitting what poses read off landmarks are worth (retrieval/estimation/pose_calibration.py).

Slope, offset and spread are those of Student's linear regression of yaws on true values, by
expectation maximisation; growth and freedom are the likeliest of a grid. Doubt and exponents are
those of a grid under which true values are likeliest, where every person's images are judged by a
line fitted on other people. So are the measures that the card keeps.

Source: Lange, Little and Taylor, "Robust statistical modeling using the t distribution", JASA 84,
1989, section 3.

Shapes: N images, V values of the pose.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gamma, log, pi
from typing import Any

import numpy as np

from gallery.arrays import Doubles, Floats
from retrieval.estimation.pose_calibration import SCALE, PoseCalibration, Yaws
from retrieval.evaluation.records import Flags, Integers

GROWTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
FREEDOMS = (2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
STUDENT_EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
LANDMARK_EXPONENTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
FOLDS = 5
DOUBTS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
FEWEST = 20  # images in which a face is sure
FEWEST_DOUBTFUL = 10  # with fewer, the doubt stays what it is by default
LEAST_SPREAD = 0.5  # degrees
STEPS = 100


@dataclass(frozen=True, slots=True)
class PoseSamples:
    """Images of known poses.

    Attributes:
        yaws: Read off landmarks.
        truth: Position of the true value of each, (N,).
        people: Number of the person whom each shows, (N,).
        values: Values of the pose, degrees, V of them.
        network: log p by the network, (N, V); None of weights without an estimator.
        student: log p by the student, (N, V); None of weights without one.
    """

    yaws: Yaws
    truth: Integers
    people: Integers
    values: tuple[float, ...]
    network: Floats | None = None
    student: Floats | None = None

    def chosen(self, which: Flags) -> "PoseSamples":
        """Return some of the images, (N,)."""
        network = None if self.network is None else self.network[which]
        student = None if self.student is None else self.student[which]
        return replace(
            self,
            yaws=self.yaws.chosen(which),
            truth=self.truth[which],
            people=self.people[which],
            network=network,
            student=student,
        )

    @property
    def turned(self) -> Doubles:
        """True values in degrees, (N,)."""
        turned: Doubles = np.array(self.values)[self.truth]
        return turned


@dataclass(frozen=True, slots=True)
class FittedPose:
    """What was fitted, and what it reached on people left out.

    Attributes:
        calibration: What a yaw is worth.
        right: Share of the images whose likeliest value is the true one, in [0, 1].
        network_right: The same by the network alone; None of weights without an estimator.
        log_loss: Mean of -log p(true value).
        sure: Share of the images in which a face is sure.
    """

    calibration: PoseCalibration
    right: float
    network_right: float | None
    log_loss: float
    sure: float

    def measured(self) -> dict[str, float]:
        """Return the measures as cards hold them."""
        network = {} if self.network_right is None else {"network_right": self.network_right}
        numbers = {"right": self.right, **network, "log_loss": self.log_loss, "sure": self.sure}
        return {name: round(number, 4) for name, number in numbers.items()}


def can_fit(samples: PoseSamples) -> bool:
    """Say whether there are faces enough, of two values and two people at least."""
    seen = samples.chosen(samples.yaws.sure)
    several = len(np.unique(seen.truth)) > 1 and len(np.unique(seen.people)) > 1
    return len(seen.yaws) >= FEWEST and several


def fit_pose(samples: PoseSamples, mesh: str) -> FittedPose:
    """Fit what yaws are worth, and measure it on people left out, fold by fold.

    Args:
        samples: Images of known poses; `can_fit` says whether they suffice.
        mesh: Fingerprint of what found the landmarks.
    """
    line = fit_line(samples, mesh)
    parts = list(_left_out(samples, mesh))
    chosen = _exponents(parts)
    log_p = [_judged(replace(own, **chosen), part) for own, part in parts]
    truth = np.concatenate([part.truth for _, part in parts])
    found = np.concatenate(log_p)
    network_right = None
    if samples.network is not None:
        network_right = float((samples.network.argmax(axis=1) == samples.truth).mean())
    return FittedPose(
        calibration=replace(line, **chosen),
        right=float((found.argmax(axis=1) == truth).mean()),
        network_right=network_right,
        log_loss=-float(found[np.arange(len(truth)), truth].mean()),
        sure=float(samples.yaws.sure.mean()),
    )


def fit_line(samples: PoseSamples, mesh: str) -> PoseCalibration:
    """Fit slope, offset, spread, growth and freedom to the images in which a face is sure."""
    seen = samples.chosen(samples.yaws.sure)
    tried = [
        _regressed(seen, growth, freedom, mesh) for growth, freedom in product(GROWTHS, FREEDOMS)
    ]
    return max(tried, key=lambda one: one[0])[1]


def _regressed(
    seen: PoseSamples, growth: float, freedom: float, mesh: str
) -> tuple[float, PoseCalibration]:
    """Fit a line under given tails; return the mean log-likelihood, and the line."""
    turned, yaws = seen.turned, seen.yaws.degrees
    wider = 1 + growth * np.abs(turned) / SCALE
    rows = np.column_stack([turned, np.ones(len(turned))]) / wider[:, None]
    weights = np.ones(len(yaws))
    line, spread = np.array([1.0, 0.0]), 1.0
    for _ in range(STEPS):
        weighted = rows * weights[:, None]
        new = np.linalg.lstsq(rows.T @ weighted, weighted.T @ (yaws / wider), rcond=None)[0]
        away = yaws / wider - rows @ new
        spread = max(LEAST_SPREAD, float(np.sqrt((weights * away**2).mean())))
        weights = (freedom + 1) / (freedom + (away / spread) ** 2)
        settled = np.abs(new - line).max() < 1e-9
        line = new
        if settled:
            break
    calibration = PoseCalibration(
        slope=float(max(line[0], 1e-3)),
        offset=float(line[1]),
        spread=spread,
        growth=growth,
        freedom=freedom,
        mesh=mesh,
    )
    scales = spread * wider
    z = (yaws - calibration.slope * turned - calibration.offset) / scales
    scale = log(gamma((freedom + 1) / 2) / gamma(freedom / 2) / np.sqrt(freedom * pi))
    likely = scale - np.log(scales) - (freedom + 1) / 2 * np.log1p(z**2 / freedom)
    return float(likely.mean()), calibration


def _left_out(samples: PoseSamples, mesh: str) -> Iterator[tuple[PoseCalibration, PoseSamples]]:
    """Yield lines fitted without some people, and these people's images."""
    people = np.unique(samples.people)
    fold = np.searchsorted(people, samples.people) % min(FOLDS, len(people))
    for number in np.unique(fold).tolist():
        others = samples.chosen(fold != number)
        if can_fit(others):
            yield fit_line(others, mesh), samples.chosen(fold == number)


def _exponents(parts: Sequence[tuple[PoseCalibration, PoseSamples]]) -> dict[str, Any]:
    """Return the exponents, and the doubt, under which true values are likeliest."""
    network = EXPONENTS if parts[0][1].network is not None else (0.0,)
    student = STUDENT_EXPONENTS if parts[0][1].student is not None else (0.0,)
    sure = [(line, part.chosen(part.yaws.sure)) for line, part in parts]
    pairs = [
        {"student": third, "exponent": one, "network": other}
        for third, one, other in product(student, LANDMARK_EXPONENTS, network)
    ]
    chosen = max(pairs, key=lambda pair: _likelihood(sure, pair))
    rest = [(line, part.chosen(~part.yaws.sure)) for line, part in parts]
    if sum(len(part.yaws) for _, part in rest) < FEWEST_DOUBTFUL:
        return chosen
    doubt = max(DOUBTS, key=lambda one: _likelihood(rest, {**chosen, "doubt": one}))
    return {**chosen, "doubt": doubt}


def _likelihood(
    parts: Sequence[tuple[PoseCalibration, PoseSamples]], exponents: dict[str, Any]
) -> float:
    """Return the sum of log p(true value)."""
    total = 0.0
    for line, part in parts:
        log_p = _judged(replace(line, **exponents), part)
        total += float(log_p[np.arange(len(part.truth)), part.truth].sum())
    return total


def _judged(calibration: PoseCalibration, part: PoseSamples) -> Floats:
    return calibration.combined(part.yaws, part.network, part.values, part.student)
