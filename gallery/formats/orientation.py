"""Which way up a photograph is, from its EXIF or XMP: the one tag is read, and no other.

Source: EXIF 2.32, JEITA CP-3451E, tag 274; TIFF 6.0, section 2; XMP specification part 2, "tiff".
"""

import re
import struct
from collections.abc import Iterable
from itertools import islice

from gallery.formats.header import UNREADABLE

MOST_BLOCKS = 16  # that are looked into
_TAG = 274
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}  # types of whole numbers, TIFF 6.0
_XMP = re.compile(rb'tiff:Orientation\s*(?:=\s*"|>)\s*([0-9])')


def orientation_of(exif: Iterable[bytes], xmp: Iterable[bytes]) -> tuple[int, tuple[str, ...]]:
    """Return the orientation, 1 to 8, and a note if there is one that cannot be read.

    Args:
        exif: Blocks of EXIF, in order; the first that says anything holds.
        xmp: Texts of XMP, asked where EXIF says nothing.
    """
    notes: tuple[str, ...] = ()
    for block in islice(exif, MOST_BLOCKS):
        try:
            found = read_exif(block)
        except (ValueError, struct.error):
            notes = (UNREADABLE,)
            continue
        if found is not None:
            return found, ()
    for text in islice(xmp, MOST_BLOCKS):
        match = _XMP.search(text)
        if match and 1 <= int(match[1]) <= 8:
            return int(match[1]), ()
    return 1, notes


def read_exif(block: bytes) -> int | None:
    """Return the orientation that EXIF holds, None if it holds none.

    Raises:
        ValueError: It is not EXIF, or the orientation is no number from 1 to 8.
        struct.error: It is cut off before that.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        raise ValueError("it is not EXIF")
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", block, at)
        if tag == _TAG:
            return _value(block, at + 8, order + _NUMBERS.get(kind, "?"))
    return None


def _value(block: bytes, at: int, form: str) -> int | None:
    if form.endswith("?"):
        raise ValueError("the orientation is no whole number")
    (value,) = struct.unpack_from(form, block, at)
    if value == 0:  # written by cameras that do not know
        return None
    if not 1 <= value <= 8:
        raise ValueError(f"the orientation is {value}")
    return int(value)
