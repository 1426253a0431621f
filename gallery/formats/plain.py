"""Formats with little or no metadata: AVIF, BMP, GIF, PNM.

Source: CompuServe, GIF89a specification; Netpbm's manual pages ppm(5) and pgm(5); AVIF 1.1, and
ISO/IEC 23008-12 for its boxes.
"""

import re

from gallery.formats.header import MOST_PARTS, DamageError, Header

_COMMENT = re.compile(rb"#[^\r\n]*")
# An item's entry in the list of items: version, flags, number, protection, type.
_EXIF_ITEM = re.compile(rb"(infe[\x02\x03].{3}(?:.{2}|.{4}).{2})Exif", re.DOTALL)
_PNM_HEADER = 2**16  # bytes in which it ends; comments may be long


def parse_bmp(data: bytes) -> Header:
    """Return a BMP as it is: the decoder reads nothing but its header."""
    return Header(content=data)


def parse_avif(data: bytes) -> Header:
    """Hide the EXIF of an AVIF from the decoder; which way up it is stands in properties."""
    return Header(content=_EXIF_ITEM.sub(rb"\1skip", data))


def parse_gif(data: bytes) -> Header:
    """Read a GIF up to its first frame, which may be larger than the screen it is for.

    Raises:
        DamageError: There is no frame.
    """
    screen = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    at = 13 + _palette(data[10:11])
    inside = False
    for _ in range(MOST_PARTS):
        if inside:  # an extension: blocks, each after its length; none ends it
            length = int.from_bytes(data[at : at + 1], "little")
            inside, at = length > 0, at + 1 + length
        elif data[at : at + 1] == b"!":
            inside, at = True, at + 2
        else:
            break
    if data[at : at + 1] != b"," or at + 10 > len(data):
        raise DamageError("it holds no frame")
    left, top, width, height = (
        int.from_bytes(data[place : place + 2], "little") for place in range(at + 1, at + 9, 2)
    )
    return Header(content=data, size=(max(screen[0], left + width), max(screen[1], top + height)))


def _palette(flags: bytes) -> int:
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def parse_pnm(data: bytes) -> Header:
    """Read what a PBM, PGM or PPM says its largest value is.

    Raises:
        DamageError: Its header does not end, or its numbers are none.
    """
    tokens = _COMMENT.sub(b" ", data[:_PNM_HEADER]).split(None, 4)[:4]
    if data[:2] in (b"P1", b"P4", b"Pf"):
        return Header(content=data)
    if len(tokens) < 4 or not all(token.isdigit() and len(token) < 10 for token in tokens[1:]):
        raise DamageError("its header does not give width, height and the largest value")
    width, height, most = map(int, tokens[1:])
    depth = None if most == 65535 else 16  # what is less is scaled by the decoder
    return Header(content=data, size=(width, height), depth=depth, is_deep=most > 255)
