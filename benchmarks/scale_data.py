"""Embeddings like those of drawn faces, in any number, made block by block.

An embedding is the sum of three parts, scaled to unit length: one of the identity, one of the
condition, one of its own. Each part is normal, with variances that fall like a power along the axes
of a random rotation of its own. Shares and powers are those of the features of 1,920 drawings of
`studio-249` (96 people in 20 of the 140 conditions each, drawn in their true pose; two-stage-32,
20 steps on studio-mini): after the mean was taken off, an additive model of people and conditions
left 36 % of the variance to the rest.

    part        share   power of the eigenvalues, of the 2nd to 59th
    identity    0.21    -1.54
    condition   0.43    -1.86
    rest        0.36    -1.15

There are 140 conditions, as in `studio-249` (7 poses x 20 lights), and N / 140 identities: row r
of the gallery shows identity r // 140 in condition r % 140. A probe is another embedding of a pair
that is in the gallery, as a good drawing would be.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CONDITIONS = 140
PARTS = {"identity": (0.21, 1.54), "condition": (0.43, 1.86), "rest": (0.36, 1.15)}
BLOCK = 65_536
Vectors = NDArray[np.float32]


class Model:
    """The embeddings of a gallery of N images."""

    def __init__(self, rows: int, dimension: int = 256, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self.rows, self.dimension, self.seed = rows, dimension, seed
        self._factors = {name: _factor(rng, dimension, *part) for name, part in PARTS.items()}
        people = -(-rows // CONDITIONS)
        self._identities = self._normal(rng, "identity", people)
        self._conditions = self._normal(rng, "condition", CONDITIONS)

    def block(self, first: int, count: int) -> Vectors:
        """Return rows from one on, (n, D); the same for every N that holds them only by chance."""
        rng = np.random.default_rng((self.seed, first))
        return self._of(np.arange(first, first + count), rng)

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield all rows: number of the first, embeddings."""
        for first in range(0, self.rows, BLOCK):
            yield first, self.block(first, min(BLOCK, self.rows - first))

    def probes(self, count: int) -> Vectors:
        """Return embeddings that are not in the gallery, of pairs that are."""
        rng = np.random.default_rng((self.seed, self.rows, 1))
        return self._of(rng.choice(self.rows, count), rng)

    def _of(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Vectors:
        total = self._identities[rows // CONDITIONS] + self._conditions[rows % CONDITIONS]
        total += self._normal(rng, "rest", len(rows))
        return total / np.linalg.norm(total, axis=1, keepdims=True)

    def _normal(self, rng: np.random.Generator, part: str, count: int) -> Vectors:
        normal = rng.standard_normal((count, self.dimension), dtype=np.float32)
        return normal @ self._factors[part]


def _factor(rng: np.random.Generator, dimension: int, share: float, power: float) -> Vectors:
    variances = np.arange(1, dimension + 1) ** -power
    variances *= share / variances.sum()
    rotation = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
    return (np.sqrt(variances)[:, None] * rotation).astype(np.float32)
