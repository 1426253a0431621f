"""Terms of a score, in order: what vectors hold of each, what is sound, which weights are tried.

Layout, probes, checks of stored vectors and `weights fit` go through `TERMS`
(retrieval/scoring/terms.py says where each stands in a vector).

Shapes: N or n gallery rows, Q queries, w numbers of a term.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Floats

CLIP = 10.0  # log p below -CLIP counts as -CLIP
LENGTH_TOLERANCE = 1e-3  # float32 rounds the length of a long vector by about 1e-5


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a score: what vectors hold of it, and which of its coefficients are tried.

    Attributes:
        name: As parts of answers are called.
        grid: Coefficients that `weights fit` tries, rising; the drawing's is always 1.
        gallery: What gallery vectors hold of it, (N, w) -> (N, w).
        probe: What probes hold of it under a coefficient, (Q, w) -> (Q, w).
        valid: Which rows of gallery vectors are what they should be, (n, w) -> (n,).
    """

    name: str
    grid: tuple[float, ...]
    gallery: Callable[[Floats], Floats]
    probe: Callable[[Floats, float], Floats]
    valid: Callable[[Floats], NDArray[np.bool_]]


def is_about(lengths: Floats, expected: float) -> NDArray[np.bool_]:
    """Say which lengths are what is expected, but for rounding, (n,) -> (n,)."""
    return np.asarray(np.abs(lengths - expected) < LENGTH_TOLERANCE)


def _unit_or_zero(rows: Floats) -> NDArray[np.bool_]:
    lengths = np.linalg.norm(rows, axis=1)
    return np.asarray(is_about(lengths, 1) | (lengths == 0))


def _scaled(log_p: Floats) -> Floats:
    scaled: Floats = (np.maximum(log_p, -CLIP) / CLIP).astype(np.float32)
    return scaled


def _is_scaled(rows: Floats) -> NDArray[np.bool_]:
    return np.asarray(((rows >= -1) & (rows <= 0)).all(axis=1))


TERMS = (
    Term(
        name="drawing",
        grid=(1.0,),
        gallery=lambda embeddings: embeddings,
        probe=lambda embeddings, _: embeddings,
        valid=_unit_or_zero,
    ),
    Term(
        name="log_p",
        grid=(0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
        gallery=_scaled,
        probe=lambda wishes, weight: CLIP * weight * wishes,
        valid=_is_scaled,
    ),
    Term(
        name="identity",
        grid=(0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
        gallery=lambda identities: identities,
        probe=lambda identities, weight: weight * identities,
        valid=_unit_or_zero,
    ),
)
TERM = {term.name: term for term in TERMS}
