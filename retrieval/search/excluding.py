"""A search in which some images pay for what they must not show.

What they pay is never positive, so the inner product alone says what an image can score at most.
The best images by that are looked at, more and more of them, until those that were not looked at
cannot be better: their inner products are no higher than the last one looked at. The answer is that
of comparing with every image, as far as the index finds what is nearest; how many images are looked
at depends on how many of the nearest show what must not be.

Source: the threshold algorithm, Fagin, Lotem and Naor, "Optimal aggregation algorithms for
middleware", PODS 2001, section 4, for one sorted list.

Shapes: K results, n images, F numbers of a vector.
"""

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Floats
from index.backend import EVERYTHING, Limit
from index.base import Ids, Neighbours
from retrieval.scoring.exclusions import Exclusion
from retrieval.search.live import Live

FIRST = 128  # images looked at, at first
GROWTH = 4
CHUNK = 4096  # vectors read at once


def search_excluding(
    index: Live,
    probe: Floats,
    k: int,
    excluded: Sequence[Exclusion],
    limit: Limit = EVERYTHING,
) -> Neighbours:
    """Find the k best images, (1, K): inner product plus what each exclusion adds.

    Args:
        index: What is searched.
        probe: The vector that searches, (1, F).
        k: Images wanted, at least 1.
        excluded: What must not be shown.
        limit: Which images may be found.

    Raises:
        IndexFileError: See `Live.find`.
    """
    paid: dict[int, float] = {}
    searched, count = None, max(FIRST, k)
    while True:
        found = index.find(probe, count, limit)
        if index.space != searched:  # another generation was published
            searched, paid = index.space, {}
        ids, scores = found.ids[0], found.scores[0]
        fresh = np.array([one for one in ids.tolist() if one not in paid], dtype=np.int64)
        paid |= dict(zip(fresh.tolist(), _adds(index, probe, fresh, excluded), strict=True))
        total = scores + np.array([paid[one] for one in ids.tolist()], dtype=np.float32)
        order = np.argsort(-total, kind="stable")[:k]
        if len(ids) < count or (len(order) == k and total[order[-1]] >= scores[-1]):
            return Neighbours(ids[None, order], total[None, order])
        count *= GROWTH


def _adds(index: Live, probe: Floats, ids: Ids, excluded: Sequence[Exclusion]) -> list[float]:
    """Return what the exclusions add to the scores of images, in their order, (n,)."""
    found: list[float] = []
    for start in range(0, len(ids), CHUNK):
        wanted = ids[start : start + CHUNK]
        vectors = index.stored(np.sort(wanted)).best(probe[0], wanted)
        found += np.sum([one.scores(vectors) for one in excluded], axis=0).tolist()
    return found
