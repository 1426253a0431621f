"""Runs and judgements in the format of TREC, for other people's evaluators.

A run has one line for each rank, `query Q0 image rank score method`, a judgement one for each right
image, `query 0 image grade`: grade 2 is right under C2, 1 under C1 alone. Numbers stand for images
and queries; images.tsv and queries.tsv name them. In names, people and wishes white space, control
characters and % are written like %20 (`urllib.parse.unquote` reads them), so that no name becomes
two columns, whether columns are taken to end at tabs or at spaces.

Scores only restate the rank, so that no evaluator can break ties in another way. Runs stop at the
depth of the rankings; the average precision that an evaluator computes is therefore that of the
first K ranks, which `results.json` has under `at_depth`.

`ir_measures` and `trec_eval` (after gunzip) read them.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gallery.files import write_whole
from retrieval.evaluation.protocol.wishes import wish_of
from retrieval.evaluation.records import MethodRecord, Record

FOLDER = "trec"


def write_trec(record: Record, out: Path) -> Iterator[Path]:
    """Write judgements, names and one run for each method and seed; yield each file.

    Args:
        record: What was asked and answered.
        out: Folder of the results; the files go to `trec/` in it.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    yield _write(folder / "qrels.txt.gz", _judgements(record))
    yield _write(folder / "queries.tsv.gz", _queries(record))
    yield _write(folder / "images.tsv.gz", _images(record))
    for method in record.methods:
        if not method.skipped:
            yield _write(folder / f"{run_name(method, record)}.run.gz", _run(method, record))


def run_name(method: MethodRecord, record: Record) -> str:
    """Return a method's name as a file's: a trained method's has its seed, if there are several."""
    alike = [one for one in record.methods if one.name == method.name]
    seed = f"--seed-{method.seed}" if len(alike) > 1 else ""
    safe = [c if c.isalnum() or c in "-_." else "-" for c in method.name]
    return "".join(safe) + seed


def _run(method: MethodRecord, record: Record) -> Iterator[str]:
    name = run_name(method, record)
    depth = method.top.shape[1]
    for query, top in enumerate(method.top.tolist()):
        for rank, image in enumerate(top):
            if image >= 0:
                yield f"{query} Q0 {image} {rank + 1} {depth - rank} {name}\n"


def _judgements(record: Record) -> Iterator[str]:
    queries = record.queries
    owner = np.repeat(np.arange(len(queries)), np.diff(queries.right_starts))
    rows = (owner.tolist(), queries.right.tolist(), (1 + queries.right_strict).tolist())
    for query, image, grade in zip(*rows, strict=True):
        yield f"{query} 0 {image} {grade}\n"


def _queries(record: Record) -> Iterator[str]:
    queries, gallery = record.queries, record.gallery
    yield "query\tfold\tsource\tidentity\twish\n"
    for query, source in enumerate(queries.source.tolist()):
        wish = wish_of(gallery.space, queries.wished[query])
        asked = " ".join(f"{escape(name)}={escape(value)}" for name, value in wish.items())
        who = escape(record.people.names[int(gallery.identity[source])])
        name = escape(gallery.names[source])
        yield f"{query}\t{gallery.fold[source]}\t{name}\t{who}\t{asked}\n"


def _images(record: Record) -> Iterator[str]:
    """Name the images that a run or a judgement speaks of."""
    tops = [np.unique(method.top) for method in record.methods if not method.skipped]
    spoken_of = np.unique(np.concatenate([record.queries.right, record.queries.source, *tops]))
    yield "image\tfold\tname\n"
    for image in spoken_of[spoken_of >= 0].tolist():
        yield f"{image}\t{record.gallery.fold[image]}\t{escape(record.gallery.names[image])}\n"


def escape(name: str) -> str:
    """Write a name without white space, so that it is one column; `urllib.parse.unquote` undoes it.

    >>> escape("Ann Lee, 100 %")
    'Ann%20Lee,%20100%20%25'
    """
    return "".join(map(_escaped, name))


def _escaped(letter: str) -> str:
    if letter != "%" and letter.isprintable() and not letter.isspace():
        return letter
    is_byte = "\udc80" <= letter <= "\udcff"  # of a name that is not UTF-8
    content = letter.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in content)


def _write(path: Path, lines: Iterator[str]) -> Path:
    """Compress lines; the same lines are the same bytes, whenever they are written."""
    write_whole(path, gzip.compress("".join(lines).encode(), compresslevel=1, mtime=0))
    return path
