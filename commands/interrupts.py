"""Ctrl-C: what it says, and how it waits for the batch in hand."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer

from commands.progress import tell
from gallery.errors import DatabaseFailedError, UserError

P = TypeVar("P")


@contextmanager
def resumable(advice: str, *, keeps: bool = True) -> Iterator[None]:
    """Turn Ctrl-C into advice and the usual exit status; say what an error of disk leaves.

    Only where this stands something is kept of a command that fails: of a query, an export, an
    import nothing is, and of those nobody says so.

    Args:
        advice: How to go on, a sentence.
        keeps: Whether what was finished is kept; else nothing is changed before the end.
    """
    left = "what was finished is kept" if keeps else "nothing was changed"
    try:
        yield
    except KeyboardInterrupt:
        tell(f"\nStopped; {left}. {advice}")
        raise typer.Exit(130) from None
    except DatabaseFailedError as error:
        raise UserError(f"{error}. {left.capitalize()}") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{error}; put this right. {left.capitalize()}. {advice}") from error


@contextmanager
def last_batch(progress: Callable[[P], None]) -> Iterator[Callable[[P], None]]:
    """Let the first Ctrl-C end what reports its progress after the batch in hand, the second now.

    Args:
        progress: Told how far it is.

    Yields:
        What is to be called in its place.
    """
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        tell("\nFinishing the batch in hand; Ctrl-C again stops at once.")

    def until_asked(step: P) -> None:
        progress(step)
        if asked:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield until_asked
    finally:
        signal.signal(signal.SIGINT, before)
