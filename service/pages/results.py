"""Results of benchmarks, as the page's benchmark view shows them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from service.problems import ProblemError

FILE = "results.json"
REPORT = "report.html"
LARGEST_BYTES = 64 * 2**20


class FigureTold(BaseModel):
    """A share in [0, 1], with its 95 % interval over people where there is one."""

    model_config = ConfigDict(extra="ignore")
    value: float | None
    interval: tuple[float, float] | None = None


class MethodTold(BaseModel):
    """A way to search, and how often it found: criterion -> measure -> figure."""

    model_config = ConfigDict(extra="ignore")
    name: str
    note: str | None = None
    skipped: str | None = None
    scores: dict[str, dict[str, FigureTold]] = {}


class ResultTold(BaseModel):
    """One benchmark; see docs/benchmark-files.md for what its fields mean."""

    model_config = ConfigDict(extra="ignore")
    name: str
    spec: str
    command: str
    created: str
    reference: str
    criteria: list[str]
    measures: list[str]
    wishes: list[str]
    queries: dict[str, int]
    gallery: int
    identities: int
    methods: list[MethodTold]
    report: bool


class BrokenTold(BaseModel):
    """A folder whose results cannot be shown, and why."""

    name: str
    problem: str


class ResultsTold(BaseModel):
    """All benchmarks of a folder, the newest first."""

    results: list[ResultTold]
    broken: list[BrokenTold]


def list_results(folder: Path) -> ResultsTold:
    """Read the results in a folder, and in the folders in it.

    Args:
        folder: What `mindseye serve --results` names: a result, or a folder of results.
    """
    found: list[ResultTold] = []
    broken: list[BrokenTold] = []
    for name, place in _places(folder):
        try:
            found.append(_read(name, place))
        except (OSError, ValueError) as problem:
            broken.append(BrokenTold(name=name, problem=_reason(problem)))
    found.sort(key=lambda one: one.created, reverse=True)
    return ResultsTold(results=found, broken=broken)


def find_report(folder: Path, name: str) -> Path:
    """Return the whole report of a result.

    Raises:
        ProblemError: There is no such result, or it has no report.
    """
    for known, place in _places(folder):
        if known == name and (place / REPORT).is_file():
            return place / REPORT
    raise ProblemError(404, "not_found", "There is no such report; look at /v1/results")


def _places(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the place of each result. Names are looked up, never joined to a path."""
    if (folder / FILE).is_file():
        yield folder.resolve().name, folder
    if folder.is_dir():
        for one in sorted(folder.iterdir()):
            if (one / FILE).is_file():
                yield one.name, one


def _read(name: str, place: Path) -> ResultTold:
    path = place / FILE
    if path.stat().st_size > LARGEST_BYTES:
        raise ValueError(f"{FILE} is larger than {LARGEST_BYTES:,} bytes")
    read: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(read, dict):
        raise ValueError(f"{FILE} is no object")
    return ResultTold.model_validate({**read, "name": name, "report": (place / REPORT).is_file()})


def _reason(problem: Exception) -> str:
    """Say why a file is no result, without where it is."""
    if isinstance(problem, ValidationError):
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{FILE} is none of `mindseye bench`: {where}: {first['msg']}"
    if isinstance(problem, OSError):
        return f"{FILE} cannot be read: {problem.strerror}"
    return f"{FILE} is none of `mindseye bench`: {problem}"
