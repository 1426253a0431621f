"""What an image file says of itself, and its bytes without what could not matter to its pixels."""

from dataclasses import dataclass

MOST_PARTS = 200_000  # chunks, segments, blocks of one file: a picture has some thousands
UNREADABLE = "its EXIF orientation cannot be read; taken to be upright"


class DamageError(ValueError):
    """A file is not what its format asks for; the message says where."""


class UnsupportedError(ValueError):
    """A file is sound, but of a kind that is not read; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Read from an image file without decoding it.

    Attributes:
        content: The file without metadata: what a decoder is given.
        size: Width and height as stored, before it is turned; None where only decoding tells.
        orientation: EXIF's, 1 to 8; 1 is upright.
        notes: What the user should know.
        depth: Bits that matter of a channel with more than eight; None where the file does not say.
        is_deep: Whether channels have more than eight bits.
        is_inverted: Whether white is zero and the decoder leaves it so.
        held: Bytes that the decoder of a JPEG holds for each pixel of the file, besides those of
            the result; None of other formats, which are not decoded at a part of their size.
    """

    content: bytes
    size: tuple[int, int] | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()
    depth: int | None = None
    is_deep: bool = False
    is_inverted: bool = False
    held: float | None = None
