"""Indexes of every kind, made in memory."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from index import faiss_train
from index.accuracy import stored_rows
from index.approximate import ApproximateIndex, Parts
from index.base import GalleryRows, Index
from index.exact import ExactIndex
from index.kinds import list_count
from index.manifest import Effort

MakeIndex = Callable[..., Index]


@pytest.fixture
def make_index() -> MakeIndex:
    """Make an index: kind, ids, blocks, which rows are kept, and how many stay in the tail."""
    return made


def made(
    kind: str,
    ids: np.ndarray,
    blocks: Sequence[np.ndarray],
    kept: np.ndarray | None = None,
    tail: int = 0,
) -> Index:
    if kind == "exact":
        return ExactIndex(ids, blocks, kept)
    pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    gallery = GalleryRows(ids, blocks, kept)
    first = gallery.gather(np.arange(len(ids) - tail))
    main = faiss_train.untrained(kind, len(ids), gallery.dimension)
    if faiss_train.divided(kind):
        faiss_train.train(main, first)
    main.add(first)
    lists = list_count(len(ids), gallery.dimension) if faiss_train.divided(kind) else 0
    effort = Effort(
        lists=lists,
        breadth=200 if kind == "hnsw" else 0,
        depth={"fp16": 4, "sq8": 8, "pq": 64, "rabitq": 64}.get(kind, 0),
    )
    images = len(np.unique(gallery.kept_ids))
    parts = Parts(
        main=main, effort=effort, ids=ids, kept=kept, stored=stored_rows(gallery), images=images
    )
    return ApproximateIndex(parts)
