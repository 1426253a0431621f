"""What commands say while they work: notes and progress, on stderr."""

import time
from collections.abc import Iterator
from typing import Any, TypeVar

import typer

T = TypeVar("T")


def tell(text: str) -> None:
    """Write a line to stderr: stdout is kept for what was asked for."""
    typer.echo(text, err=True)


def bar(steps: Iterator[T], what: str, total: int) -> Iterator[T]:
    """Show progress on stderr: a bar on a terminal, else a line every ten seconds.

    A step may say more by its attributes `phase`, `done`, `total`, `loss`, `note`.
    """
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
    phase, before, started, said = "", 0, time.monotonic(), time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=total, rate="")
        for number, step in enumerate(steps, start=1):
            now = time.monotonic()
            done = getattr(step, "done", number)
            of = getattr(step, "total", total)
            name = getattr(step, "phase", None) or what
            if (note := getattr(step, "note", None)) is not None:
                tell(note)
            if name != phase:
                phase, started, before = name, now, done - 1
                shown.reset(task, description=name, total=of)
            loss = getattr(step, "loss", None)
            rate = f"{(done - before) / max(now - started, 1e-3):.1f}/s"
            rate += "" if loss is None else f"  loss {loss:.4f}"
            shown.update(task, completed=done, total=of, rate=rate)
            if not console.is_terminal and now - said > 10:
                said = now
                left = (of - done) * (now - started) / max(done - before, 1)
                tell(f"{name}: {done} of {of}, {rate}, {_duration(left)} left")
            yield step


def result(steps: Any, what: str) -> Any:  # noqa: ANN401  a generator of any kind
    """Show a generator's progress and return what it returns."""
    kept: list[Any] = []

    def following() -> Iterator[Any]:
        kept.append((yield from steps))

    for _ in bar(following(), what, 1):
        pass
    return kept[0]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
