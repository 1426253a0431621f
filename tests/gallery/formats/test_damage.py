"""Thousands of damaged images: read or refused in one line, in little memory, without a warning."""

import struct
import warnings
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from gallery.align import Aligner, Crop
from gallery.errors import ImageError
from gallery.formats.registry import FORMATS
from gallery.images import decode
from tests.fuzzing import damaged, quick_and_long, tried
from tests.gallery.formats.pictures import chunk, encode, exif, tiff, with_chunk, with_segment

# Where each format says how wide and high it is: how many bytes before, and the form of a number.
SIZES = {
    "PNG": (b"IHDR", ">I"),
    "JPEG": (b"\xff\xc0\0\x11\x08", ">H"),
    "GIF": (b"GIF89a", "<H"),
    "BMP": (b"\x28\0\0\0", "<i"),
    "WEBP": (b"\x9d\x01\x2a", "<H"),
}
HUGE = (0, 1, 7_999, 8_000, 16_383, 30_000, 65_535, 2**31 - 1, 2**32 - 1)
COMPRESSED = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "lzma")


class Images:
    """Damages one of several images of every format, reads it and cuts a face out."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.warned: list[str] = []
        warnings.simplefilter("always")
        warnings.showwarning = lambda *told, **_: self.warned.append(str(told[0]))
        self.files = [(kind, data) for kind, files in _files().items() for data in files]
        self.aligner = Aligner(size=32, channels=3)
        for _, data in self.files:
            decode(data)

    def __call__(self, random: Random) -> None:
        kind, data = random.choice(self.files)
        data = random.choice((_resized, _reexifed, damaged, damaged))(data, random)
        try:
            image = decode(data)
            assert image.mode in ("L", "RGB"), (kind, image.mode)
            self.aligner.align(image, crop=random.choice((None, Crop(5, 5, 9, 9))))
        finally:
            assert not self.warned, (kind, self.warned)


def _resized(data: bytes, random: Random) -> bytes:
    """Let the header say another size."""
    for mark, form in SIZES.values():
        at = data.find(mark, 0, 2000)
        if at >= 0:
            length = struct.calcsize(form)
            new = bytearray(data)
            for place in (at + len(mark), at + len(mark) + length):
                number = random.choice(HUGE) & (2 ** (8 * length - (form[1] == "i")) - 1)
                struct.pack_into(form, new, place, number)
            return bytes(new)
    if data.startswith(b"P"):
        kind, _, _, *rest = data.split(maxsplit=3)
        width, height = (str(random.choice(HUGE)).encode() for _ in range(2))
        return b" ".join((kind, width, height, *rest))
    return damaged(data, random)


def _reexifed(data: bytes, random: Random) -> bytes:
    """Add damaged EXIF."""
    block = damaged(exif({256: (3, 1, b"\x90\0"), 274: (3, 1, b"\6\0"), 270: (2, 9, b"")}), random)
    if data.startswith(b"\xff\xd8"):
        return with_segment(data, 0xE1, block[:60_000])
    if data.startswith(b"\x89PNG"):
        return with_chunk(data, chunk(b"eXIf", block))
    return damaged(data, random)


def _files() -> dict[str, list[bytes]]:
    """Write images of every format and mode, small ones."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((96, 72))
    gray, flat, clear = photo.convert("L"), photo.convert("P"), photo.convert("RGBA")
    deep = np.asarray(gray).astype(np.uint16) * 257
    turned = exif({274: (3, 1, b"\6\0")})
    files = {
        "JPEG": [
            encode(photo, "JPEG", exif=turned, comment=b"a comment"),
            encode(photo, "JPEG", progressive=True, subsampling=0),
            encode(photo.convert("CMYK"), "JPEG"),
            encode(gray, "JPEG", restart_marker_rows=1),
        ],
        "PNG": [
            encode(photo, "PNG", exif=turned[6:]),
            encode(clear, "PNG"),
            encode(flat, "PNG", transparency=bytes(range(200))),
            encode(Image.fromarray(deep), "PNG"),
            encode(photo.convert("1"), "PNG"),
        ],
        "GIF": [
            encode(flat, "GIF"),
            encode(flat, "GIF", save_all=True, append_images=[flat.rotate(90)], loop=0),
        ],
        "BMP": [encode(photo, "BMP"), encode(flat, "BMP"), encode(photo.convert("1"), "BMP")],
        "WEBP": [
            encode(photo, "WEBP", exif=turned),
            encode(clear, "WEBP", lossless=True),
            encode(photo, "WEBP", save_all=True, append_images=[photo.rotate(90)]),
        ],
        "PPM": [
            encode(photo, "PPM"),
            encode(gray, "PPM"),
            encode(photo.convert("1"), "PPM"),
            b"P5 4 3 4095\n" + bytes(range(24)),
            b"P2\n# by hand\n3 2\n255\n0 50 100\n150 200 255\n",
        ],
        "TIFF": [
            encode(photo, "TIFF", exif=Image.Exif()),
            encode(flat, "TIFF"),
            encode(photo, "TIFF", big_tiff=True),
            encode(Image.fromarray(deep), "TIFF"),
            encode(photo.convert("1"), "TIFF", compression="group4"),
            tiff(bytes(192), (16, 8), 12),
            tiff(bytes(range(256)), (16, 8), 16, photometric=0, order=">"),
            *(encode(photo, "TIFF", compression=how) for how in COMPRESSED),
        ],
    }
    if "AVIF" in FORMATS:
        files["AVIF"] = [encode(photo, "AVIF", exif=turned[6:])]
    return files


@pytest.mark.parametrize("seeds", quick_and_long(400, 5_000))
def test_damaged_images_are_read_or_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
    told = tried(Images, tmp_path, seeds)
    assert told["refused"] > 0
    assert told["taken"] > 0


SPREAD = 8 * 2**20
ENDLESS = {
    "JPEG of nothing between": b"\xff\xd8\xff\xe0\0\2" + b"\xff\0" * SPREAD,
    "JPEG of markers": b"\xff\xd8\xff" + b"\xe0\0\2\xff" * SPREAD,
    "PNG of empty chunks": encode(Image.new("L", (4, 4)), "PNG")[:33] + bytes(12) * SPREAD,
    "WebP of empty chunks": b"RIFF\xff\xff\xff\0WEBP" + b"EXIF\0\0\0\0" * SPREAD,
    "GIF of short blocks": b"GIF89a\4\0\4\0\0\0\0!\xfe" + b"\1x" * SPREAD,
    "TIFF of entries": b"II+\0\x08\0\0\0\x10"
    + bytes(7)
    + struct.pack("<Q", SPREAD)
    + bytes(20) * SPREAD,
    "PGM of a comment": b"P5 #" + b"#" * SPREAD,
    "PGM of comments": b"P5 " + b"#\n" * SPREAD,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_header_without_end_is_given_up(name: str) -> None:
    with pytest.raises(ImageError, match="damaged or truncated: "):
        decode(ENDLESS[name])
