"""The term of identity: w cos(identity of the source, identity of the gallery image).

Shapes: N images, P side of a portrait, I numbers of an identity.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallery.align import Pixels
from gallery.arrays import Floats
from retrieval.recognisers.registry import form_of, name_in, open_recogniser
from retrieval.recognisers.sface import Recogniser
from retrieval.scoring.term import Term

if TYPE_CHECKING:
    from generator.drawer import Drawer


@dataclass(frozen=True, slots=True)
class PortraitReader:
    """Reads who is shown from portraits, by a recogniser."""

    recogniser: Recogniser
    needs_portraits: bool = True

    @property
    def width(self) -> int:
        """Numbers of an identity, I."""
        return self.recogniser.dimension

    @property
    def fingerprint(self) -> str:
        """That of the recogniser."""
        return self.recogniser.fingerprint

    @property
    def detail(self) -> str:
        """The recogniser, and how portraits are cut."""
        return f"{self.fingerprint} of {form_of(self.fingerprint)}"

    def read(self, pixels: Pixels, portraits: Pixels | None) -> Floats:
        """Embed portraits, (N, P, P, 3) -> (N, I), unit length.

        Raises:
            ValueError: There are none.
        """
        del pixels
        if portraits is None:
            raise ValueError("identity is read from portraits, and there are none")
        return self.recogniser.embed(portraits)


class IdentityTerm(Term):
    """How alike source and image are by a face recogniser."""

    name = "identity"
    key = "identity"
    letter = "w"
    what = "identities"
    grid = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

    def open(self, engine: "Drawer", wanted: str) -> PortraitReader:
        """Open a recogniser.

        Args:
            engine: Drawer of the weights; any will do.
            wanted: Its name, or its fingerprint.

        Raises:
            MissingEmbedderError: What it needs is not installed; the message says how.
        """
        return PortraitReader(open_recogniser(name_in(wanted), engine.runtime))
