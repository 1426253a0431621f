"""queries.npz: the measures of every query, so that two benchmarks can be compared pair by pair.

Arrays, none of them of Python objects:

| name | shape | |
|---|---|---|
| `key` | (Q,) | source image and wishes: the same in another benchmark if the same was asked |
| `identity` | (Q,) | name of the person that the query asks about |
| `methods`, `criteria`, `measures` | (n,), (2,), (M,) | names |
| `scores` | (n, 2, Q, M) float32 | mean over seeds; NaN where the criterion is not measured |

Shapes: Q queries, M measures.
"""

import io
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.errors import DatasetError
from gallery.files import write_whole
from retrieval.evaluation.protocol.wishes import wish_of
from retrieval.evaluation.records import CRITERIA, Record
from retrieval.evaluation.statistics.outcomes import Scores, measure_names

FILE = "queries.npz"
AXES = {"key": 1, "identity": 1, "methods": 1, "criteria": 1, "measures": 1, "scores": 4}
# What zipfile and NumPy raise for garbled files; found by feeding some.
GARBLED = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, OverflowError, MemoryError),
    *(SyntaxError, RuntimeError, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error),
)


@dataclass(frozen=True, slots=True)
class PerQuery:
    """What queries.npz holds; see above."""

    key: NDArray[np.str_]
    identity: NDArray[np.str_]
    methods: tuple[str, ...]
    criteria: tuple[str, ...]
    measures: tuple[str, ...]
    scores: NDArray[np.float32]


def write_per_query(record: Record, scores: Mapping[str, Mapping[str, Scores]], out: Path) -> Path:
    """Write queries.npz into a folder.

    Raises:
        OSError: The folder cannot be written.
    """
    values = [[scores[name][criterion].values for criterion in CRITERIA] for name in scores]
    people = np.array(record.people.names)
    content = io.BytesIO()
    np.savez_compressed(
        content,
        key=np.array(_keys(record)),
        identity=people[record.identity],
        methods=np.array(list(scores)),
        criteria=np.array(CRITERIA),
        measures=np.array(measure_names(record.provenance.cutoffs)),
        scores=np.array(values, dtype=np.float32),
    )
    write_whole(out / FILE, content.getvalue())
    return out / FILE


def read_per_query(path: Path) -> PerQuery:
    """Read a queries.npz.

    Raises:
        DatasetError: It is missing, or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found: dict[str, NDArray[Any]] = {name: arrays[name] for name in arrays.files}
        if any(np.ndim(found[name]) != axes for name, axes in AXES.items()):
            raise ValueError("an array has another shape")
        return PerQuery(
            key=found["key"],
            identity=found["identity"],
            methods=tuple(found["methods"].tolist()),
            criteria=tuple(found["criteria"].tolist()),
            measures=tuple(found["measures"].tolist()),
            scores=found["scores"],
        )
    except FileNotFoundError as error:
        raise DatasetError(
            f"There is no {path}; results are compared query by query, so this file must stand"
            " beside results.json. Run the benchmark again, or copy it too"
        ) from error
    except GARBLED as error:
        reason = " ".join(str(error).split())[:200]
        raise DatasetError(f"{path} is damaged ({reason}); run the benchmark again") from error


def _keys(record: Record) -> list[str]:
    """Name every query; a known person stands in one fold, so the source's name is enough."""
    queries, gallery = record.queries, record.gallery
    keys = []
    for source, wished in zip(queries.source.tolist(), queries.wished, strict=True):
        wish = wish_of(gallery.space, wished)
        keys.append("\t".join([gallery.names[source], *(f"{n}={v}" for n, v in wish.items())]))
    return keys
