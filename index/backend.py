"""What every place that keeps and searches the vectors of a space can do.

The folder of a collection is one such place (shards and FAISS generations), PostgreSQL and Milvus
are others. Of each the same is asked:

- Vectors arrive as the contract says, augmented to one length (docs/adr/0012). A graph of
  neighbours is navigable then, by inner product, in any of them.
- Scores that leave it are exact: the inner product of the probe with the float32 vector that is
  stored. What searches approximately takes CANDIDATES times as many rows as are wanted, compares
  them again (`ranked_images`), and never says how near its own approximation thought them.
- A search brings as many images as are wanted, if so many may be found, or fails: no half answer.
- Two vectors of one image (its second hypothesis) are two rows; an answer names an image once.
- Upserting again what is there changes nothing, and what was deleted is in no later answer.

Shapes: Q probes, K results, n rows, R rows found, D dimensions of an embedding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from index.base import Ids, Neighbours, StoredVectors, Vectors

CANDIDATES = (
    4  # rows that an approximate search takes for each image wanted, two of an image at most
)
LEAST = 40  # rows that it takes where few are wanted
WHOLE = 2**256
Attributes = Mapping[str, Any]


class ImageChoice(Protocol):
    """Images of which an expression of `--where` is true, in the form that suits a backend."""

    def ids(self) -> Ids:
        """Return them, rising."""

    def select(self) -> Any:  # noqa: ANN401  of SQLAlchemy: an index need not know it
        """Return a SELECT of their ids, for a backend in the catalogue's own database."""

    def milvus(self) -> str:
        """Spell the expression in Milvus's language.

        Raises:
            ConfigError: Milvus cannot be asked this; the message names it.
        """


def _none() -> Ids:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Limit:
    """Which images may be found.

    Attributes:
        among: Only these; None for all.
        excluded: None of these, (e,), rising.
    """

    among: ImageChoice | None = None
    excluded: Ids = field(default_factory=_none)


EVERYTHING = Limit()


class VectorSearch(Protocol):
    """What answers the searches of a space."""

    def search(self, probes: Vectors, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K); fewer where fewer remain.

        Raises:
            ValueError: k is less than 1, or the probes are not finite float32 of shape (Q, D).
            DatabaseFailedError: It cannot be reached.
        """

    def stored(self, images: Ids) -> StoredVectors:
        """Copy the vectors of some images, (n,), rising; of those that can be found."""


class VectorStore(Protocol):
    """What keeps the vectors of a space. Opened under a contract, refused under another one."""

    def upsert(
        self, ids: Ids, vectors: Vectors, attributes: Sequence[Attributes] | None = None
    ) -> None:
        """Put in the vectors of some images, in place of those that these images had.

        Args:
            ids: Image of each vector, (n,); an image has one or two, side by side.
            vectors: Finite, (n, D).
            attributes: What is known of the image of each, for those that filter by themselves.
        """

    def delete(self, ids: Ids) -> None:
        """Take out the vectors of some images; others are no mistake."""

    def rows(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield all rows, in portions: images (n,) and vectors (n, D); two of an image in order."""

    def count(self) -> int:
        """Count the images that have a vector."""

    def fingerprint(self) -> str:
        """Return what tells these rows from any others, whatever their order; see `fingerprint`."""

    def drop(self) -> None:
        """Take away all of it; there may be nothing."""


class Backend(VectorStore, VectorSearch, Protocol):
    """Both at once."""


def fingerprint(portions: Iterator[tuple[Ids, Vectors]]) -> str:
    """Return a digest of rows in any order: two backends of one digest hold the same rows.

    It is the sum of the SHA-256 of all rows modulo 2^256, of image and vector, little-endian, and
    of how many rows there are.
    """
    total, count = 0, 0
    for ids, vectors in portions:
        for image, vector in zip(ids.astype("<i8"), vectors.astype("<f4"), strict=True):
            total += int.from_bytes(sha256(image.tobytes() + vector.tobytes()).digest(), "little")
        count += len(ids)
    return sha256(f"{count} {total % WHOLE:064x}".encode("ascii")).hexdigest()


def rows_wanted(k: int) -> int:
    """Return how many rows an approximate search takes for k images."""
    return max(LEAST, CANDIDATES * k)


def ranked_images(found: StoredVectors, probe: Vectors, k: int) -> tuple[Ids, Vectors]:
    """Return the k best images among some rows, and their exact scores, best first: (K,), (K,).

    Of equal scores the image of the smaller id comes first.

    Args:
        found: Rows, (R,).
        probe: (D,).
        k: Images wanted.
    """
    scores = np.einsum("rd,d->r", found.vectors, probe)
    order = np.lexsort((found.ids, -scores))
    ids = found.ids[order]
    first = np.sort(np.unique(ids, return_index=True)[1])[:k]
    return ids[first], scores[order][first]


def side_by_side(found: Sequence[tuple[Ids, Vectors]]) -> Neighbours:
    """Put the answers to several probes together: all of one length, that of the shortest."""
    length = min((len(ids) for ids, _ in found), default=0)
    return Neighbours(
        np.array([ids[:length] for ids, _ in found], dtype=np.int64).reshape(len(found), length),
        np.array([s[:length] for _, s in found], dtype=np.float32).reshape(len(found), length),
    )
