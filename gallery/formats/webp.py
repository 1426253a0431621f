"""WebP: its size and orientation, and the file without metadata.

Source: RFC 9649, WebP Image Format.
"""

from gallery.formats.header import MOST_PARTS, DamageError, Header
from gallery.formats.orientation import orientation_of

_METADATA = {b"ICCP", b"EXIF", b"XMP "}
_FLAGS = 0x20 | 0x08 | 0x04  # of the header: there is a colour profile, EXIF, XMP


def parse(data: bytes) -> Header:
    """Read a WebP's chunks.

    Raises:
        DamageError: It says no size, or has too many chunks.
    """
    kept: list[bytes] = []
    found: dict[bytes, list[bytes]] = {kind: [] for kind in _METADATA}
    at = 12
    for _ in range(MOST_PARTS):
        if at + 8 > len(data):
            break
        kind = data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if kind in _METADATA:
            found[kind].append(data[at + 8 : at + 8 + length])
        else:
            kept.append(_without_flags(data[at:end]))
        at = end
    else:
        raise DamageError(f"more than {MOST_PARTS:,} chunks")
    size = _size(kept[0] if kept else b"")
    body = b"WEBP" + b"".join(kept)
    orientation, notes = orientation_of(found[b"EXIF"], found[b"XMP "])
    return Header(
        content=b"RIFF" + len(body).to_bytes(4, "little") + body,
        size=size,
        orientation=orientation,
        notes=notes,
    )


def _without_flags(chunk: bytes) -> bytes:
    if chunk[:4] != b"VP8X" or len(chunk) < 9:
        return chunk
    return chunk[:8] + bytes((chunk[8] & ~_FLAGS,)) + chunk[9:]


def _size(chunk: bytes) -> tuple[int, int]:
    """Return the canvas' width and height, from the first chunk."""
    kind, body = chunk[:4], chunk[8:]
    if kind == b"VP8X" and len(body) >= 10:
        return _number(body[4:7]) + 1, _number(body[7:10]) + 1
    if kind == b"VP8L" and len(body) >= 5:
        bits = _number(body[1:5])
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10:
        return _number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF
    raise DamageError("it says no size")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
