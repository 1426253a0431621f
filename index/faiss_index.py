"""Exact search by FAISS on the CPU: faster than the reference for a gallery that fits in memory.

Shapes: Q probes, K results, R rows found, N gallery rows, n rows of one block, D dimensions.
"""

import importlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gallery.errors import ConfigError, IndexFileError
from gallery.files import replacing
from index.base import GalleryRows, Ids, Neighbours, Vectors, check_search, nothing
from index.choice import Choice, ImageRows
from index.merge import merge_by_image, rows_needed, rows_per_image

SPARSE = 0.05  # of the rows: a smaller choice is copied together, a larger one selected from
# All write the package `faiss`; two of them leave a mixture of both.
DISTRIBUTIONS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")


class FlatIndex:
    """An `IndexFlatIP` that answers by image.

    Equal scores are ordered by gallery row within the rows that FAISS returns. Which of several
    equal rows it returns at the K boundary is FAISS's own choice; `ExactIndex` decides that too.

    Attributes:
        size: Number of distinct images.
        dimension: Length D of an embedding.
    """

    size: int
    dimension: int
    _image_rows: ImageRows | None  # made by the first search with a choice

    def __init__(
        self, ids: Ids, blocks: Sequence[Vectors], kept: NDArray[np.bool_] | None = None
    ) -> None:
        """Copy the gallery into memory.

        Args:
            ids: Image of each row, (N,); repeated ids are rows of one image.
            blocks: Finite embeddings, each (n, D), N rows together, such as memory maps.
            kept: Which rows can be found, (N,); None for all.

        Raises:
            ValueError: Shapes or types do not fit together, or no row can be found.
            ConfigError: FAISS is not installed, or twice.
        """
        rows = GalleryRows(ids, blocks, kept)
        faiss = require_faiss()
        mapped = faiss.IndexIDMap(faiss.IndexFlatIP(rows.dimension))
        for numbers, embeddings in rows.chunks():
            mapped.add_with_ids(embeddings, ids[numbers])
        self._adopt(mapped)

    def search(
        self,
        probes: Vectors,
        k: int,
        *,
        allowed: Ids | None = None,
        excluded: Ids | None = None,
    ) -> Neighbours:
        """Find the k best images for each probe: (Q, D) -> (Q, K); see `Index.search`."""
        check_search(probes, k, self, allowed, excluded)
        if allowed is None and excluded is None:
            scores, rows = self._flat.search(probes, rows_needed(self._copies, k))  # (Q, R)
        else:
            if self._image_rows is None:
                self._image_rows = ImageRows(self._ids)
            choice = self._image_rows.choose(allowed, excluded)
            k = min(k, choice.images)
            if k == 0:
                return nothing(len(probes))
            scores, rows = self._search_among(probes, choice, choice.rows_needed(k))
        order = np.lexsort((rows, -scores))
        ids = self._ids[np.take_along_axis(rows, order, axis=1)]
        return merge_by_image(ids, np.take_along_axis(scores, order, axis=1), k)

    def _search_among(self, probes: Vectors, choice: Choice, count: int) -> tuple[Vectors, Ids]:
        """Find the best rows of a choice: scores (Q, R) and rows (Q, R), best first."""
        faiss = require_faiss()
        if choice.size < SPARSE * choice.total:
            rows = choice.rows
            chosen = faiss.IndexFlatIP(self.dimension)
            chosen.add(self._flat.reconstruct_batch(rows))
            scores, places = chosen.search(probes, count)
            return scores, rows[places]
        bits = np.packbits(choice.mask(), bitorder="little")
        selector = faiss.IDSelectorBitmap(choice.total, faiss.swig_ptr(bits))
        found: tuple[Vectors, Ids] = self._flat.search(
            probes, count, params=faiss.SearchParameters(sel=selector)
        )
        return found

    def save(self, path: Path) -> None:
        """Write vectors and ids to one file, which appears whole or not at all."""
        with replacing(path) as temporary:
            require_faiss().write_index(self._mapped, str(temporary))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            IndexFileError: The file is missing, damaged, or another kind of FAISS index.
            ConfigError: FAISS is not installed, or twice.
        """
        index = cls.__new__(cls)
        cls._adopt(index, _read(path))
        return index

    def _adopt(self, mapped: Any) -> None:  # noqa: ANN401  FAISS ships no types
        faiss = require_faiss()
        self._mapped = mapped  # owns the vectors that the next line borrows
        self._flat = faiss.downcast_index(mapped.index)
        self._ids: Ids = faiss.vector_to_array(mapped.id_map)
        self._copies = rows_per_image(self._ids)
        self._image_rows = None
        self.size = len(self._copies)
        self.dimension = int(self._flat.d)


def require_faiss() -> Any:  # noqa: ANN401  FAISS ships no types
    """Import FAISS.

    Raises:
        ConfigError: It is not installed, or two distributions of it have overwritten each other;
            the message holds the commands that help.
    """
    installed = [name for name in DISTRIBUTIONS if _is_installed(name)]
    if len(installed) > 1:
        raise ConfigError(
            f"{' and '.join(installed)} are both installed and overwrite each other's files."
            f" Remove both, then install one: pip uninstall -y {' '.join(installed)}"
            ' && pip install "mindseye[cpu]" (or "mindseye[gpu]")'
        )
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise ConfigError(
            f'The index kind "flat" needs FAISS, which cannot be imported ({error}).'
            ' Install it: pip install "mindseye[cpu]"; or use the index kind "exact"'
        ) from error


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _read(path: Path) -> Any:  # noqa: ANN401  FAISS ships no types
    faiss = require_faiss()
    if not path.is_file():
        raise IndexFileError(f"{path} is missing. Build the index again: mindseye index build")
    try:
        mapped = faiss.read_index(str(path))
    except (RuntimeError, MemoryError) as error:  # a torn file may claim any length
        reason = str(error).splitlines()[0]
        raise IndexFileError(
            f"{path} cannot be read ({reason}). Build the index again: mindseye index build"
        ) from error
    if not _is_ours(mapped, faiss):
        raise IndexFileError(
            f"{path} holds {type(mapped).__name__}, expected an IndexIDMap of an IndexFlatIP."
            " Build the index again: mindseye index build"
        )
    return mapped


def _is_ours(mapped: Any, faiss: Any) -> bool:  # noqa: ANN401  FAISS ships no types
    if not isinstance(mapped, faiss.IndexIDMap):
        return False
    flat = faiss.downcast_index(mapped.index)
    return isinstance(flat, faiss.IndexFlatIP) and mapped.id_map.size() == flat.ntotal > 0
