"""A line chart as coordinates, drawn by the page's template as SVG: no library, no script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 400, 250  # of the drawing, user units
LEFT, RIGHT, TOP, BOTTOM = 38, 12, 12, 40  # margins


@dataclass(frozen=True, slots=True)
class Point:
    """A point with its interval, in user units, and what is said of it."""

    x: float
    y: float
    low: float
    high: float
    said: str


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A method's points from left to right.

    Attributes:
        label: Its name.
        style: Number of its colour.
        points: Where they are.
        path: The same as the points of a polyline.
    """

    label: str
    style: int
    points: tuple[Point, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over groups.

    Attributes:
        title: What is drawn, for those who cannot see it.
        x_label: Label of the horizontal axis.
        x_ticks: Place and text.
        y_ticks: Place and text.
        lines: One for each method.
    """

    title: str
    x_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[ChartLine, ...]


def line_chart(breakdown: Mapping[str, Any], methods: Sequence[str]) -> Chart:
    """Draw the groups of a breakdown from left to right, shares from 0 to 100 % upwards."""
    groups = breakdown["groups"]
    places = [_x(number, len(groups)) for number in range(len(groups))]
    lines = []
    for style, name in enumerate(methods):
        points = []
        for x, group in zip(places, groups, strict=True):
            figure = group["scores"][name]
            low, high = figure["interval"] or (figure["value"], figure["value"])
            said = f"{name}, {group['label']}: {100 * figure['value']:.1f} %"
            points.append(Point(x, _y(figure["value"]), _y(low), _y(high), said))
        path = " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)
        lines.append(ChartLine(name, style, tuple(points), path))
    return Chart(
        title=f"{breakdown['criterion']} {breakdown['measure']} by {breakdown['by']}",
        x_label=breakdown["by"],
        x_ticks=tuple((x, group["label"]) for x, group in zip(places, groups, strict=True)),
        y_ticks=tuple((_y(share / 100), str(share)) for share in range(0, 101, 25)),
        lines=tuple(lines),
    )


def _x(number: int, count: int) -> float:
    width = WIDTH - LEFT - RIGHT
    return LEFT + width * (number + 0.5) / count


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)
