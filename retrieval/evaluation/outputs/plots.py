"""Plots as PNG and SVG, for papers and slides; they need matplotlib, the extra `plots`."""

import io
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gallery.errors import ConfigError
from gallery.files import write_whole
from retrieval.evaluation.outputs.views import role, shown_methods
from retrieval.evaluation.records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = Mapping[str, Any]
FOLDER = "plots"
COLOURS = ("#0b6e78", "#c8571b", "#7a4fb0", "#b08a00", "#8a8f96")
_ACROSS = 7  # error maps in a row


def write_plots(summary: Json, record: Record, out: Path) -> Iterator[Path]:
    """Write every plot that there is something for; yield each file.

    Args:
        summary: What `summarise` returned.
        record: Record of the same benchmark, for maps of errors.
        out: Folder of the results; the files go to `plots/` in it.

    Raises:
        ConfigError: matplotlib is not installed.
        OSError: The folder cannot be written.
    """
    require_matplotlib()
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures(summary, record):
        figure.draw_without_rendering()  # lays out, once for both files
        figure.set_layout_engine("none")
        for ending in ("png", "svg"):
            yield _save(figure, folder / f"{name}.{ending}")


def require_matplotlib() -> None:
    """Refuse to plot without matplotlib.

    Raises:
        ConfigError: It is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "Plots need matplotlib, which is not installed; pip install 'mindseye[plots]' and run"
            " the same command again"
        )


def figures(summary: Json, record: Record) -> Iterator[tuple[str, "Figure"]]:
    """Yield plots by name, each drawn when it is asked for."""
    for criterion in summary["criteria"]:
        yield f"hit-rate-{criterion}", _hit_rates(summary, criterion)
        yield f"rank-{criterion}", _ranks(summary, criterion)
    for breakdown in summary["breakdowns"]:
        if breakdown["by"].startswith("change of "):
            name = breakdown["by"].removeprefix("change of ").partition(" ")[0]
            yield f"change-{name}-{breakdown['criterion']}", _changes(summary, breakdown)
    for matrix in summary["mse_matrix"]:
        if matrix["stage"] == "stage 2":
            yield f"mse-{matrix['attribute']}", _matrix(matrix)
    if any(one.count for one in record.drawings.maps):
        yield "error-maps", _maps(record)
    judged = [
        method
        for method in summary["methods"]
        if (found := method.get("confidence")) and found["mean"] is not None
    ]
    if judged:
        yield "reliability", _reliability(judged)


def _new(width: float, height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _hit_rates(summary: Json, criterion: str) -> "Figure":
    """Draw every method's hit rate at each cut-off with its interval, the best on top."""
    names = [name for name in summary["measures"] if name.startswith("R@")]
    methods = [method for method in summary["methods"] if "scores" in method]
    last = names[min(1, len(names) - 1)]
    methods.sort(key=lambda method: method["scores"][criterion][last]["value"] or 0)
    figure, axes = _new(6.4, 1.2 + 0.38 * len(methods))
    for place, name in enumerate(names):
        found = [method["scores"][criterion][name] for method in methods]
        values = [100 * (one["value"] or 0) for one in found]
        ends = [one["interval"] or (one["value"] or 0,) * 2 for one in found]
        spread = [
            [v - 100 * low, 100 * high - v] for v, (low, high) in zip(values, ends, strict=True)
        ]
        rows = np.arange(len(methods)) + 0.15 * ((len(names) - 1) / 2 - place)
        sides = np.clip(np.transpose(spread), 0, None)
        axes.errorbar(values, rows, xerr=sides, fmt="o", ms=4, color=COLOURS[place % 5], label=name)
    axes.set_yticks(range(len(methods)), [method["name"] for method in methods])
    axes.set_xlim(-1, 101)
    axes.set_xlabel(f"{criterion}, percent of queries, with 95 % intervals")
    axes.legend(frameon=False, ncols=len(names), loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def _ranks(summary: Json, criterion: str) -> "Figure":
    """Draw the hit rate at every rank: the cumulative match curve."""
    figure, axes = _new(5.6, 3.8)
    methods = [method for method in summary["methods"] if "curve" in method]
    for place, method in enumerate(methods):
        rates = [100 * (rate or 0) for rate in method["curve"][criterion]]
        width = 2.4 if role(method["name"]) == "ours" else 1.2
        style = ":" if role(method["name"]) == "bound" else "-" if place < 10 else "--"
        axes.plot(range(1, len(rates) + 1), rates, style, lw=width, label=method["name"])
    axes.set_xlabel("rank K")
    axes.set_ylabel(f"{criterion} R@K, percent")
    axes.set_ylim(0, 101)
    if methods:
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _changes(summary: Json, breakdown: Json) -> "Figure":
    figure, axes = _new(6.2, 3.4)
    groups = breakdown["groups"]
    for place, name in enumerate(shown_methods(summary, "C2", _shown_measure(summary))):
        found = [group["scores"][name] for group in groups]
        values = np.array([100 * one["value"] for one in found])
        ends = np.array([one["interval"] or (one["value"],) * 2 for one in found]) * 100
        sides = np.clip([values - ends[:, 0], ends[:, 1] - values], 0, None)
        colour = COLOURS[place % len(COLOURS)]
        axes.errorbar(range(len(groups)), values, sides, fmt="o-", ms=4, color=colour, label=name)
    axes.set_xticks(range(len(groups)), [group["label"] for group in groups])
    axes.set_xlabel(breakdown["by"])
    axes.set_ylabel(f"{breakdown['criterion']} {breakdown['measure']}, percent")
    axes.set_ylim(0, 101)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _reliability(judged: Sequence[Json]) -> "Figure":
    """Draw how often first answers were right, by how sure they were; larger dots are of more."""
    figure, axes = _new(5.2, 4.2)
    axes.plot((0, 1), (0, 1), ":", color=COLOURS[-1], label="as sure as right")
    for place, method in enumerate(judged):
        found = method["confidence"]
        bins = [one for one in found["bins"] if one["answers"]]
        answers = sum(one["answers"] for one in bins)
        sure, right = ([one[name] for one in bins] for name in ("confidence", "right"))
        sizes = [12 + 240 * one["answers"] / answers for one in bins]
        error = 100 * found["expected_calibration_error"]
        colour = COLOURS[place % (len(COLOURS) - 1)]
        axes.plot(sure, right, "-", lw=1, color=colour, label=f"{method['name']}, ECE {error:.1f}")
        axes.scatter(sure, right, s=sizes, color=colour, alpha=0.7)
    axes.set_xlabel("confidence of the first answer")
    axes.set_ylabel("share that is right (C1)")
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _matrix(matrix: Json) -> "Figure":
    values = matrix["values"]
    figure, axes = _new(1.8 + 0.45 * len(values), 1.2 + 0.42 * len(values))
    cells = np.array([[np.nan if cell is None else cell for cell in row] for row in matrix["mean"]])
    image = axes.imshow(cells, cmap="Oranges")
    for (row, column), cell in np.ndenumerate(cells):
        if not np.isnan(cell):
            axes.text(column, row, f"{cell:.0f}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(values)), values)
    axes.set_yticks(range(len(values)), values)
    axes.set_xlabel(f"wished {matrix['attribute']}")
    axes.set_ylabel(f"{matrix['attribute']} of the source")
    figure.colorbar(image, ax=axes, label="MSE, grey levels squared")
    return figure


def _maps(record: Record) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415

    maps = [one for one in record.drawings.maps if one.count]
    rows = -(-len(maps) // _ACROSS)
    figure = Figure(
        figsize=(1.3 * min(len(maps), _ACROSS) + 1, 1.6 * rows + 0.2), layout="constrained"
    )
    most = max(float(np.quantile(one.total / one.count, 0.995)) for one in maps)
    grid: Sequence[Axes] = (
        figure.subplots(rows, min(len(maps), _ACROSS), squeeze=False).ravel().tolist()
    )
    for axes, one in zip(grid, maps, strict=False):
        attribute = record.gallery.space.attributes[one.attribute]
        image = axes.imshow(one.total / one.count, vmin=0, vmax=most, cmap="viridis")
        axes.set_title(f"{attribute.name} {attribute.values[one.value]}", fontsize=8)
    for axes in grid:
        axes.set_axis_off()
    figure.colorbar(image, ax=list(grid), label="MSE")
    return figure


def _shown_measure(summary: Json) -> str:
    names: list[str] = summary["measures"]
    return "R@5" if "R@5" in names else names[0]


def _save(figure: "Figure", path: Path) -> Path:
    """Write a figure; the same numbers are the same bytes, whenever they are drawn."""
    import matplotlib as mpl  # noqa: PLC0415

    content = io.BytesIO()
    ending = path.suffix[1:]
    metadata = {"Date": None} if ending == "svg" else {"Software": None}
    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        figure.savefig(content, format=ending, dpi=160, metadata=metadata)
    write_whole(path, content.getvalue())
    return path
