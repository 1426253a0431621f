"""Exact rankings of a gallery, block by block: the first K images, and the rank of every right one.

Memory holds one table of TABLE keys however large the gallery is: the larger it is, the fewer
queries are in work at a time. Gallery and probes may be memory maps, read in chunks.

Equal scores stand in gallery order (index/keys.py). A rank counts the images above a right one, so
that average precision and reciprocal rank are exact, not cut off at K.

An image may have a second vector (retrieval/scoring/hypotheses.py): the better one of the two
counts.

Shapes: N gallery images, M of them with a second vector, Q queries, D dimensions, K depth, R right
images of all queries together, b queries in work.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.base import BLOCK_BYTES, BLOCK_ROWS, Vectors
from index.keys import HIDDEN
from index.torch_keys import ranking_keys, rows_and_scores
from retrieval.evaluation.records import Integers, QueryTable

TABLE = 2**26  # keys in work: 512 MB
MOST_QUERIES = 512


@dataclass(frozen=True, slots=True)
class SecondRows:
    """Second vectors of some gallery images.

    Attributes:
        of: Gallery positions, rising, (M,).
        embeddings: Like those of the gallery, (M, D).
    """

    of: Integers
    embeddings: Vectors


@dataclass(frozen=True, slots=True)
class Searched:
    """What is searched, and what with.

    Attributes:
        gallery: Embeddings, unit length, (N, D).
        probes: Vectors of the queries, (Q, D).
        values: Values that gallery images are taken to have, (N, A): only those of all wished
            values are ranked. None ranks all.
        source_excluded: Whether each query's own source image is left out, and copies of it.
        seconds: Second vectors of some images; None where no image has one.
    """

    gallery: Vectors
    probes: Vectors
    values: NDArray[np.int64] | None = None
    source_excluded: bool = False
    seconds: SecondRows | None = None


@dataclass(frozen=True, slots=True)
class Rankings:
    """Rankings of a run of queries.

    Attributes:
        top: Gallery positions, best first; -1 where no more is ranked, (Q, K).
        right_ranks: Rank of every right image, from 0; -1 where it is not ranked, (R,).
    """

    top: Integers
    right_ranks: Integers


def rank(searched: Searched, asked: QueryTable, depth: int, device: str) -> Iterator[Rankings]:
    """Rank the gallery for each query, a block of queries after the other.

    Args:
        searched: Gallery and probes.
        asked: The queries, in the order of the probes.
        depth: Ranks wanted, K.
        device: Where scores are computed.

    Raises:
        ValueError: Gallery, probes and queries do not fit together.
    """
    gallery, probes = searched.gallery, searched.probes
    if gallery.ndim != 2 or probes.shape != (len(asked), gallery.shape[1]):
        raise ValueError(
            f"{len(asked)} queries need probes of the gallery's {gallery.shape[1:]} dimensions,"
            f" got {probes.shape}"
        )
    step = max(1, min(MOST_QUERIES, TABLE // max(1, len(gallery))))
    for start in range(0, len(asked), step):
        rows = slice(start, min(start + step, len(asked)))
        keys = _keys(searched, np.asarray(probes[rows]), torch.device(device))
        _hide(keys, searched, asked, rows)
        yield Rankings(_top(keys, depth), _right_ranks(keys, asked, rows))


def join(parts: list[Rankings]) -> Rankings:
    """Join the rankings of successive runs of queries."""
    return Rankings(
        np.concatenate([part.top for part in parts]),
        np.concatenate([part.right_ranks for part in parts]),
    )


def _keys(searched: Searched, probes: Vectors, device: torch.device) -> Tensor:
    """Compare some probes with the whole gallery, (b, N)."""
    gallery, seconds = searched.gallery, searched.seconds
    keys = torch.empty((len(probes), len(gallery)), dtype=torch.int64, device=device)
    asking = _tensor(probes, device)
    for rows, chunk in _chunks(gallery, device):
        numbers = torch.arange(rows.start, rows.stop, device=device)
        keys[:, rows] = ranking_keys(asking @ chunk.T, numbers)
    if seconds is not None:
        for rows, chunk in _chunks(seconds.embeddings, device):
            numbers = torch.from_numpy(seconds.of[rows]).to(device)
            also = ranking_keys(asking @ chunk.T, numbers)
            keys[:, numbers] = torch.maximum(keys[:, numbers], also)
    return keys


def _chunks(vectors: Vectors, device: torch.device) -> Iterator[tuple[slice, Tensor]]:
    """Yield vectors part by part, with their places."""
    size = min(BLOCK_ROWS, max(1, BLOCK_BYTES // (4 * max(1, vectors.shape[1]))))
    for first in range(0, len(vectors), size):
        chunk = _tensor(vectors[first : first + size], device)
        yield slice(first, first + len(chunk)), chunk


def _tensor(array: Vectors, device: torch.device) -> Tensor:
    """Share memory with an array, or copy what torch cannot share (a read-only memory map)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W", "E"])).to(device)


def _hide(keys: Tensor, searched: Searched, asked: QueryTable, rows: slice) -> None:
    """Take images out of rankings: the source's own, those only asked about or filtered out."""
    keys[:, torch.from_numpy(asked.hidden).to(keys.device)] = HIDDEN
    for number, query in enumerate(range(rows.start, rows.stop)):
        if searched.values is not None:
            columns = np.flatnonzero(asked.wished[query] >= 0)
            wish = asked.wished[query, columns]
            other = (searched.values[:, columns] != wish).any(axis=1)
            keys[number, torch.from_numpy(other).to(keys.device)] = HIDDEN
        if searched.source_excluded:
            keys[number, torch.from_numpy(asked.and_copies(query)).to(keys.device)] = HIDDEN


def _top(keys: Tensor, depth: int) -> Integers:
    best = torch.topk(keys, min(depth, keys.shape[1]), dim=1).values
    found = np.full((len(keys), depth), -1, dtype=np.int64)
    positions = rows_and_scores(best)[0]
    found[:, : best.shape[1]] = np.where(best.cpu().numpy() == HIDDEN, -1, positions)
    return found


def _right_ranks(keys: Tensor, asked: QueryTable, rows: slice) -> Integers:
    """Count, for every right image of some queries, the images above it.

    The right images of a query cut its keys into runs; a rank is the sum of the runs above.
    """
    starts = asked.right_starts[rows.start : rows.stop + 1]
    counts = np.diff(starts)
    query = np.repeat(np.arange(len(counts)), counts)  # of each right image
    place = np.arange(len(query)) - np.repeat(starts[:-1] - starts[0], counts)
    right = torch.from_numpy(asked.right[starts[0] : starts[-1]]).to(keys.device)
    row, column = (torch.from_numpy(one).to(keys.device) for one in (query, place))
    mine = torch.full((len(counts), int(counts.max())), HIDDEN, device=keys.device)
    mine[row, column] = keys[row, right]
    ordered, order = mine.sort(dim=1)
    runs = torch.searchsorted(ordered, keys)  # right images below each image
    sizes = torch.zeros((len(counts), ordered.shape[1] + 1), dtype=torch.int64, device=keys.device)
    sizes.scatter_add_(1, runs, torch.ones_like(runs))
    above = sizes.flip(1).cumsum(1).flip(1)[:, 1:]  # images above each right one, by key
    ranks = torch.empty_like(above).scatter_(1, order, above)[row, column]
    ranks[mine[row, column] == HIDDEN] = -1
    found: Integers = ranks.cpu().numpy()
    return found
