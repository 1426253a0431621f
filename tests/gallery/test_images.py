import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from gallery.errors import ImageError
from gallery.formats.magic import is_image_name
from gallery.formats.registry import FORMATS
from gallery.images import DEFAULT_LIMITS, ImageLimits, decode, load, read_file
from tests.gallery.formats.pictures import tiff

few = settings(deadline=None, max_examples=40)
grays = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))
colours = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))

NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def as_ascii(pixels: NDArray[np.uint8]) -> bytes:
    """Write gray pixels as ASCII PGM (P2)."""
    rows = "\n".join(" ".join(str(level) for level in row) for row in pixels)
    return f"P2\n# by hand\n{pixels.shape[1]} {pixels.shape[0]}\n255\n{rows}\n".encode()


# What is read unchanged


@few
@given(grays)
def test_gray_is_read_as_it_was_written(pixels: NDArray[np.uint8]) -> None:
    image = Image.fromarray(pixels)
    binary = encode(image, "PPM")
    assert binary.startswith(b"P5")
    for data in (encode(image, "PNG"), binary, as_ascii(pixels)):
        read = decode(data)
        assert read.mode == "L"
        assert np.array_equal(np.asarray(read), pixels)


@few
@given(colours)
def test_colour_is_read_as_it_was_written(pixels: NDArray[np.uint8]) -> None:
    image = Image.fromarray(pixels)
    for data in (encode(image, "PNG"), encode(image, "PPM"), encode(image, "BMP")):
        read = decode(data)
        assert read.mode == "RGB"
        assert np.array_equal(np.asarray(read), pixels)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_of_the_list_is_read(kind: str) -> None:
    read = decode(encode(Image.new("RGB", (6, 4), (200, 100, 50)), kind))
    assert read.size == (6, 4)
    assert np.abs(np.asarray(read.convert("RGB"), np.int64) - (200, 100, 50)).max() <= 4


# EXIF orientation: which sides of the upright image the stored row 0 and column 0 are.
# Source: EXIF 2.3, tag 274 "Orientation".
STORED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda upright: upright,  # top, left
    2: lambda upright: upright[:, ::-1],  # top, right
    3: lambda upright: upright[::-1, ::-1],  # bottom, right
    4: lambda upright: upright[::-1],  # bottom, left
    5: lambda upright: upright.T,  # left, top
    6: lambda upright: upright.T[::-1],  # right, top
    7: lambda upright: upright.T[::-1, ::-1],  # right, bottom
    8: lambda upright: upright.T[:, ::-1],  # left, bottom
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_images_are_turned_upright(orientation: int, kind: str) -> None:
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    lossless = {"lossless": True} if kind == "WEBP" else {}
    read = decode(encode(stored, kind, exif=exif, **lossless))
    assert np.array_equal(np.asarray(read.convert("L")), upright)


def test_a_photograph_held_upright_is_read_upright() -> None:
    exif = Image.Exif()
    exif[274] = 6
    photo = Image.new("RGB", (32, 16), "white")
    photo.paste("black", (0, 0, 16, 16))  # stored left: the top of the upright photograph
    read = np.asarray(decode(encode(photo, "JPEG", exif=exif)).convert("L"))
    assert read.shape == (32, 16)
    assert read[:12].max() < 40
    assert read[20:].min() > 215


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish, not TIFF", b"rubbish, not TIFF"])
def test_unreadable_exif_leaves_the_image_as_stored(kind: str, exif: bytes) -> None:
    assert decode(encode(Image.new("RGB", (6, 4)), kind, exif=exif)).size == (6, 4)


# Modes


def test_sixteen_bits_become_eight() -> None:
    deep = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    read = decode(encode(Image.fromarray(deep), "PNG"))
    assert read.mode == "L"
    assert np.asarray(read).tolist() == [[0, 0, 1, 128, 255]]


def test_every_gray_has_its_sixteen_bit_double() -> None:
    grays = np.arange(256, dtype=np.uint16).reshape(16, 16)
    read = decode(encode(Image.fromarray(grays * 257), "PNG"))
    assert np.array_equal(np.asarray(read), grays)


def test_sixteen_bits_are_read_from_tiff_in_either_byte_order_and_from_ascii() -> None:
    big = Image.frombytes("I;16B", (2, 1), b"\xff\xff\x80\x00")
    little = Image.frombytes("I;16", (2, 1), b"\xff\xff\x00\x80")
    for data in (encode(big, "TIFF"), encode(little, "TIFF"), b"P2\n2 1\n65535\n65535 32768\n"):
        assert np.asarray(decode(data)).tolist() == [[255, 128]]


@pytest.mark.parametrize("values", [[-5, 7], [0, 100_000]])
def test_negative_pixels_and_more_than_sixteen_bits_are_refused(values: list[int]) -> None:
    image = Image.fromarray(np.array([values], np.int32))
    with pytest.raises(ImageError, match=r"pixels from -?\d+ to \d+; at most 16 bits"):
        decode(encode(image, "TIFF"))


def test_a_palette_becomes_its_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    assert np.asarray(decode(encode(image, "PNG"))).tolist() == [[[10, 20, 30], [200, 100, 50]]]


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_a_transparent_palette_entry_lies_over_white(transparency: int | bytes) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    read = decode(encode(image, "PNG", transparency=transparency))
    assert np.asarray(read).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_transparent_parts_lie_over_white() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)])
    read = decode(encode(image, "PNG"))
    assert read.mode == "RGB"
    assert np.asarray(read).tolist() == [[[255, 0, 0], [255, 255, 255], [255, 127, 127]]]


def test_gray_with_alpha_lies_over_white() -> None:
    image = Image.new("LA", (2, 1))
    image.putdata([(40, 255), (40, 0)])
    assert np.asarray(decode(encode(image, "PNG"))).tolist() == [[[40] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("mode", "colour", "transparency"),
    [("L", 40, 40), ("RGB", (1, 2, 3), (1, 2, 3)), ("1", 0, 0)],
)
def test_a_colour_named_transparent_lies_over_white(
    mode: str, colour: int | tuple[int, int, int], transparency: int | tuple[int, int, int]
) -> None:
    image = Image.new(mode, (2, 1), "white")
    image.putpixel((0, 0), colour)
    read = decode(encode(image, "PNG", transparency=transparency))
    assert np.asarray(read.convert("RGB")).min() == 255


def test_print_colours_become_screen_colours() -> None:
    yellow = Image.new("CMYK", (8, 8), (0, 0, 255, 0))
    read = decode(encode(yellow, "JPEG", quality=95))
    assert read.mode == "RGB"
    assert np.abs(np.asarray(read, np.int64) - (255, 255, 0)).max() <= 6


def test_lab_becomes_rgb() -> None:
    read = decode(encode(Image.new("LAB", (2, 2), (128, 128, 128)), "TIFF"))
    assert read.mode == "RGB"
    assert np.ptp(np.asarray(read)) <= 2  # a = b = 0: a gray
    assert abs(int(np.asarray(read)[0, 0, 0]) - 119) <= 3  # L* = 50


def test_one_bit_becomes_black_and_white() -> None:
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    read = decode(encode(image, "PNG"))
    assert read.mode == "L"
    assert np.asarray(read).tolist() == [[0, 255]]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    read = decode(encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50))
    assert read.mode == "RGB"
    assert read.getpixel((0, 0)) == (255, 0, 0)


def test_of_a_double_photograph_the_first_is_taken() -> None:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (4, 4), "blue")
    read = decode(encode(first, "MPO", save_all=True, append_images=[second]))
    assert read.size == (8, 8)


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(ImageError, match="floating-point pixels; save it with 8 or 16 bits"):
        decode(encode(Image.new("F", (2, 2), 0.5), "TIFF"))


# What is refused


def is_refused(data: bytes) -> bool:
    """Decode; any error but a refusal, and any image in another mode, fails the test."""
    try:
        image = decode(data, ImageLimits(pixels=10_000))
    except ImageError:
        return True
    assert image.mode in ("L", "RGB")
    return False


def test_nothing_is_no_image() -> None:
    with pytest.raises(ImageError, match=r"empty file \(0 bytes\)"):
        decode(b"")


@pytest.mark.parametrize(
    "data", [b"notes about a face\n", b"\0", b"\x89PNG", b"<svg/>", b"%PDF-1.4"]
)
def test_what_is_no_image_is_refused_with_the_known_formats(data: bytes) -> None:
    with pytest.raises(ImageError, match=r"not an image of a known format \(.*BMP, GIF, JPEG"):
        decode(data)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"8BPS\0\1", "Photoshop"),
    ],
)
def test_other_pictures_are_refused_by_their_kind_whatever_they_are_called(
    start: bytes, kind: str, put: Callable[..., Path]
) -> None:
    with pytest.raises(ImageError, match=f"^{kind}, which is not read; convert it to JPEG$"):
        load(put("IMG_1.jpg", start + bytes(900)))


@pytest.mark.parametrize("more", [{50706: (1, [1, 4, 0, 0])}, {254: (4, [1])}])
def test_a_tiff_that_begins_with_a_thumbnail_is_taken_for_camera_raw(
    more: dict[int, tuple[int, list[int]]],
) -> None:
    with pytest.raises(ImageError, match="^camera raw, whose first picture is a thumbnail"):
        decode(tiff(bytes(200), (20, 10), 8, more=more))


def test_postscript_is_refused() -> None:
    data = encode(Image.new("RGB", (4, 4)), "EPS")
    assert Image.open(io.BytesIO(data)).format == "EPS"  # Pillow would hand it to Ghostscript
    with pytest.raises(ImageError, match="not an image of a known format"):
        decode(data)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    data = encode(Image.fromarray(NOISE), kind)
    with pytest.raises(ImageError, match=r"damaged or truncated|not an image"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_photograph_is_called_so(kind: str) -> None:
    data = encode(Image.fromarray(NOISE), kind)
    with pytest.raises(ImageError, match="damaged or truncated: "):
        decode(data[: len(data) // 2])


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(FORMATS), st.data())
def test_damage_is_refused_or_read_and_nothing_else_happens(kind: str, data: st.DataObject) -> None:
    whole = bytearray(encode(Image.fromarray(NOISE[:12, :12]), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 400) - 1))] = data.draw(st.integers(0, 255))
    is_refused(bytes(whole))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_after_any_magic_are_refused_or_read(tail: bytes) -> None:
    for magic in (b"P2\n", b"P5 ", b"BM", b"GIF89a", b"\xff\xd8\xff", b"II*\0", b"MM\0*"):
        is_refused(magic + tail)


def test_a_bomb_is_refused_before_it_is_decoded(put: Callable[..., Path]) -> None:
    bomb = put("bomb.png", png_header(20_000, 20_000))
    assert bomb.stat().st_size < 100
    with pytest.raises(ImageError, match=r"at most 64,000,000 are decoded\. Shrink the image"):
        load(bomb)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(8_001, 8_000), (10_000, 10_000), (64_000_001, 1)])
def test_a_pixel_too_many_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageError, match=rf"{width} x {height} pixels; at most 64,000,000 are"):
        decode(png_header(width, height))


def test_the_pixel_limit_itself_is_allowed() -> None:
    data = encode(Image.new("L", (5, 4)), "PNG")
    assert decode(data, ImageLimits(pixels=20)).size == (5, 4)
    with pytest.raises(ImageError, match="5 x 4 pixels; at most 19 are decoded"):
        decode(data, ImageLimits(pixels=19))


# Files


def test_a_file_is_read_and_decoded(put: Callable[..., Path]) -> None:
    path = put("face.png")
    assert read_file(path) == path.read_bytes()
    assert load(path).size == (12, 10)


def test_a_text_named_as_an_image_is_refused(put: Callable[..., Path]) -> None:
    with pytest.raises(ImageError, match="not an image of a known format"):
        load(put("notes.png", "dear diary"))


def test_an_empty_file_is_refused(put: Callable[..., Path]) -> None:
    with pytest.raises(ImageError, match=r"empty file \(0 bytes\)"):
        read_file(put("empty.jpg", b""))


def test_a_file_over_the_byte_limit_is_refused(put: Callable[..., Path]) -> None:
    path = put("large.png", b"x" * 1001)
    assert len(read_file(path, ImageLimits(file_bytes=1001))) == 1001
    with pytest.raises(ImageError, match="1,001 bytes; at most 1,000 are read"):
        read_file(path, ImageLimits(file_bytes=1000))
    with pytest.raises(ImageError, match="1,001 bytes; at most 1,000 are read"):
        load(path, ImageLimits(file_bytes=1000))


def test_a_huge_file_is_not_read_by_default(photos: Path) -> None:
    path = photos / "sparse.bmp"
    with path.open("wb") as file:
        file.truncate(DEFAULT_LIMITS.file_bytes + 1)
    with pytest.raises(ImageError, match="268,435,457 bytes; at most 268,435,456 are read"):
        read_file(path)


def test_a_missing_file_is_refused(photos: Path) -> None:
    with pytest.raises(ImageError, match="cannot be read: No such file or directory"):
        read_file(photos / "nobody.png")


def test_a_link_is_not_followed(put: Callable[..., Path], photos: Path) -> None:
    (photos / "link.png").symlink_to(put("face.png"))
    with pytest.raises(ImageError, match="a symbolic link; links are not followed"):
        read_file(photos / "link.png")


def test_a_pipe_is_refused_without_waiting_for_a_writer(photos: Path) -> None:
    os.mkfifo(photos / "pipe.png")
    with pytest.raises(ImageError, match="not a regular file"):
        read_file(photos / "pipe.png")


def test_a_folder_is_no_file(photos: Path) -> None:
    with pytest.raises(ImageError, match="not a regular file"):
        read_file(photos)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(put: Callable[..., Path]) -> None:
    path = put("secret.png")
    path.chmod(0)
    with pytest.raises(ImageError, match="cannot be read: Permission denied"):
        read_file(path)


@pytest.mark.parametrize("name", ["a.png", "A.JPG", "b.c.jpeg", "x.Tiff", "f.pgm", "w.webp"])
def test_images_are_known_by_their_names(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["a.txt", "png", "a.png.txt", "a.eps", "a.svg", "labels.csv", ""])
def test_other_files_are_known_by_their_names(name: str) -> None:
    assert not is_image_name(name)
