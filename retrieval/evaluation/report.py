"""What a benchmark leaves: from a record to files.

| file | for |
|---|---|
| `results.json` | programs; docs/benchmark-files.md describes it |
| `queries.npz` | comparing two benchmarks query by query |
| `table.md` | reading in a terminal or a repository |
| `trec/` | other people's evaluators |
| `report.html` | people: one page, no network |
| `plots/` | papers; only with the extra `plots` |
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gallery.errors import ConfigError
from gallery.files import file_sha256, write_whole
from gallery.json_files import spell
from retrieval.evaluation.outputs import page, plots, tables, trec
from retrieval.evaluation.records import BenchmarkProgress, Record
from retrieval.evaluation.statistics.outcomes import check_consistent
from retrieval.evaluation.statistics.per_query import write_per_query
from retrieval.evaluation.statistics.summary import score_all, summarise

STEPS = ("numbers", "queries", "tables", "runs", "page", "plots")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        out: The folder.
        summary: What results.json holds.
        files: Paths relative to the folder.
        notes: What was left out, and why.
    """

    out: Path
    summary: dict[str, Any]
    files: tuple[str, ...]
    notes: tuple[str, ...]


def write(record: Record, out: Path) -> Generator[BenchmarkProgress, None, Written]:
    """Write everything that a benchmark leaves; the generator's return value says what.

    results.json is written last and names the hashes of the other files: where it is, they are
    whole. Without matplotlib the plots are left out, and a note says so.

    Args:
        record: Record of one fold, or pooled.
        out: Folder; made if it is not there.

    Raises:
        ValueError: The record contradicts itself.
        OSError: The folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    yield _step("numbers")
    check_consistent(record)
    scores = score_all(record)
    summary = summarise(record, scores)
    (out / "results.json").unlink(missing_ok=True)
    yield _step("queries")
    files = [write_per_query(record, scores, out)]
    yield _step("tables")
    files.append(_write(out / "table.md", tables.to_markdown(summary)))
    yield _step("runs")
    files += trec.write_trec(record, out)
    yield _step("page")
    files.append(_write(out / "report.html", page.to_html(summary, record)))
    yield _step("plots")
    notes = []
    try:
        files += plots.write_plots(summary, record, out)
    except ConfigError as error:
        notes.append(str(error))
    summary["notes"] = notes
    summary["files"] = {str(path.relative_to(out)): file_sha256(path) for path in files}
    files.append(_write(out / "results.json", spell(summary, indent=1)))
    return Written(out, summary, tuple(_names(files, out)), tuple(notes))


def _names(files: list[Path], out: Path) -> Iterator[str]:
    return (str(path.relative_to(out)) for path in files)


def _step(name: str) -> BenchmarkProgress:
    return BenchmarkProgress(f"writing {name}", STEPS.index(name) + 1, len(STEPS))


def _write(path: Path, text: str) -> Path:
    write_whole(path, text.encode())
    return path
