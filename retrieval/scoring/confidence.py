"""How sure an answer is: the probability that identity and wished value are right (C1).

A logistic regression on the parts of an answer's score and on its lead: its score less the best
one of the other answers. One is fitted for first answers, one for the others. Both are fitted on
people that the weights have not seen (`mindseye weights fit`) and stand on the card. They say how
often such answers were right there, in a gallery that held a right answer to every query; of a
gallery that is much larger, or holds none, they promise nothing.

Source of the fit: Newton's method with Gaussian priors, as in Hastie, Tibshirani, Friedman, "The
elements of statistical learning", 2009, section 4.4.

Shapes: Q queries, K answers to each, n answers, M measures of an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles
from generator.hypotheses import Hypotheses

NEEDED = 2  # answers: the first one's lead is over the second
SLOPE, BIAS = 1.0, 10.0  # deviations of their Gaussian priors; measures have unit deviation
STEPS = 50
ERROR, LEAST = "expected_calibration_error", "min_score"
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression.

    Attributes:
        bias: Log-odds where every measure is 0.
        slopes: Change of the log-odds with each measure, (M,).
    """

    bias: float
    slopes: tuple[float, ...]

    def probability(self, measures: Doubles) -> Doubles:
        """Return probabilities, (n, M) -> (n,)."""
        odds = np.clip(self.bias + measures @ np.array(self.slopes), -50, 50)
        found: Doubles = 1 / (1 + np.exp(-odds))
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back."""
        return {"bias": self.bias, "slopes": list(self.slopes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(float(data["bias"]), tuple(map(float, data["slopes"])))


@dataclass(frozen=True, slots=True)
class LeastScore:
    """A score that first answers to questions about strangers seldom reach.

    Attributes:
        score: The least that should count, as in `--min-score`.
        strangers: Share of questions about people of whom the gallery holds no image whose first
            answer scores at least as high, in [0, 1].
        kept: Share of right first answers that do.
    """

    score: float
    strangers: float
    kept: float

    def to_json(self) -> dict[str, float]:
        """Return it as cards hold it."""
        return {"score": self.score, "strangers": self.strangers, "kept": self.kept}

    def __str__(self) -> str:
        return (
            f"--min-score {self.score:g}: {100 * (1 - self.strangers):.0f} of 100 questions about"
            f" people who are not in the gallery then bring nothing, and {100 * self.kept:.0f} of"
            " 100 right first answers stay"
        )


@dataclass(frozen=True, slots=True)
class Calibration:
    """How sure answers of one score are.

    Attributes:
        names: Names of the measures: the parts of the score, then "lead".
        first: Regression for first answers.
        others: Regression for all other answers.
        expected_error: How far off first answers are in the mean, as measured on other people than
            it was fitted on, in [0, 1]; None where nobody measured.
        least: What first answers about strangers seldom score; None where nobody measured.
    """

    names: tuple[str, ...]
    first: Logistic
    others: Logistic
    expected_error: float | None = None
    least: LeastScore | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        first, others = (Logistic.from_json(data[name]) for name in ("first", "others"))
        said = data.get(LEAST)
        least = None if said is None else LeastScore(**said)
        return cls(tuple(data["measures"]), first, others, data.get(ERROR), least)

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back, as cards hold it."""
        off = {} if self.expected_error is None else {ERROR: self.expected_error}
        return {
            "measures": list(self.names),
            "first": self.first.to_json(),
            "others": self.others.to_json(),
            **off,
            **({} if self.least is None else {LEAST: self.least.to_json()}),
        }

    def of_answers(
        self, scores: NDArray[np.float32], parts: Mapping[str, NDArray[np.float32]]
    ) -> Doubles:
        """Return how sure the answers to one query are, best first, (K,).

        Args:
            scores: Scores of the answers, falling, (K,).
            parts: What they are the sum of, by name, (K,) each; nothing for drawings alone.
        """
        one = {name: part[None] for name, part in parts.items()}
        found = measures_of(scores[None], one, self.names)[0]  # (K, M)
        sure = self.others.probability(found)
        sure[:1] = self.first.probability(found[:1])
        return sure


def spell_score(score: str, hypotheses: Hypotheses) -> str:
    """Name a score and its hypotheses, as calibrations are listed on cards."""
    return score if hypotheses.single else f"{score}, hypotheses {hypotheses}"


def measure_names(parts: Sequence[str]) -> tuple[str, ...]:
    """Name the measures of answers whose scores have these parts."""
    return (*(parts or ("drawing",)), "lead")


def measures_of(
    scores: NDArray[np.float32],
    parts: Mapping[str, NDArray[np.float32]],
    names: Sequence[str],
) -> Doubles:
    """Return what confidence is judged by, (Q, K, M).

    Args:
        scores: Scores of the answers, best first, (Q, K).
        parts: What they are the sum of, (Q, K) each; of drawings alone, the score is the part.
        names: Names of the measures.
    """
    there = {"drawing": scores, **parts, "lead": leads(scores)}
    return np.stack([there[name] for name in names], axis=2).astype(np.float64)


def leads(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each score less the best one of the other answers, (Q, K); 0 where it is alone."""
    if scores.shape[1] < NEEDED:
        return np.zeros_like(scores)
    best = np.broadcast_to(scores[:, :1], scores.shape).copy()
    best[:, 0] = scores[:, 1]
    found: NDArray[np.float32] = scores - best
    return found


def fit_logistic(measures: Doubles, right: Flags) -> Logistic:
    """Fit a logistic regression, (n, M) and (n,); measures are brought to unit deviation within.

    Raises:
        ValueError: There is nothing to fit to.
    """
    if not len(right):
        raise ValueError("a logistic regression needs at least one answer")
    middle, spread = measures.mean(axis=0), measures.std(axis=0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    rows = np.column_stack([np.ones(len(right)), (measures - middle) / spread])
    deviations = np.array([BIAS, *(SLOPE for _ in spread)])  # without, all right is endless odds
    ridge = np.diag(1 / deviations**2)
    found = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        sure = 1 / (1 + np.exp(-np.clip(rows @ found, -50, 50)))
        slope = rows.T @ (right - sure) - ridge @ found
        curve = (rows * (sure * (1 - sure))[:, None]).T @ rows + ridge
        step = np.linalg.solve(curve, slope)
        found = found + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    slopes = found[1:] / spread
    return Logistic(float(found[0] - slopes @ middle), tuple(slopes.tolist()))
