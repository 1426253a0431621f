from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.studio.identity import sample_identity
from gallery.studio.render import Appearance, Pixels, Studio, jittered

GOLDEN = Path(__file__).parent / "golden"
# Number of the person, look, yaw in degrees, illumination.
PICTURES = {
    "frontal": (1, Appearance(), 0, 17),
    "profile": (2, Appearance(), 90, 3),
    "happy": (3, Appearance(expression="happy"), -30, 9),
    "cap-old": (5, Appearance(accessory="cap", age_years=80), 15, 0),
    "sunglasses-lamp": (8, Appearance(accessory="sunglasses"), 45, 19),
}


def picture(studio: Studio, name: str) -> Pixels:
    number, look, yaw, light = PICTURES[name]
    (taken,) = studio.pictures(sample_identity(0, number), look, yaw, [light])
    return np.asarray(taken, dtype=np.uint8)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_those_of_the_golden_files_up_to_rounding(studio: Studio, name: str) -> None:
    golden = np.asarray(Image.open(GOLDEN / f"{name}.png")).astype(int)
    difference = np.abs(picture(studio, name) - golden)
    assert difference.mean() < 0.5
    assert (difference > 8).mean() < 0.005


def test_a_picture_does_not_depend_on_those_taken_before(
    studio: Studio, assets_folder: Path
) -> None:
    alone = picture(Studio(assets_folder, 48), "happy")
    picture(studio, "cap-old")
    assert (picture(studio, "happy") == alone).all()


def test_twenty_illuminations_of_a_shot_are_twenty_pictures_of_it(studio: Studio) -> None:
    tiles = studio.pictures(sample_identity(0, 7), Appearance(), 0, range(20)).astype(int)
    apart = np.abs(tiles[:, None] - tiles[None]).mean(axis=(2, 3, 4)) + 99 * np.eye(20)
    assert apart.min() > 1.5
    room, lamp = tiles[0].mean(axis=(0, 1)), tiles[19].mean(axis=(0, 1))
    assert lamp[0] / lamp[2] > 1.4 * room[0] / room[2]


def test_a_shot_strays_a_little_and_always_alike() -> None:
    person = sample_identity(0, 7)
    shots = [jittered(person, Appearance(), yaw) for yaw in (-45, 0, 45)]
    assert shots == [jittered(person, Appearance(), yaw) for yaw in (-45, 0, 45)]
    strays = [shot.yaw_deg - yaw for shot, yaw in zip(shots, (-45, 0, 45), strict=True)]
    assert len(set(strays)) == 3
    assert max(map(abs, strays)) < 5


def test_an_accessory_an_expression_and_an_age_change_the_picture(studio: Studio) -> None:
    person = sample_identity(0, 7)
    plain = studio.pictures(person, Appearance(), 0, [17]).astype(int)
    for look in (
        Appearance(accessory="beanie"),
        Appearance(expression="afraid"),
        Appearance(age_years=80),
    ):
        assert np.abs(studio.pictures(person, look, 0, [17]) - plain).mean() > 2


@pytest.mark.parametrize("size", [31, 257])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"size must be 32\.\.256 pixels, got {size}"):
        Studio(Path("nowhere"), size)
