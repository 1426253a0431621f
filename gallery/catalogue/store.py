"""The catalogue: what a collection holds. Each change is one transaction.

After every question the transaction is ended, so that a long-lived reader sees what was published
since.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from sqlalchemy import URL, text
from sqlalchemy.orm import Session

from gallery.catalogue import values
from gallery.catalogue.changing import changing
from gallery.catalogue.engine import connect
from gallery.catalogue.images import Images
from gallery.catalogue.spaces import Spaces
from gallery.errors import CatalogueError


class Catalogue:
    """A connection to a catalogue.

    Attributes:
        session: Asks the database; what callers ask goes through `images` and `spaces`.
        images: Files and images.
        spaces: Embedding spaces, and the state of every image in them.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.images = Images(session)
        self.spaces = Spaces(session, self.images)

    @classmethod
    def open(cls, url: str | URL) -> Self:
        """Connect to a database; an empty one becomes an empty catalogue.

        Raises:
            CatalogueError: It cannot be opened, or is of another version.
        """
        return cls(Session(connect(url)))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give the session for a series of questions that see the same state."""
        try:
            yield self.session
        finally:
            self.session.rollback()

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """Give the session for changes that are one transaction; see `changing`."""
        with changing(self.session):
            yield self.session

    def recover(self) -> None:
        """End what a question that failed has left open, so that the next one sees what is new."""
        self.session.rollback()

    def check(self) -> list[str]:
        """Ask the database whether it is whole; return what it complains of."""
        if self.session.get_bind().dialect.name != "sqlite":
            return []
        found = self.session.execute(text("PRAGMA integrity_check"))
        said = [line for (message,) in found for line in str(message).splitlines()]
        broken = self.session.execute(text("PRAGMA foreign_key_check")).all()
        self.session.rollback()
        complaints = [line for line in said if line != "ok"]
        complaints += values.complaints(self.session)
        self.session.rollback()
        for (table, wanted), count in Counter((row[0], row[2]) for row in broken).items():
            rows = f"a row of {table} points" if count == 1 else f"{count} rows of {table} point"
            complaints.append(f"{rows} to no row of {wanted}")
        return complaints

    def vacuum(self) -> None:
        """Give space back to the disk; what was deleted is gone from the file, too."""
        engine = self.session.get_bind().engine
        if engine.dialect.name != "sqlite":
            return  # others do it by themselves
        connection = engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.cursor().execute(statement)
        except sqlite3.Error as error:
            raise CatalogueError(f"The catalogue cannot be made smaller: {error}") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Give the connection back."""
        engine = self.session.get_bind().engine
        self.spaces.close()
        self.session.close()
        engine.dispose()
