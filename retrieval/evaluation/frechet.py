"""Fréchet distance of two normal distributions, from moments that can be added up. Pure.

Moments are summed block by block and fold by fold, so memory does not grow with the images.

Source: Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, "GANs trained by a two time-scale update
rule converge to a local Nash equilibrium", NeurIPS 2017, equation 6; Chan, Golub, LeVeque,
"Algorithms for computing the sample variance", The American Statistician 37, 1983 (adding moments).

Shapes: n vectors, D dimensions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and scatter of some vectors.

    Attributes:
        count: How many.
        mean: (D,).
        scatter: Sum of the outer squares of what is left without the mean, (D, D).
    """

    count: int
    mean: Values
    scatter: Values

    @classmethod
    def of(cls, vectors: NDArray[Any]) -> Self:
        """Return the moments of vectors, (n, D)."""
        exact = vectors.astype(np.float64)
        mean = exact.mean(axis=0) if len(exact) else np.zeros(exact.shape[1])
        rest = exact - mean
        return cls(len(exact), mean, rest.T @ rest)

    @property
    def covariance(self) -> Values:
        """Unbiased covariance, (D, D).

        Raises:
            ValueError: There are fewer than two vectors.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 vectors, got {self.count}")
        return self.scatter / (self.count - 1)


def add(parts: Iterable[Moments]) -> Moments:
    """Return the moments of all vectors together.

    Raises:
        TypeError: There is no part.
    """
    return reduce(_add, parts)


def _add(a: Moments, b: Moments) -> Moments:
    count = a.count + b.count
    if not count:
        return a
    step = b.mean - a.mean
    mean = a.mean + step * (b.count / count)
    scatter = a.scatter + b.scatter + np.outer(step, step) * (a.count * b.count / count)
    return Moments(count, mean, scatter)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)).

    The trace of the root is the sum of the roots of the eigenvalues of R S_b R, where R is the
    symmetric root of S_a: no root of an unsymmetric matrix is taken, and nothing turns complex.

    Raises:
        ValueError: One has fewer than two vectors.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    crossed = np.linalg.eigvalsh(root @ b.covariance @ root)
    shared = np.sqrt(crossed.clip(0)).sum()
    apart = float(np.square(a.mean - b.mean).sum())
    distance = apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * shared
    return max(float(distance), 0.0)
