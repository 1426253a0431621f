"""Making FAISS indexes: which one a kind is, training, adding rows, and how far rows drift.

Rows are divided into lists by k-means (all kinds but `flat` and `hnsw`), and what is stored of a
row is its vector, or the code of its difference from the centre of its list. Ids of an index are
row numbers of the gallery: every row is added, in order, also rows that cannot be found.

Source of `rabitq`: Gao, Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical error
bound for approximate nearest neighbor search", SIGMOD 2024; a bit for each number, and two floats.
Its random rotation is left out: of 28,800 numbers it would be a matrix of 3.3 GB.

**When is an index trained again?** Rows added later go into the lists as they are. It is trained
again once

- the rows added lie, in the mean, more than 1.25 times as far (squared) from the centres of their
  lists as held-out rows did at the training, or
- the lists have become more than 2 times as unequal (`imbalance_factor`), or
- there are more than 4 times as many rows as at the training: too few lists.

Source of the imbalance: Jegou, Douze, Schmid, "Improving bag-of-features for large scale image
search", IJCV 2010, equation 3: lists x sum of squared shares.

Shapes: N gallery rows, n rows of one chunk, D dimensions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gallery.errors import IndexFileError
from index.base import GalleryRows, Ids, Vectors
from index.faiss_library import gpus, require_faiss
from index.kinds import BREADTH, DIVIDED, LINKS, PQ_WIDTH, ROUNDS, TRAINING_ROWS, list_count
from index.manifest import Drift

FURTHER = 1.25
MORE_UNEQUAL = 2.0
MORE_ROWS = 4
CHUNK = 16_384  # rows added at a time
FEWEST = 64  # rows that any kind can be trained on
SEED = 20_160_919


def divided(kind: str) -> bool:
    """Say whether a kind divides the gallery into lists."""
    return kind in DIVIDED


def untrained(kind: str, rows: int, dimension: int) -> Any:  # noqa: ANN401  FAISS ships no types
    """Make an empty index for a gallery of so many rows."""
    faiss = require_faiss(kind)
    product = faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        return faiss.IndexFlatIP(dimension)
    if kind == "hnsw":
        graph = faiss.IndexHNSWFlat(dimension, LINKS, product)
        graph.hnsw.efConstruction = BREADTH
        return graph
    codes = {"ivf": "Flat", "fp16": "SQfp16", "sq8": "SQ8", "rabitq": "RaBitQfs"}
    codes["pq"] = _fast_scan(dimension)
    lists = list_count(rows, dimension)
    made = faiss.index_factory(dimension, f"IVF{lists},{codes[kind]}", product)
    made.cp.niter = ROUNDS
    made.cp.seed = SEED % 2**31
    made.cp.max_points_per_centroid = TRAINING_ROWS
    for clustering in (made.cp, *((made.pq.cp,) if kind == "pq" else ())):
        clustering.min_points_per_centroid = 1  # FAISS warns on stderr otherwise
    return made


def training_rows(kind: str, gallery: GalleryRows) -> int:
    """Return how many rows a kind is trained on."""
    rows = len(gallery.ids)
    if not divided(kind):
        return 0
    return min(rows, max(TRAINING_ROWS * list_count(rows, gallery.dimension), 20_000))


def train(index: Any, sample: Vectors) -> None:  # noqa: ANN401  FAISS ships no types
    """Fit lists and codes to some rows, (n, D), n > 0; on a GPU where FAISS has one."""
    if gpus() and hasattr(index, "clustering_index"):
        faiss = require_faiss()
        flat = faiss.IndexFlatIP(index.d)
        index.clustering_index = faiss.index_cpu_to_all_gpus(flat)
    if len(sample) < FEWEST:
        sample = np.resize(sample, (FEWEST, sample.shape[1]))  # repeats them
    index.train(sample)


def add(index: Any, gallery: GalleryRows, first: int) -> Iterator[int]:  # noqa: ANN401
    """Add the rows of a gallery from one on; yield how many the index holds, as they come.

    Raises:
        IndexFileError: One holds NaN or infinity.
    """
    total = len(gallery.ids)
    for start in range(first, total, CHUNK):
        chunk = np.arange(start, min(start + CHUNK, total))
        for rows, embeddings in gallery.gathered(chunk):
            _require_finite(gallery, rows, embeddings)
            index.add(embeddings)
        yield int(index.ntotal)


def gather_finite(gallery: GalleryRows, rows: Ids) -> Vectors:
    """Copy some rows together, as `GalleryRows.gather`.

    Raises:
        IndexFileError: One holds NaN or infinity.
    """
    embeddings = gallery.gather(rows)
    _require_finite(gallery, rows, embeddings)
    return embeddings


def _require_finite(gallery: GalleryRows, rows: Ids, embeddings: Vectors) -> None:
    if not np.isfinite(embeddings).all():
        bad = gallery.ids[rows[~np.isfinite(embeddings).all(axis=1)]]
        raise IndexFileError(
            f"The vectors of {len(bad)} images, such as that of id {bad[0]}, hold NaN or infinity;"
            " mindseye index verify names them, and --repair lets go of them"
        )


def mean_error(index: Any, rows: Vectors) -> float:  # noqa: ANN401  FAISS ships no types
    """Return the mean squared distance of rows (n, D) from the centres of their lists."""
    if not len(rows) or not hasattr(index, "quantizer"):
        return 0.0
    _, places = index.quantizer.search(rows, 1)
    centres = index.quantizer.reconstruct_batch(places[:, 0])
    return float(((rows - centres) ** 2).sum(axis=1).mean())


def imbalance(index: Any) -> float:  # noqa: ANN401  FAISS ships no types
    """Return how unequal the lists are: 1 if equally long; 1 for an index without lists."""
    return float(index.invlists.imbalance_factor()) if hasattr(index, "invlists") else 1.0


def has_drifted(drift: Drift) -> bool:
    """Say whether an index must be trained again; the rule stands at the top."""
    return drift.trained > 0 and (
        drift.added_error > FURTHER * drift.error
        or drift.imbalance_now > MORE_UNEQUAL * drift.imbalance
        or drift.trained + drift.added > MORE_ROWS * drift.trained
    )


def draw_rows(gallery: GalleryRows, sample: int, held_out: int) -> tuple[Ids, Ids]:
    """Draw rows to train on and others to measure with, of those that can be found.

    Returns:
        Rising row numbers of both, without a row in common. If there are few rows, up to a tenth of
        them is held out.
    """
    kept = np.arange(len(gallery.ids)) if gallery.kept is None else np.flatnonzero(gallery.kept)
    order = np.random.default_rng(SEED).permutation(kept)
    held_out = min(held_out, len(kept) // 10)
    return np.sort(order[held_out : held_out + sample]), np.sort(order[:held_out])


def _fast_scan(dimension: int) -> str:
    """Spell a product quantiser of 4 bits for every `PQ_WIDTH` dimensions, or fewer."""
    width = next(width for width in range(PQ_WIDTH, 0, -1) if dimension % width == 0)
    return f"PQ{dimension // width}x4fs"
