"""What commands say while they work: notes and progress, on stderr."""

import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
WINDOW_S = 30.0  # that a rate is taken over
LEAST_S = 1.0  # below which there is none
SAY_EVERY_S = 10.0
SLOW_S = 3.0


class Rate:
    """How fast something is done, over the last half minute; unknown until that can be said.

    Nobody knows when the first step of a phase began, nor how much of it was there before, so a
    rate is taken between two steps.
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Note how much is done at a time, seconds."""
        self._marks.append((now, done))
        while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW_S:
            self._marks.popleft()

    @property
    def per_s(self) -> float | None:
        """How much is done in a second, or None."""
        (began, before), (now, done) = self._marks[0], self._marks[-1]
        if now - began < LEAST_S or done <= before:
            return None
        return (done - before) / (now - began)

    def left_s(self, total: int) -> float | None:
        """How many seconds it takes to come to a total, or None."""
        return None if self.per_s is None else (total - self._marks[-1][1]) / self.per_s


def tell(text: str) -> None:
    """Write a line to stderr: stdout is kept for what was asked for."""
    typer.echo(text, err=True)


@contextmanager
def told_if_slow(text: str, after_s: float = SLOW_S) -> Iterator[None]:
    """Write a line to a terminal's stderr if what is done within takes longer than that."""
    if not sys.stderr.isatty():
        yield
        return
    timer = threading.Timer(after_s, tell, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Meter:
    """Shows on stderr how far something is: a bar on a terminal, else a line every ten seconds."""

    def __init__(self, shown: "Progress", what: str, total: int, *, is_terminal: bool) -> None:
        self._shown = shown
        self._task = shown.add_task(what, total=total, rate="")
        self._is_terminal = is_terminal
        self._what, self._total, self._phase = what, total, ""
        self._said, self._rate, self._steps = time.monotonic(), Rate(), 0

    def show(self, step: object) -> None:
        """Show a step; it may say more by `phase`, `done`, `total`, `loss`, `note`."""
        now, self._steps = time.monotonic(), self._steps + 1
        done = getattr(step, "done", self._steps)
        of = getattr(step, "total", self._total)
        name = getattr(step, "phase", None) or self._what
        if (note := getattr(step, "note", None)) is not None:
            tell(note)
        if name != self._phase:
            self._phase, self._rate = name, Rate()
            self._shown.reset(self._task, description=name, total=of)
        self._rate.add(now, done)
        speed = _speed(self._rate.per_s, getattr(step, "loss", None))
        self._shown.update(self._task, completed=done, total=of, rate=speed)
        if not self._is_terminal and now - self._said > SAY_EVERY_S:
            self._said, left = now, self._rate.left_s(of)
            remaining = "" if left is None else f"{_duration(left)} left"
            tell(f"{name}: {', '.join(filter(None, (f'{done} of {of}', speed, remaining)))}")


@contextmanager
def meter(what: str, total: int = 1) -> Iterator[Meter]:
    """Open a meter: its `show` is what calls are given as `progress`."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        yield Meter(shown, what, total, is_terminal=console.is_terminal)


def bar(steps: Iterator[T], what: str, total: int) -> Iterator[T]:
    """Show progress of steps while they are made; see `Meter.show`."""
    with meter(what, total) as shown:
        for step in steps:
            shown.show(step)
            yield step


def result(steps: Any, what: str) -> Any:  # noqa: ANN401  a generator of any kind
    """Show a generator's progress and return what it returns."""
    kept: list[Any] = []

    def following() -> Iterator[Any]:
        kept.append((yield from steps))

    for _ in bar(following(), what, 1):
        pass
    return kept[0]


def _speed(per_s: float | None, loss: float | None) -> str:
    """Say what is known of a rate and of a loss."""
    rate = "" if per_s is None else f"{per_s:.1f}/s" if per_s >= 0.1 else f"{60 * per_s:.1f}/min"
    return "  ".join(filter(None, (rate, "" if loss is None else f"loss {loss:.4f}")))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
