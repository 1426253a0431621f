"""What long work yields: the caller draws the bar."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudioProgress:
    """How far a piece of work has come.

    Attributes:
        done: Steps that are finished.
        total: Steps that there are.
        what: The step just finished, for the user.
    """

    done: int
    total: int
    what: str
