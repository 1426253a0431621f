"""JPEG: its size and orientation, and the file without metadata.

Source: ITU-T T.81, annex B; JFIF 1.02; Adobe Technical Note 5116 (the marker APP14).
"""

import re

from gallery.formats.header import MOST_PARTS, DamageError, Header, UnsupportedError
from gallery.formats.orientation import orientation_of

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_SIZES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_SEQUENTIAL = {0xC0, 0xC1}
_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
_JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE


def parse(data: bytes) -> Header:
    """Read a JPEG up to its first scan.

    Raises:
        DamageError: It ends before that, or has no size.
        UnsupportedError: It has not eight bits a channel.
    """
    kept: list[bytes] = [b"\xff\xd8"]
    exif: list[bytes] = []
    xmp: list[bytes] = []
    frame: tuple[int, bytes] | None = None
    at = 2
    for _ in range(MOST_PARTS):
        marker, at = _marker(data, at)
        if marker in (_SOS, _EOI):
            break
        if marker in _ALONE or marker == _SOI:
            continue
        end = at + int.from_bytes(data[at : at + 2], "big")
        if end < at + 2 or end > len(data):
            raise DamageError("it ends within its header")
        body = data[at + 2 : end]
        if marker in _SIZES and frame is None:
            frame = marker, body
        if marker == _APP1:
            (exif if body.startswith(b"Exif\0") else xmp).append(body)
        elif plain := _plain(marker, body):
            kept.append(plain)
        at = end
    else:
        raise DamageError(f"more than {MOST_PARTS:,} segments")
    size = _size(frame)
    kept.append(data[at - 2 :])
    orientation, notes = orientation_of(exif, xmp)
    return Header(
        content=b"".join(kept),
        size=size,
        orientation=orientation,
        notes=notes,
        held=_held(frame, scanned=data[at + 2] if at + 2 < len(data) else 0),
    )


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the next marker and where it ends; what lies between is passed over."""
    found = _MARKER.search(data, at)
    if found is None:
        raise DamageError("it ends within its header")
    return data[found.end() - 1], found.end()


def _plain(marker: int, body: bytes) -> bytes:
    """Return a segment as the decoder gets it; empty for metadata."""
    if marker == _APP0:
        return _JFIF if body.startswith(b"JFIF\0") else b""
    if marker == _APP14 and not (body.startswith(b"Adobe") and len(body) >= 12):
        return b""
    if marker != _APP14 and (_APP0 < marker <= _APP15 or marker == _COMMENT):
        return b""
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _held(frame: tuple[int, bytes] | None, scanned: int) -> float:
    """Return the bytes that are held for each pixel until the last scan: two of each coefficient.

    Where one scan brings all components, rows are decoded as they come, and nothing is held.

    Args:
        frame: Marker and body of the frame's header.
        scanned: Components of the first scan.
    """
    if frame is None or (frame[0] in _SEQUENTIAL and scanned == frame[1][5]):
        return 0.0
    samplings = [(body >> 4) * (body & 15) for body in frame[1][7::3]]
    most = max((body >> 4 for body in frame[1][7::3]), default=1)
    most *= max((body & 15 for body in frame[1][7::3]), default=1)
    return 2.0 * sum(samplings) / max(most, 1)


def _size(frame: tuple[int, bytes] | None) -> tuple[int, int]:
    if frame is None or len(frame[1]) < 6:
        raise DamageError("it says no size")
    bits = frame[1][0]
    if bits != 8:
        raise UnsupportedError(f"a JPEG with {bits} bits a channel; save it with 8")
    height, width = frame[1][1:3], frame[1][3:5]
    return int.from_bytes(width, "big"), int.from_bytes(height, "big")
