"""How well an index finds what exact search finds: tuned to what is wanted, measured, and said.

Shapes: N gallery rows, D dimensions of an embedding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from index import search_effort
from index.approximate import ApproximateIndex, Parts
from index.base import GalleryRows, Ids
from index.kinds import QUANTISED
from index.manifest import Effort, Measured
from index.probing import QueryShape
from index.row_store import StoredRows


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an index is tuned for.

    Attributes:
        kind: Kind of index.
        accuracy: Neighbour overlap @10 with exact search, in (0, 1].
        shape: What queries look like.
    """

    kind: str
    accuracy: float
    shape: QueryShape

    def judge(self, overlap: float, probes: int, seconds: float) -> Measured:
        """Compare what was measured with what is wanted."""
        reached = overlap >= self.accuracy
        return Measured(overlap=overlap, probes=probes, reached=reached, seconds=seconds)

    def told(self, measured: Measured) -> str:
        """Say how well an index does."""
        said = f"{self.kind}: overlap @10 with exact search {measured.overlap:.4f}"
        if not measured.probes:
            return f"{self.kind}: too few images to measure its accuracy with"
        if measured.reached:
            return f"{said} on {measured.probes} held-out images"
        return (
            f"Warning: {said} on {measured.probes} held-out images, less than --accuracy"
            f" {self.accuracy:g}; --kind flat or exact finds all"
        )


def reach(
    index: Any,  # noqa: ANN401  FAISS ships no types
    gallery: GalleryRows,
    held_out: Ids,
    wanted: Wanted,
) -> tuple[Effort, float, int]:
    """Tune with one half of the held-out images, measure with the other.

    Args:
        index: FAISS index; its ids are row numbers of the gallery.
        gallery: All rows that it holds.
        held_out: Rising row numbers, of rows that can be found.
        wanted: What it is tuned for.

    Returns:
        Effort, overlap, and how many images that was measured with.
    """
    probes = search_effort.with_truth(gallery, held_out, wanted.shape)
    to_tune, to_measure = probes.halves()
    quantised = wanted.kind in QUANTISED
    effort = search_effort.tune(index, gallery, to_tune, wanted.accuracy, quantised=quantised)
    parts = Parts(
        main=index,
        effort=effort,
        ids=gallery.ids,
        kept=gallery.kept,
        stored=stored_rows(gallery),
        images=len(np.unique(gallery.kept_ids)),
    )
    overlap = search_effort.measure(ApproximateIndex(parts), to_measure)
    return effort, round(overlap, 5), len(to_measure.own)


def stored_rows(gallery: GalleryRows) -> StoredRows:
    """Give access to single rows of a gallery that is open already."""
    lengths = [len(block) for block in gallery.blocks]
    return StoredRows(lengths, gallery.blocks.__getitem__, gallery.dimension)
