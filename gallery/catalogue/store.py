"""The catalogue: what a collection holds. Each change is one transaction.

After every question the transaction is ended, so that a long-lived reader sees what was published
since.
"""

from typing import Self

from sqlalchemy.orm import Session

from gallery.catalogue.engine import connect
from gallery.catalogue.images import Images
from gallery.catalogue.spaces import Spaces


class Catalogue:
    """A connection to a catalogue.

    Attributes:
        images: Files and images.
        spaces: Embedding spaces, and the state of every image in them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.images = Images(session)
        self.spaces = Spaces(session, self.images)

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a database; an empty one becomes an empty catalogue.

        Raises:
            CatalogueError: It cannot be opened, or is of another version.
        """
        return cls(Session(connect(url)))

    def close(self) -> None:
        """Give the connection back."""
        engine = self._session.get_bind().engine
        self._session.close()
        engine.dispose()
