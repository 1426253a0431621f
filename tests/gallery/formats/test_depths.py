"""Gray and colours of more than eight bits: nothing turns black in silence."""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import ImageError
from gallery.images import decode, decoding_of
from tests.gallery.formats.pictures import chunk, encode, packed_12, tiff, with_chunk

GRAY = np.linspace(0, 255, 16 * 10).reshape(10, 16)  # what is shown, 0..255
GRAY[0] = 180


def stored(depth: int, shown: NDArray[np.float64] = GRAY) -> NDArray[np.uint16]:
    levels: NDArray[np.uint16] = np.rint(shown / 255 * (2**depth - 1)).astype(np.uint16)
    return levels


def read(data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    image = decode(data)
    assert image.mode == "L"
    return np.asarray(image), decoding_of(image).notes


def is_right(levels: NDArray[np.uint8]) -> bool:
    return (
        bool(np.abs(levels.astype(float) - GRAY).max() <= 1) and abs(int(levels[0, 0]) - 180) <= 1
    )


def test_a_tiff_of_twelve_bits_is_as_bright_as_it_was_taken() -> None:
    levels, notes = read(tiff(packed_12(stored(12)), (16, 10), 12))
    assert is_right(levels)
    assert notes == ()
    with pytest.raises(ImageError, match="pixels are of a kind that is not read; save it with 8"):
        decode(tiff(packed_12(stored(12)), (16, 10), 12, order=">"))


@pytest.mark.parametrize("depth", [8, 10, 12])
def test_fewer_bits_in_sixteen_are_seen_and_told(depth: int) -> None:
    image, most = Image.fromarray(stored(depth)), 2**depth - 1
    for data in (encode(image, "PNG"), encode(image, "TIFF"), encode(image, "PPM")):
        levels, notes = read(data)
        assert is_right(levels)
        (note,) = notes
        assert note.startswith(f"16 bits of which {depth} are used: no value is above {most}")


def test_sixteen_bits_that_are_used_are_left_alone() -> None:
    levels, notes = read(encode(Image.fromarray(stored(16)), "PNG"))
    assert is_right(levels)
    assert notes == ()
    dark = read(encode(Image.fromarray(stored(16, GRAY / 15)), "PNG"))  # up to 4369
    assert (dark[0].max(), dark[1]) == (17, ())
    black = read(encode(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG"))
    assert (black[0].max(), black[1]) == (0, ())


@pytest.mark.parametrize("depth", [10, 12, 14])
def test_the_depth_that_a_png_declares_counts(depth: int) -> None:
    declared = chunk(b"sBIT", bytes((depth,)))
    as_they_are = stored(depth)
    low = 16 - depth
    shifted = (as_they_are << low).astype(np.uint16)
    repeated = (shifted | (as_they_are >> (depth - low))).astype(np.uint16)
    for values in (as_they_are, repeated):
        levels, notes = read(with_chunk(encode(Image.fromarray(values), "PNG"), declared))
        assert is_right(levels)
        assert notes == ()
    levels, _ = read(with_chunk(encode(Image.fromarray(shifted), "PNG"), declared))
    assert np.abs(levels - GRAY).max() <= 1
    darkest = (shifted >> depth).astype(np.uint16) << low  # a dark picture, stored as PNG asks for
    levels, notes = read(with_chunk(encode(Image.fromarray(darkest), "PNG"), declared))
    assert levels.max() <= 255 * 2 ** (low + 1) / 2**depth
    assert notes == ()


def test_the_largest_value_of_a_pgm_counts() -> None:
    for depth in (10, 12, 14):
        head = f"P5 16 10 {2**depth - 1}\n".encode()
        assert is_right(read(head + stored(depth).astype(">u2").tobytes())[0])
        dark, notes = read(head + stored(depth, GRAY / 30).astype(">u2").tobytes())
        assert (dark.max(), notes) == (8, ())  # declared: what is dark stays dark


def test_the_largest_value_that_a_tiff_declares_counts() -> None:
    dark = stored(14, GRAY / 2).astype("<u2").tobytes()
    levels, notes = read(tiff(dark, (16, 10), 16, more={281: (3, (2**14 - 1,))}))
    assert (levels.max(), notes) == (128, ())
    levels, _ = read(tiff(stored(16).astype("<u2").tobytes(), (16, 10), 16, more={281: (3, (9,))}))
    assert is_right(levels)  # it cannot be: larger values are there


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_where_white_is_zero_it_is_white(order: str, bits: int) -> None:
    form = f"{order}u{bits // 8}"
    negative = (2**bits - 1 - stored(bits)).astype(form).tobytes()
    levels, notes = read(tiff(negative, (16, 10), bits, photometric=0, order=order))
    assert is_right(levels)
    assert notes == ()
    plain, _ = read(tiff(stored(bits).astype(form).tobytes(), (16, 10), bits, None, order))
    assert is_right(plain)  # a TIFF that does not say: black is zero, as libtiff takes it


def test_where_white_is_zero_in_twelve_bits_it_is_white() -> None:
    inverted = (4095 - stored(12)).astype(np.uint16)
    assert is_right(read(tiff(packed_12(inverted), (16, 10), 12, photometric=0))[0])
    in_sixteen = tiff(inverted.astype("<u2").tobytes(), (16, 10), 16, photometric=0)
    levels, notes = read(in_sixteen)
    assert is_right(levels)
    assert len(notes) == 1


@pytest.mark.parametrize("bits", [10, 14, 24, 64])
def test_other_depths_are_refused_by_name(bits: int) -> None:
    with pytest.raises(ImageError, match=rf"^{bits} bits a channel; save it with 8 or 16$"):
        decode(tiff(bytes(16 * 10 * 8), (16, 10), bits))


def test_a_jpeg_of_twelve_bits_is_refused_by_name() -> None:
    data = bytearray(encode(Image.new("L", (16, 16)), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageError, match="^a JPEG with 12 bits a channel; save it with 8$"):
        decode(bytes(data))


def deep_png(colours: NDArray[np.uint16]) -> bytes:
    """Write a PNG with 16 bits a channel, which Pillow does not."""
    height, width, channels = colours.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    image = Image.new("L", (1, 1))
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    packed = encode(image, "PNG")[:8] + chunk(b"IHDR", head)
    return packed + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [8, 10, 12])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_that_would_turn_black_are_refused(depth: int, channels: int) -> None:
    colours = np.repeat(stored(depth)[..., None], channels, axis=2)
    if channels in (2, 4):
        colours[..., -1] = 65535
    files = [deep_png(colours)]
    if channels == 3:
        files.append(tiff(colours.astype("<u2").tobytes(), (16, 10), (16, 16, 16), 2))
        files.append(b"P6 16 10 65535\n" + colours.astype(">u2").tobytes())
    for data in files:
        with pytest.raises(ImageError, match="colours of 16 bits of which none exceeds 4095"):
            decode(data)


def test_colours_of_sixteen_bits_are_read() -> None:
    colours = np.repeat(stored(16)[..., None], 3, axis=2)
    dark = np.repeat(stored(12, GRAY / 30)[..., None], 3, axis=2)
    for data in (
        deep_png(colours),
        tiff(colours.astype("<u2").tobytes(), (16, 10), (16, 16, 16), 2),
        b"P6 16 10 65535\n" + colours.astype(">u2").tobytes(),
    ):
        levels = np.asarray(decode(data))
        assert np.abs(levels.astype(float) - GRAY[..., None]).max() <= 1
    declared = decode(b"P6 16 10 4095\n" + dark.astype(">u2").tobytes())
    assert np.asarray(declared).max() == 8
