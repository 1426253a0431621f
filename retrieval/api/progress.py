"""How far something is, told to whoever calls: by a function that is called now and then."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far something is.

    Attributes:
        phase: What is being done.
        done: How much of this phase is done.
        total: How much there is of this phase.
        loss: Loss of a training, where it is known.
        note: What the user should know, now.
    """

    phase: str
    done: int
    total: int
    loss: float | None = None
    note: str | None = None


Callback = Callable[[Progress], None]


def follow(
    steps: Generator[Any, None, T], progress: Callback | None, phase: str, total: int = 1
) -> T:
    """Do all steps, tell of each, and return what they return.

    What the callback raises ends them in good order: a build finishes the batch in hand.

    Args:
        steps: They may say `phase`, `done`, `total`, `loss`, `note`.
        progress: Told of each; None for nobody.
        phase: What is being done, of steps that do not say so.
        total: How many steps there are, where they do not say so.
    """
    with closing(steps):
        number = 0
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                returned: T = end.value
                return returned
            number += 1
            if progress is not None:
                progress(_progress(step, number, phase, total))


def follow_each(
    steps: Iterator[Any], progress: Callback | None, phase: str, total: int = 1
) -> None:
    """Do all steps of what returns nothing, and tell of each; see `follow`."""

    def all_of() -> Generator[Any, None, None]:
        yield from steps

    follow(all_of(), progress, phase, total)


def _progress(step: object, number: int, phase: str, total: int) -> Progress:
    return Progress(
        phase=getattr(step, "phase", None) or phase,
        done=getattr(step, "done", number),
        total=getattr(step, "total", total),
        loss=getattr(step, "loss", None),
        note=_note(step),
    )


def _note(step: object) -> str | None:
    problem = getattr(step, "problem", None)  # of a training: an image that it leaves out
    if problem is not None:
        return f"Skipped {problem.name}: {problem.reason}"
    note: str | None = getattr(step, "note", None)
    return note
