"""Metadata of any kind, however odd, refuses no good picture; only the orientation is read."""

import contextlib
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from gallery.errors import ImageError
from gallery.formats.header import UNREADABLE
from gallery.formats.registry import FORMATS
from gallery.images import decode, decoding_of, load
from tests.gallery.formats.pictures import chunk, encode, exif, tiff, with_chunk, with_segment

PHOTO = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
).resize((60, 40))
UPRIGHT = {274: (3, 1, struct.pack("<H", 1))}
TURNED = {274: (3, 1, struct.pack("<H", 6))}
SHARED = Path(__file__).parents[4] / "shared" / "faults"


def carrying(kind: str, block: bytes) -> bytes:
    """Write the photograph with EXIF, as it is."""
    if kind == "JPEG":
        return with_segment(encode(PHOTO, "JPEG"), 0xE1, block)
    if kind == "PNG":
        return with_chunk(encode(PHOTO, "PNG"), chunk(b"eXIf", block.removeprefix(b"Exif\0\0")))
    return encode(PHOTO, "WEBP", lossless=True, exif=block)


def same(data: bytes, plain: bytes) -> bool:
    return np.array_equal(np.asarray(decode(data)), np.asarray(decode(plain)))


KINDS = ("JPEG", "PNG", "WEBP")
ODD = {
    "width as byte": {256: (1, 1, b"\x90")},
    "width as text": {256: (2, 4, b"abc\0")},
    "beyond the end": {270: (2, 1000, struct.pack("<I", 2**31))},
    "unknown type": {271: (77, 1, b"")},
    "endless": {272: (2, 2**32 - 1, struct.pack("<I", 8))},
    "itself as its directory": {34665: (4, 1, struct.pack("<I", 8))},
    "a fraction by zero": {282: (5, 1, struct.pack("<I", 8))},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ODD)
def test_an_odd_exif_tag_refuses_no_photograph(kind: str, name: str) -> None:
    data = carrying(kind, exif({**ODD[name], **TURNED}))
    read = decode(data)
    assert read.size == (40, 60)  # turned, and its tags behind the odd one are read
    assert decoding_of(read).notes == ()
    assert same(carrying(kind, exif({**ODD[name], **UPRIGHT})), carrying(kind, exif(UPRIGHT)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "block",
    [
        exif({274: (2, 1, b"6\0")}),
        exif({274: (3, 1, b"\x63\0")}),
        exif(TURNED)[:12],
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0rubbish, not TIFF",
    ],
)
def test_an_unreadable_orientation_means_upright_with_a_note(kind: str, block: bytes) -> None:
    read = decode(carrying(kind, block))
    assert read.size == PHOTO.size
    assert decoding_of(read).notes == (UNREADABLE,)


@pytest.mark.parametrize("kind", KINDS)
def test_no_orientation_and_one_of_zero_need_no_note(kind: str) -> None:
    for tags in ({}, {274: (3, 1, b"\0\0")}, {256: (3, 1, b"\x09\0")}):
        read = decode(carrying(kind, exif(tags)))
        assert (read.size, decoding_of(read).notes) == (PHOTO.size, ())


@pytest.mark.parametrize("number", ["BYTE", "LONG", "big-endian"])
def test_an_orientation_in_any_whole_number_is_read(number: str) -> None:
    block = {
        "BYTE": exif({274: (1, 1, b"\6")}),
        "LONG": exif({274: (4, 1, struct.pack("<I", 6))}),
        "big-endian": exif({274: (3, 1, struct.pack(">H", 6))}, ">"),
    }[number]
    assert decode(carrying("JPEG", block)).size == (40, 60)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_exif_refuses_nothing(kind: str) -> None:
    random = Random(0)  # noqa: S311  seeded, not secret
    good = bytearray(exif({256: (3, 1, b"\x90\0"), 270: (2, 9, b"\x08\0\0\0"), **UPRIGHT}))
    for _ in range(300):
        block = bytearray(good)
        for _ in range(random.randint(1, 6)):
            block[random.randrange(6, len(block))] = random.randrange(256)
        assert decode(carrying(kind, bytes(block))).size in (PHOTO.size, PHOTO.size[::-1])


JPEG, PNG = encode(PHOTO, "JPEG"), encode(PHOTO, "PNG")
OTHERS: dict[str, tuple[bytes, bytes]] = {
    "ICC of nothing": (with_segment(JPEG, 0xE2, b"ICC_PROFILE\0\7\1rubbish"), JPEG),
    "ICC without a number": (with_segment(JPEG, 0xE2, b"ICC_PROFILE\0"), JPEG),
    "XMP": (with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:\xff\xfe"), JPEG),
    "several pictures": (with_segment(JPEG, 0xE2, b"MPF\0II*\0\xff\xff\0\0"), JPEG),
    "Photoshop": (with_segment(JPEG, 0xED, b"Photoshop 3.0\x008BIM\4\4\0\1"), JPEG),
    "a short JFIF": (with_segment(JPEG, 0xE0, b"JFIF\0"), JPEG),
    "a short Adobe": (with_segment(JPEG, 0xEE, b"Adobe\0"), JPEG),
    "a comment": (with_segment(JPEG, 0xFE, b"\xff\xfe" * 30_000), JPEG),
    "bytes between": (JPEG[:2] + b"\xff\xff\xff\0rubbish" + JPEG[2:], JPEG),
    "a text's checksum": (with_chunk(PNG, chunk(b"tEXt", b"Title\0x", crc=1)), PNG),
    "a packed text": (with_chunk(PNG, chunk(b"zTXt", b"Title\0\0rubbish")), PNG),
    "packed XMP": (with_chunk(PNG, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0rub")), PNG),
    "a raw profile": (with_chunk(PNG, chunk(b"zTXt", b"Raw profile type exif\0\0xx")), PNG),
    "a short profile": (with_chunk(PNG, chunk(b"iCCP", b"")), PNG),
    "a short gamma": (with_chunk(PNG, chunk(b"gAMA", b"\1")), PNG),
    "a short animation": (with_chunk(PNG, chunk(b"acTL", b"\1")), PNG),
    "a short depth": (with_chunk(PNG, chunk(b"sBIT", b"")), PNG),
    "a bomb of a text": (
        with_chunk(PNG, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(2**27)))),
        PNG,
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_metadata_refuses_no_picture(name: str) -> None:
    data, plain = OTHERS[name]
    assert same(data, plain)


def gray_tiff(more: dict[int, tuple[int, list[int]]] | None = None) -> bytes:
    return tiff(bytes(range(200)), (20, 10), 8, more=more)


@pytest.mark.parametrize(
    "more",
    [
        {270: (1, [1] * 70)},  # a text of bytes
        {282: (3, [0])},  # a resolution that is no fraction
        {34665: (4, [2**31])},  # EXIF beyond the end
        {34675: (7, [0])},  # a colour profile of nothing
        {33723: (4, [7] * 9)},
        {700: (1, [255] * 9)},
        {266: (3, [1, 1])},  # a number that stands alone, twice
        {339: (1, [1])},
        {274: (3, [77])},
    ],
)
def test_an_odd_tag_of_a_tiff_refuses_no_picture(more: dict[int, tuple[int, list[int]]]) -> None:
    assert same(gray_tiff(more), gray_tiff())


def test_no_warning_leaves_a_thread_that_reads() -> None:
    odd = [carrying(kind, exif({**tags, **UPRIGHT})) for kind in KINDS for tags in ODD.values()]
    odd += [data for data, _ in OTHERS.values()]
    odd += [encode(PHOTO, "AVIF", exif=exif(TURNED)[6:])] * 3 if "AVIF" in FORMATS else []
    odd += [gray_tiff({270: (1, [9])})[: -20 - n] for n in range(40)]
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(_tried, odd * 3))
    assert [str(one.message) for one in leaked] == []


def _tried(data: bytes) -> None:
    with contextlib.suppress(ImageError):
        decode(data)


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow has no AVIF")
def test_an_avif_is_turned_by_its_properties_and_its_exif_is_not_read() -> None:
    for number, size in ((1, (60, 40)), (3, (60, 40)), (6, (40, 60))):
        read = decode(encode(PHOTO, "AVIF", exif=exif({274: (3, 1, bytes((number, 0)))})[6:]))
        assert read.size == size
        assert decoding_of(read).notes == ()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the samples are not here")
@pytest.mark.parametrize(
    "name",
    ["exif-width-as-byte.jpg", "gray-12bit-declared.tif", "gray-12in16.png", "jpeg-named.HEIC"],
)
def test_the_samples_are_read_as_bright_as_they_were_taken(name: str) -> None:
    assert abs(np.asarray(load(SHARED / name)).mean() - 180) < 2
