import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gallery.align import Aligner, Crop, Landmarks
from gallery.errors import ConfigError, ImageError

many = settings(deadline=None, max_examples=60)
shares = st.floats(0.01, 1)
pixels = st.floats(-50, 500)


def aligner(size: int = 20, channels: int = 1, crop: Crop | None = None) -> Aligner:
    return Aligner(size=size, channels=channels, crop=crop)


def noise(width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def spot(face: NDArray[np.uint8]) -> tuple[float, float]:
    """Centre of gravity of the light, (x, y), in shares of the side."""
    light = face.astype(np.float64).max(axis=2)
    ys, xs = np.indices(light.shape) + 0.5
    x, y = (xs * light).sum() / light.sum(), (ys * light).sum() / light.sum()
    return float(x / light.shape[1]), float(y / light.shape[0])


def dot(mode: str, size: tuple[int, int], at: tuple[float, float]) -> Image.Image:
    image = Image.new(mode, size, "black")
    x, y = int(at[0]), int(at[1])
    image.paste("white", (x - 3, y - 3, x + 4, y + 4))  # its centre is (x + 0.5, y + 0.5)
    return image


# Landmarks


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "eyes", "chin"),
    [
        ((200, 300), (100.5, 80.5), (100.5, 160.5)),
        ((200, 300), (90.5, 100.5), (110.5, 230.5)),  # a turned head
        ((120, 100), (20.5, 20.5), (16.5, 90.5)),  # the square reaches beyond the image
        ((400, 400), (200.5, 200.5), (200.5, 226.5)),  # enlarged
    ],
)
def test_eyes_lie_at_41_and_the_chin_at_93_per_cent(
    mode: str,
    channels: int,
    size: tuple[int, int],
    eyes: tuple[float, float],
    chin: tuple[float, float],
) -> None:
    cut = aligner(100, channels)
    landmarks = Landmarks(eyes, chin)
    eyes_x, eyes_y = spot(cut.align(dot(mode, size, eyes), landmarks))
    chin_x, chin_y = spot(cut.align(dot(mode, size, chin), landmarks))
    assert eyes_y == pytest.approx(0.41, abs=0.004)
    assert chin_y == pytest.approx(0.93, abs=0.004)
    assert (eyes_x + chin_x) / 2 == pytest.approx(0.5, abs=0.004)


def test_other_lines_can_be_asked_for() -> None:
    cut = Aligner(size=100, channels=1, eye_line=0.3, chin_line=0.8)
    landmarks = Landmarks((100.5, 80.5), (100.5, 160.5))
    assert spot(cut.align(dot("L", (200, 300), landmarks.eyes), landmarks))[1] == pytest.approx(
        0.3, abs=0.004
    )
    assert spot(cut.align(dot("L", (200, 300), landmarks.chin), landmarks))[1] == pytest.approx(
        0.8, abs=0.004
    )


@pytest.mark.parametrize("chin", [(10, 50), (10, 49.9), (10, math.nan)])
def test_the_chin_lies_below_the_eyes(chin: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="the chin must lie below the eyes"):
        Landmarks((10, 50), chin)


# Which rule applies


def test_without_landmarks_or_crop_the_centre_square_is_taken() -> None:
    wide, tall = noise(30, 20), noise(20, 30)
    assert np.array_equal(aligner(20).align(Image.fromarray(wide))[..., 0], wide[:, 5:25])
    assert np.array_equal(aligner(20).align(Image.fromarray(tall))[..., 0], tall[5:25])


def test_landmarks_win_over_the_crop_of_the_aligner_and_a_crop_by_hand_over_both() -> None:
    image = Image.fromarray(noise(100, 100))
    landmarks = Landmarks((50, 40), (50, 60))
    own, by_hand = Crop(0, 0, 20, 20), Crop(10, 20, 20, 20)
    plain, cropping = aligner(20), aligner(20, crop=own)
    assert np.array_equal(cropping.align(image), plain.align(image, crop=own))
    assert np.array_equal(cropping.align(image, landmarks), plain.align(image, landmarks))
    assert np.array_equal(
        cropping.align(image, landmarks, by_hand), noise(100, 100)[20:40, 10:30, None]
    )


# Cutting


@many
@given(st.integers(1, 12), st.integers(1, 12), st.integers(-9, 12), st.integers(-9, 12), st.data())
def test_beyond_the_border_the_edge_repeats(
    width: int, height: int, left: int, top: int, data: st.DataObject
) -> None:
    side = data.draw(st.integers(2, 12))
    inside = -side < left < width and -side < top < height
    if not inside or side > 4 * max(width, height):
        return
    image = noise(width, height)
    cut = aligner(side).align(Image.fromarray(image), crop=Crop(left, top, side, side))
    ys = np.clip(np.arange(top, top + side), 0, height - 1)
    xs = np.clip(np.arange(left, left + side), 0, width - 1)
    assert np.array_equal(cut[..., 0], image[np.ix_(ys, xs)])


def test_the_edge_of_a_colour_image_repeats_too() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    cut = aligner(6, 3).align(Image.fromarray(image), crop=Crop(-3, 2, 6, 6))
    expected = np.pad(image, ((0, 2), (3, 0), (0, 0)), mode="edge")[2:, :6]
    assert np.array_equal(cut, expected)


@many
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(["L", "RGB"]),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.one_of(
        st.none(),
        st.builds(Crop, shares, shares, shares, shares),
        st.builds(Crop, pixels, pixels, st.floats(1.1, 300), st.floats(1.1, 300)),
    ),
)
def test_the_result_has_the_same_form_wherever_the_square_lies(
    width: int, height: int, mode: str, size: int, channels: int, crop: Crop | None
) -> None:
    image = Image.new(mode, (width, height), "gray")
    left, top, side = crop.square(width, height) if crop else (0, 0, 1)
    fits = left < width and top < height and left + side > 0 and top + side > 0
    if fits and 1 <= side <= 4 * max(width, height):
        face = aligner(size, channels).align(image, crop=crop)
        assert face.shape == (size, size, channels)
        assert face.dtype == np.uint8
        assert np.ptp(face) == 0  # gray stays gray, wherever the square lies
    else:
        with pytest.raises(ImageError, match="does not fit the image"):
            aligner(size, channels).align(image, crop=crop)


def test_gray_photographs_become_rgb_and_colour_becomes_luma() -> None:
    gray = aligner(4, 3).align(Image.new("L", (8, 8), 77))
    assert gray.tolist() == np.full((4, 4, 3), 77).tolist()
    red = aligner(4, 1).align(Image.new("RGB", (8, 8), (255, 0, 0)))
    assert red.tolist() == np.full((4, 4, 1), 76).tolist()  # 0.299 * 255


@pytest.mark.parametrize(
    "crop",
    [
        Crop(30, 0, 5, 5),
        Crop(0, 30, 5, 5),
        Crop(-6, 0, 5, 5),
        Crop(0, -6, 5, 5),
        Crop(1, 1, 125, 2),
    ],
)
def test_a_square_outside_or_far_too_large_is_refused(crop: Crop) -> None:
    with pytest.raises(ImageError, match=r"the face square .* does not fit the image of 30 x 30"):
        aligner().align(Image.new("L", (30, 30)), crop=crop)


def test_a_square_of_less_than_a_pixel_is_refused() -> None:
    with pytest.raises(ImageError, match="does not fit the image"):
        aligner().align(Image.new("L", (30, 30)), crop=Crop(0, 0, 0.02, 0.02))


def test_a_panorama_costs_no_more_memory_than_a_photograph() -> None:
    panorama = Image.new("L", (60_000, 10))
    with pytest.raises(ImageError, match=r"side 60000 px\) reaches beyond .* Shrink the image"):
        aligner().align(panorama, crop=Crop(0, 0, 1, 1))


# Crops


def test_a_crop_is_read_from_its_four_numbers() -> None:
    assert Crop.parse("20,10,80,90.5") == Crop(20, 10, 80, 90.5)
    assert Crop.parse(" 0.1 , 0.2, 0.5,0.5 ") == Crop(0.1, 0.2, 0.5, 0.5)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan", "1;2;3;4"])
def test_a_crop_is_four_numbers(text: str) -> None:
    with pytest.raises(ConfigError, match="--crop takes X,Y,W,H in pixels"):
        Crop.parse(text)


@pytest.mark.parametrize("text", ["0,0,0,5", "0,0,5,0", "5,5,-5,5"])
def test_a_crop_has_a_size(text: str) -> None:
    with pytest.raises(ConfigError, match="width and height must be above 0"):
        Crop.parse(text)


def test_a_crop_is_in_shares_if_nothing_exceeds_1() -> None:
    assert Crop(0, 0, 1, 1).in_shares
    assert Crop(0, 0, 1, 1).square(200, 100) == (0, -50, 200)
    assert Crop(0.25, 0.5, 0.5, 0.5).square(200, 100) == (50, 25, 100)
    assert not Crop(0, 0, 2, 1).in_shares
    assert Crop(10, 20, 30, 40).square(200, 100) == (5, 20, 40)


@given(
    st.builds(Crop, st.floats(0, 1), st.floats(0, 1), shares, shares)
    | st.builds(Crop, pixels, pixels, st.floats(1.1, 500), st.floats(1.1, 500)),
    st.integers(1, 4000),
    st.integers(1, 4000),
)
def test_the_square_holds_the_crop_in_its_middle(crop: Crop, width: int, height: int) -> None:
    left, top, side = crop.square(width, height)
    scale_x, scale_y = (width, height) if crop.in_shares else (1, 1)
    x, y, w, h = crop.x * scale_x, crop.y * scale_y, crop.width * scale_x, crop.height * scale_y
    near = 1e-6 * (1 + side)
    assert side == max(w, h)
    assert left <= x + near
    assert top <= y + near
    assert left + side >= x + w - near
    assert top + side >= y + h - near
    assert left + side / 2 == pytest.approx(x + w / 2, abs=near)
    assert top + side / 2 == pytest.approx(y + h / 2, abs=near)


finite = st.floats(-1e6, 1e6)
sides = st.floats(1e-3, 1e6)
crops = st.builds(Crop, finite, finite, sides, sides)


@given(crops)
def test_a_crop_is_read_as_it_is_written(crop: Crop) -> None:
    assert Crop.parse(str(crop)) == crop


def test_a_crop_of_whole_pixels_is_written_without_points() -> None:
    assert str(Crop(20, 10.0, 80, 0.5)) == "20,10,80,0.5"


# The card


@given(
    st.builds(
        Aligner,
        size=st.integers(1, 500),
        channels=st.sampled_from([1, 3]),
        crop=st.none() | crops,
        eye_line=st.floats(0, 0.49),
        chin_line=st.floats(0.5, 1),
    )
)
def test_an_aligner_survives_json(cut: Aligner) -> None:
    assert Aligner.from_json(json.loads(json.dumps(cut.to_json()))) == cut


GOOD = Aligner(size=32, channels=1).to_json()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        None,
        {**GOOD, "size": 0},
        {**GOOD, "size": "large"},
        {**GOOD, "size": None},
        {**GOOD, "channels": 2},
        {**GOOD, "crop": 5},
        {**GOOD, "eye_line": 0.93},
        {key: value for key, value in GOOD.items() if key != "chin_line"},
    ],
)
def test_what_is_no_aligner_is_refused(data: object) -> None:
    with pytest.raises(ConfigError, match="This is not an aligner"):
        Aligner.from_json(data)  # type: ignore[arg-type]


def test_a_bad_crop_on_a_card_is_refused() -> None:
    with pytest.raises(ConfigError, match="X,Y,W,H"):
        Aligner.from_json({**GOOD, "crop": "1,2,3"})


def test_the_card_says_how_pixels_are_resampled() -> None:
    assert GOOD == {
        "size": 32,
        "channels": 1,
        "crop": None,
        "eye_line": 0.41,
        "chin_line": 0.93,
        "resampling": "bicubic",
    }


@pytest.mark.parametrize(("size", "channels"), [(0, 1), (-3, 3), (8, 2), (8, 4)])
def test_size_and_channels_are_checked(size: int, channels: int) -> None:
    with pytest.raises(ValueError, match="size must be positive and channels 1 or 3"):
        aligner(size, channels)


@pytest.mark.parametrize(("eyes", "chin"), [(0.9, 0.4), (0.5, 0.5), (-0.1, 0.9), (0.4, 1.1)])
def test_the_lines_are_checked(eyes: float, chin: float) -> None:
    with pytest.raises(ValueError, match="0 <= eye_line < chin_line <= 1"):
        Aligner(size=8, channels=1, eye_line=eyes, chin_line=chin)


def test_a_wider_square_has_the_same_middle() -> None:
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype("uint8"))
    face = Landmarks(eyes=(60, 40), chin=(60, 60))
    plain = Aligner(size=40, channels=3)
    square = plain.crop_by(face)
    wide = replace(plain, size=60, wide=1.5)
    margin = square.width / 4
    around = Crop(square.x - margin, square.y - margin, 1.5 * square.width, 1.5 * square.width)
    for seen in (wide.align(photo, face), wide.align(photo, crop=square)):
        assert np.array_equal(seen, replace(plain, size=60).align(photo, crop=around))


def test_what_a_wider_square_lacks_repeats_the_edge() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, :20], pixels[:, 20:] = 50, 200  # a face that fills its picture
    seen = Aligner(size=80, channels=3, wide=2.0).align(Image.fromarray(pixels))
    assert (seen[:, :36] == 50).all()
    assert (seen[:, 44:] == 200).all()


def test_a_wider_square_of_a_large_photograph_is_cut_in_little_memory() -> None:
    """Its square would have more pixels than are decoded of an image."""
    photo = Image.new("L", (7000, 7000), 90)
    seen = Aligner(size=32, channels=1, wide=2.0).align(photo)
    assert (seen == 90).all()


def test_shrinking_a_large_square_in_two_steps_keeps_things_in_place() -> None:
    """A bright square in the middle of a large photograph, whose left edge is beyond its own."""
    pixels = np.zeros((1200, 1200), np.uint8)
    pixels[400:800, 100:500] = 200
    wide = Aligner(size=30, channels=1, wide=1.5).align(
        Image.fromarray(pixels), crop=Crop(0, 300, 600, 600)
    )  # 900 pixels from (-150, 150): 30 of them are one
    bright = np.argwhere(wide[:, :, 0] > 100)
    assert bright.min(axis=0) == pytest.approx((250 / 30, 250 / 30), abs=1)
    assert bright.max(axis=0) == pytest.approx((650 / 30 - 1, 650 / 30 - 1), abs=1)


def test_only_what_is_wider_says_so() -> None:
    """Cards and contracts of all others stay as they were."""
    assert "wide" not in Aligner(size=8, channels=1).to_json()
    wide = Aligner(size=8, channels=1, wide=1.5)
    assert Aligner.from_json(json.loads(json.dumps(wide.to_json()))) == wide
    with pytest.raises(ValueError, match="wide must be at least 1"):
        Aligner(size=8, channels=1, wide=0.9)
