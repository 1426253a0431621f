"""Comparing every probe with every row on a device of torch; on the CPU NumPy does (index/scan.py).

torch.topk promises no order among equals; keys are never equal.

Shapes: Q probes, R rows ranked, n rows of one chunk, D dimensions.
"""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from index.base import Ids, Vectors
from index.keys import HIDDEN
from index.torch_keys import ranking_keys


def best_keys(
    chunks: Iterable[tuple[Ids, Vectors, NDArray[np.bool_] | None]],
    probes: Vectors,
    count: int,
    device: str,
    at_once: int,
) -> Ids:
    """Return the keys of the best rows for each probe, falling, (Q, R).

    Args:
        chunks: Rows (n,), embeddings (n, D), and which of them are wanted (n,); None if all are.
        probes: Finite embeddings, (Q, D).
        count: Rows R wanted; at most those that are.
        device: Where scores are computed.
        at_once: Probes in work at a time.
    """
    groups = _tensor(probes).to(device).split(at_once)
    none = torch.empty(0, dtype=torch.int64, device=device)
    best = [none.expand(len(group), 0) for group in groups]
    for rows, embeddings, wanted in chunks:
        columns = _tensor(embeddings).to(device).T  # (D, n)
        numbers = torch.from_numpy(rows).to(device)
        unwanted = None if wanted is None else ~torch.from_numpy(wanted).to(device)
        for place, group in enumerate(groups):
            new = ranking_keys(group @ columns, numbers)
            if unwanted is not None:
                new.masked_fill_(unwanted, HIDDEN)
            best[place] = _largest(torch.cat([best[place], new], dim=1), count)
    found: Ids = torch.cat(best).cpu().numpy()
    return found


def _tensor(array: Vectors) -> Tensor:
    """Share memory with an array, or copy what torch cannot share (read-only, not contiguous)."""
    return torch.from_numpy(np.require(array, requirements=["C", "W", "E"]))


def _largest(keys: Tensor, count: int) -> Tensor:
    """Return the largest keys of each row, falling: (Q, n) -> (Q, min(count, n))."""
    return torch.topk(keys, min(count, keys.shape[1]), dim=1).values
