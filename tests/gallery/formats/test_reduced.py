"""JPEGs decoded at a part of their size, cut as if they were whole: where they are too large, and
where no more is needed."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from gallery.align import Aligner, Crop, Landmarks
from gallery.detection.geometry import DetectedFace, find_face
from gallery.errors import ImageError
from gallery.formats.jpeg import parse
from gallery.images import ImageLimits, decode, decoding_of, full_size
from tests.gallery.formats.pictures import encode, exif

SMALL = ImageLimits(pixels=400 * 300 // 4, reduced_pixels=400 * 300)
LANDMARKS = Landmarks((181.0, 120.0), (177.0, 200.0))


def photograph(width: int = 400, height: int = 300) -> Image.Image:
    """Draw something with edges everywhere, none so sharp that halving it shows."""
    image = Image.new("RGB", (width, height), (90, 120, 200))
    draw = ImageDraw.Draw(image)
    for n in range(0, width, 40):
        draw.ellipse((n, n // 2, n + 60, n // 2 + 90), fill=(200, 40 + n // 3, 90), outline="black")
    return image.filter(ImageFilter.GaussianBlur(3))


WHOLE = encode(photograph(), "JPEG", quality=95)


def test_a_photograph_of_sixty_four_megapixels_is_read_at_half_its_size() -> None:
    data = encode(Image.new("L", (9248, 6944), 180), "JPEG", quality=30)
    image = decode(data)
    assert image.size == (4624, 3472)
    assert decoding_of(image).reduction == 2
    assert abs(np.asarray(image).astype(int) - 180).max() <= 1


@pytest.mark.parametrize("crop", [None, Crop(50, 40, 120, 120), Crop(0.2, 0.1, 0.5, 0.5)])
@pytest.mark.parametrize("landmarks", [None, LANDMARKS])
@pytest.mark.parametrize("size", [32, 128])
def test_what_is_cut_out_is_what_would_be_cut_out_of_the_whole(
    crop: Crop | None, landmarks: Landmarks | None, size: int
) -> None:
    reduced, whole = decode(WHOLE, SMALL), decode(WHOLE)
    assert (decoding_of(reduced).reduction, reduced.size) == (2, (200, 150))
    aligner = Aligner(size=size, channels=3)
    cut = [aligner.align(one, landmarks, crop).astype(int) for one in (reduced, whole)]
    assert cut[0].shape == (size, size, 3)
    off = [np.roll(cut[1], shift, axis=1) for shift in (-1, 1)]
    error = np.abs(cut[0] - cut[1]).mean()
    assert error < 3
    assert size == 128 or error < min(np.abs(cut[0] - one).mean() for one in off)


def test_a_turned_photograph_is_cut_by_what_is_upright() -> None:
    block = exif({274: (3, 1, b"\6\0")})
    turned = encode(
        photograph().transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=block
    )
    aligner = Aligner(size=64, channels=3)
    reduced, whole = decode(turned, SMALL), decode(WHOLE)
    assert reduced.size == (200, 150)
    cut = [aligner.align(one, LANDMARKS).astype(int) for one in (reduced, whole)]
    assert np.abs(cut[0] - cut[1]).mean() < 3


def test_odd_sizes_are_halved_upwards() -> None:
    data = encode(photograph(401, 299), "JPEG", quality=95)
    image = decode(data, ImageLimits(pixels=201 * 150, reduced_pixels=401 * 299))
    assert image.size == (201, 150)
    assert decode(data, ImageLimits(pixels=101 * 75, reduced_pixels=401 * 299)).size == (101, 75)
    assert decode(data, ImageLimits(pixels=51 * 38, reduced_pixels=401 * 299)).size == (51, 38)


def test_faces_are_found_in_pixels_of_the_file() -> None:
    class AtOnePlace:
        def look(self, image: Image.Image) -> list[DetectedFace]:
            x, y = image.width / 2, image.height / 2
            side = image.width / 10
            box = (x - side, y - side, x + side, y + side)
            return [DetectedFace(box, (x + side / 3, y), (x - side / 3, y), (x, y + side / 2))]

    reduced, whole = (
        find_face(decode(WHOLE, limits), AtOnePlace()) for limits in (SMALL, ImageLimits())
    )
    assert reduced.points.chin == pytest.approx(whole.points.chin)
    assert reduced.points.left_eye == pytest.approx(whole.points.left_eye)
    assert reduced.faces == 1


def test_messages_speak_of_the_size_of_the_file() -> None:
    with pytest.raises(ImageError, match="does not fit the image of 400 x 300"):
        Aligner(size=32, channels=1).align(decode(WHOLE, SMALL), crop=Crop(500, 0, 90, 90))


def test_other_formats_and_progressive_jpegs_stay_under_the_limit() -> None:
    """A progressive JPEG is held in memory whole, whatever size it is decoded at."""
    refused = r"400 x 300 pixels; at most 30,000 are decoded"
    for kind, options in (("PNG", {}), ("WEBP", {}), ("JPEG", {"progressive": True})):
        with pytest.raises(ImageError, match=refused):
            decode(encode(photograph(), kind, **options), SMALL)
    with pytest.raises(ImageError, match=r"400 x 300 pixels; at most 100,000 are decoded"):
        decode(WHOLE, ImageLimits(pixels=30_000, reduced_pixels=100_000))


def test_a_jpeg_whose_decoder_would_hold_too_much_is_reduced() -> None:
    """Of a progressive one all coefficients are held, two bytes each, besides four a pixel."""
    pixels = 400 * 300
    for options, held in (
        ({"progressive": True, "subsampling": 0}, 6),
        ({"progressive": True, "subsampling": 2}, 3),
        ({"progressive": False}, 0),
    ):
        data = encode(photograph(), "JPEG", **options)
        assert parse(data).held == held
        whole = ImageLimits(jpeg_bytes=(held + 4) * pixels)
        assert decode(data, whole).size == (400, 300)
        assert decode(data, ImageLimits(jpeg_bytes=whole.jpeg_bytes - 1)).size == (200, 150)
        if held:
            with pytest.raises(ImageError, match="400 x 300 pixels"):
                decode(data, ImageLimits(jpeg_bytes=held * pixels))


def test_only_what_was_decoded_whole_before_stays_whole() -> None:
    """Photographs under the old limit keep their pixels, but for colours stored in full."""
    for held in (0.0, 3.0, 4.0):  # baseline, 4:2:0, 4:2:2
        assert 64_000_000 * (held + 4) <= ImageLimits().jpeg_bytes


def test_what_needs_less_is_decoded_smaller_and_cut_as_if_it_were_whole() -> None:
    aligner = Aligner(size=24, channels=3)
    for width, height in ((400, 300), (401, 299)):
        data = encode(photograph(width, height), "JPEG", quality=95)
        reduced, whole = decode(data, reduce=aligner.reduction), decode(data)
        assert (decoding_of(reduced).reduction, full_size(reduced)) == (4, (width, height))
        for landmarks in (None, LANDMARKS):
            cut = [aligner.align(one, landmarks).astype(int) for one in (reduced, whole)]
            assert np.abs(cut[0] - cut[1]).mean() < 0.6


def test_only_jpegs_are_decoded_smaller() -> None:
    for kind in ("PNG", "WEBP"):
        assert decode(encode(photograph(), kind), reduce=lambda _: 4).size == (400, 300)


def test_how_much_is_needed_is_asked_of_the_upright_size() -> None:
    asked: list[tuple[int, int]] = []

    def reduce(size: tuple[int, int]) -> int:
        asked.append(size)
        return 2

    block = exif({274: (3, 1, b"\6\0")})
    decoded = decode(encode(photograph(), "JPEG", exif=block), reduce=reduce)
    assert (asked, decoded.size) == ([(300, 400)], (150, 200))


@pytest.mark.parametrize(
    ("side", "wide", "part"), [(100, 1.0, 1), (50, 1.0, 2), (25, 1.0, 4), (10, 1.0, 8), (33, 4, 8)]
)
def test_three_pixels_stay_for_each_that_is_cut_out(side: int, wide: float, part: int) -> None:
    assert Aligner(size=side, channels=3, wide=wide).reduction((400, 300)) == part


def test_a_small_face_in_a_large_photograph_is_decoded_whole() -> None:
    landmarks = Landmarks((181.0, 120.0), (181.0, 152.0))
    assert Aligner(size=32, channels=3).reduction((4000, 3000), landmarks) == 1


def test_what_cannot_be_cut_out_is_refused_as_if_it_were_whole() -> None:
    outside = Landmarks((-900.0, 10.0), (-900.0, 300.0))
    assert Aligner(size=8, channels=3).reduction((400, 300), outside) == 1
