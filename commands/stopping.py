"""Ctrl-C: what it says, and how it waits for the batch in hand."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer

from commands.telling import tell

T = TypeVar("T")


@contextmanager
def resumable(advice: str) -> Iterator[None]:
    """Turn Ctrl-C into advice and the usual exit status."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"\nStopped; what was finished is kept. {advice}")
        raise typer.Exit(130) from None


@contextmanager
def last_batch(steps: Iterator[T]) -> Iterator[Iterator[T]]:
    """Let the first Ctrl-C end the steps after the one in hand, the second one at once."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tell("\nFinishing the batch in hand; Ctrl-C again stops at once.")

    def until_asked() -> Iterator[T]:
        for step in steps:
            yield step
            if asked:
                raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield until_asked()
    finally:
        signal.signal(signal.SIGINT, before)
        getattr(steps, "close", lambda: None)()
