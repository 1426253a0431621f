"""PNG: its size, depth and orientation, and the file without metadata.

Source: W3C, Portable Network Graphics (third edition), sections 5 and 11; the "Raw profile" texts
are ImageMagick's.
"""

import struct
import zlib
from collections.abc import Iterator

from gallery.formats.header import MOST_PARTS, DamageError, Header
from gallery.formats.orientation import orientation_of

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PROFILE_BYTES = 2**20
MOST_PROFILES = 16
_XMP, _EXIF = b"XML:com.adobe.xmp", (b"Raw profile type exif", b"Raw profile type APP1")
_PROFILES = (_XMP, *_EXIF)
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def parse(data: bytes) -> Header:
    """Read a PNG's chunks.

    Raises:
        DamageError: It has no header, or too many chunks.
    """
    kept: list[bytes] = [SIGNATURE]
    exif: list[bytes] = []
    xmp: list[bytes] = []
    profiles: list[bytes] = []
    significant = None
    for kind, body, whole in _chunks(data):
        if kind in _KEPT:
            kept.append(whole)
        elif kind == b"eXIf":
            exif.append(body)
        elif kind == b"sBIT" and body:
            significant = body[0]
        elif kind in (b"zTXt", b"iTXt") and body.partition(b"\0")[0] in _PROFILES:
            profiles.append(body)
    if len(kept) < 2 or kept[1][4:8] != b"IHDR" or len(kept[1]) != 25:
        raise DamageError("it does not begin with its header")
    width, height, depth = struct.unpack_from(">IIB", kept[1], 8)
    for body in profiles[:MOST_PROFILES]:
        _unpack(body, exif, xmp)
    orientation, notes = orientation_of(exif, xmp)
    return Header(
        content=b"".join(kept),
        size=(width, height),
        orientation=orientation,
        notes=notes,
        depth=significant if depth == 16 else None,
        is_deep=depth == 16,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, body and all bytes of each chunk; of what is cut off, what there is."""
    at = len(SIGNATURE)
    for _ in range(MOST_PARTS):
        if at >= len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        end = at + 12 + length
        kind = data[at + 4 : at + 8]
        yield kind, b"" if kind == b"IDAT" else data[at + 8 : at + 8 + length], data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise DamageError(f"more than {MOST_PARTS:,} chunks")


def _unpack(body: bytes, exif: list[bytes], xmp: list[bytes]) -> None:
    """Take EXIF or XMP out of a text chunk; what is damaged is passed over."""
    keyword, _, rest = body.partition(b"\0")
    try:
        if keyword == _XMP:
            packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
            xmp.append(_unpacked(text) if packed else text)
        else:
            lines = _unpacked(rest[1:]).split(b"\n")[3:]
            exif.append(bytes.fromhex(b"".join(lines).decode("ascii")))
    except (ValueError, zlib.error):
        return


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, MOST_PROFILE_BYTES)
