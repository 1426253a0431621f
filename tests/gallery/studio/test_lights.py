import numpy as np
import pytest

from gallery.studio.lights import LIGHTS, towards


def test_twenty_illuminations_are_all_different() -> None:
    assert len(set(LIGHTS)) == len(LIGHTS) == 20


@pytest.mark.parametrize(
    ("azimuth", "elevation", "expected"),
    [(0, 0, (0, 0, 1)), (90, 0, (1, 0, 0)), (-90, 0, (-1, 0, 0)), (0, 90, (0, 1, 0))],
)
def test_azimuth_is_positive_on_the_sitter_s_left(
    azimuth: float, elevation: float, expected: tuple[float, float, float]
) -> None:
    assert np.allclose(towards(azimuth, elevation), expected, atol=1e-6)


def test_the_ring_of_flashes_goes_from_the_right_to_the_left_by_fifteen_degrees() -> None:
    assert [light.azimuth_deg for light in LIGHTS[1:14]] == list(range(-90, 91, 15))


def test_the_lamp_is_warm_and_dim_and_stands_where_no_flash_does() -> None:
    room, lamp = LIGHTS[0], LIGHTS[19]
    red, _, blue = lamp.lamp
    assert red > 2 * blue
    assert sum(lamp.lamp) < 0.4 * sum(LIGHTS[7].lamp)
    assert not room.has_lamp
    assert lamp.elevation_deg < min(light.elevation_deg for light in LIGHTS[1:19])
