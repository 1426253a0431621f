"""How far a build is, and what came of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a build is.

    Attributes:
        done: Files handled.
        total: Files of the SPEC.
        indexed: Images embedded by this build.
        known: Files whose image was in the space before.
        skipped: Files that this build could not use.
        lost: Images of other face sets whose shards are lost: they must be built again.
        duplicates: Files whose image was found at another place first.
        removed: Files whose image was removed by hand, and is not taken in again.
        phase: What is being done, if it is no longer the images; then of that are done and total.
        note: What the user should know, now.
        edited: Files whose landmarks were written by hand for other bytes; known at the end.
    """

    done: int
    total: int
    indexed: int
    known: int
    skipped: int
    lost: int = 0
    duplicates: int = 0
    removed: int = 0
    phase: str | None = None
    note: str | None = None
    edited: tuple[str, ...] = ()
