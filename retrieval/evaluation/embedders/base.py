"""What every embedder shares.

All methods see the same aligned pixels, at the size and in the colours of the weights under test:
an embedder that wants larger or coloured images gets these enlarged, and gray repeated
(retrieval/recognisers/third_party.py).

Shapes: N images, S side, C channels, D dimensions.
"""

from typing import Protocol

from gallery.align import Pixels
from gallery.arrays import Floats


class Embedder(Protocol):
    """Turns aligned faces into vectors."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors of the same pixels would."""

    def embed(self, pixels: Pixels) -> Floats:
        """Embed faces: (N, S, S, C), 0..255 -> (N, D), unit length."""
