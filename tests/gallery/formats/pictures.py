"""Image files made by hand, for what Pillow does not write."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FORMS = {1: "B", 3: "H", 4: "I", 7: "B"}


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(tags: Mapping[int, tuple[int, int, bytes]], order: str = "<") -> bytes:
    """Write EXIF with one directory: tag -> (type, count, the four bytes of its value)."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    rows = [
        struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")
        for tag, (kind, count, value) in tags.items()
    ]
    return b"Exif\0\0" + head + struct.pack(f"{order}H", len(rows)) + b"".join(rows) + bytes(4)


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """Put a segment behind the start of a JPEG."""
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
    return jpeg[:2] + segment + jpeg[2:]


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunk(png: bytes, extra: bytes) -> bytes:
    """Put a chunk behind a PNG's header."""
    return png[:33] + extra + png[33:]


def tiff(
    pixels: bytes,
    size: tuple[int, int],
    bits: int | Sequence[int],
    photometric: int | None = 1,
    order: str = "<",
    more: Mapping[int, tuple[int, Sequence[int]]] | None = None,
) -> bytes:
    """Write a TIFF of one strip; `more` holds further tags: tag -> (type, values)."""
    depths = (bits,) if isinstance(bits, int) else tuple(bits)
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (3, size[:1]),
        257: (3, size[1:]),
        258: (3, depths),
        259: (3, (1,)),
        273: (4, (8,)),
        277: (3, (len(depths),)),
        278: (3, size[1:]),
        279: (4, (len(pixels),)),
    }
    if photometric is not None:
        tags[262] = (3, (photometric,))
    tags |= more or {}
    start = 8 + len(pixels) + len(pixels) % 2
    beyond = start + 2 + 12 * len(tags) + 4
    rows, values = b"", b""
    for tag, (kind, numbers) in sorted(tags.items()):
        content = struct.pack(f"{order}{len(numbers)}{FORMS[kind]}", *numbers)
        if len(content) > 4:
            place, values = beyond + len(values), values + content + bytes(len(content) % 2)
            content = struct.pack(f"{order}I", place)
        rows += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    body = pixels + bytes(len(pixels) % 2) + struct.pack(f"{order}H", len(tags)) + rows
    return head + body + bytes(4) + values


def packed_12(levels: NDArray[np.uint16]) -> bytes:
    """Write values of 12 bits, two in three bytes; of an even number of columns."""
    bits = (levels[..., None] >> np.arange(11, -1, -1)) & 1
    return np.packbits(bits.reshape(len(levels), -1).astype(np.uint8), axis=1).tobytes()
