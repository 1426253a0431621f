"""Changes of the catalogue: each is one transaction, and of several programs one after the other.

On a server several programs register and place images at the same time. What they read before they
write (which images there are, which were removed) must hold until they have written, so a change
waits for the one before: some hundredths of a second, beside which drawing goes on. SQLite takes
one writer at a time by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

LOCK = 0x6D696E6473657965  # "mindseye"
_OPEN = "a change is open"


@contextmanager
def changing(session: Session) -> Iterator[None]:
    """Make what is done inside one transaction: all of it, or nothing.

    Inside another change it is a part of that one. Questions that end their transaction (all that
    `Images` and `Spaces` are asked) do not belong inside.
    """
    if session.info.get(_OPEN):
        yield
        return
    session.info[_OPEN] = True
    try:
        with session.begin():
            if session.get_bind().dialect.name == "postgresql":
                session.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield
    finally:
        session.info[_OPEN] = False
