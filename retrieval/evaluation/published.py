"""What the papers print, read from published.toml; measured on other data than ours."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.resources import files

FILE = "published.toml"


@dataclass(frozen=True, slots=True)
class Source:
    """A paper.

    Attributes:
        citation: Authors, title, year.
        data: What it was measured on.
    """

    citation: str
    data: str


@dataclass(frozen=True, slots=True)
class Rates:
    """A row of a paper's table of hit rates.

    Attributes:
        source: Key of its source.
        where: Table or section.
        criterion: "C1" or "C2".
        method: What the paper calls the method.
        like: The method of ours that it corresponds to; empty if there is none.
        rates: Percent, by measure ("R@1").
    """

    source: str
    where: str
    criterion: str
    method: str
    like: str
    rates: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Errors:
    """A row of a paper's mean squared errors.

    Attributes:
        source: Key of its source.
        where: Table or section.
        part: "all", or the name of a subset.
        stages: Grey levels squared, by stage.
    """

    source: str
    where: str
    part: str
    stages: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A paper's mean squared errors by source value (row) and wished value (column).

    Attributes:
        source: Key of its source.
        where: Figure.
        stage: Stage of the drawing.
        values: Values of the attribute.
        cells: Grey levels squared; None where nothing is wished.
    """

    source: str
    where: str
    stage: str
    values: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often a paper's estimate of a value was right.

    Attributes:
        source: Key of its source.
        where: Section.
        by: Whose estimate.
        percent: Right ones.
    """

    source: str
    where: str
    by: str
    percent: float


@dataclass(frozen=True, slots=True)
class Published:
    """What the papers print of some wishes.

    Attributes:
        sources: Papers by key.
        retrieval: Hit rates.
        errors: Mean squared errors.
        matrices: Mean squared errors by pair of values.
        estimates: Accuracies of estimates.
    """

    sources: Mapping[str, Source]
    retrieval: tuple[Rates, ...]
    errors: tuple[Errors, ...]
    matrices: tuple[Matrix, ...]
    estimates: tuple[Accuracy, ...]


def published(wishes: Collection[str]) -> Published:
    """Return what the papers print of wishes for some attributes.

    Args:
        wishes: Names of attributes, like "pose".
    """
    text = files("retrieval.evaluation").joinpath(FILE).read_text(encoding="utf-8")
    data = tomllib.loads(text)
    rows = {
        kind: [row for row in data[kind] if row["wish"] in wishes]
        for kind in ("retrieval", "mse", "mse_matrix", "estimate")
    }
    return Published(
        sources={key: Source(**source) for key, source in data["sources"].items()},
        retrieval=tuple(
            Rates(r["source"], r["where"], r["criterion"], r["method"], r["like"], r["rates"])
            for r in rows["retrieval"]
        ),
        errors=tuple(Errors(r["source"], r["where"], r["part"], r["stages"]) for r in rows["mse"]),
        matrices=tuple(
            Matrix(
                r["source"],
                r["where"],
                r["stage"],
                tuple(r["values"]),
                tuple(tuple(c if c != "" else None for c in line) for line in r["cells"]),
            )
            for r in rows["mse_matrix"]
        ),
        estimates=tuple(
            Accuracy(r["source"], r["where"], r["by"], r["accuracy"]) for r in rows["estimate"]
        ),
    )
