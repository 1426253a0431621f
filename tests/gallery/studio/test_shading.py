import numpy as np
import pytest

from gallery.studio.camera import SAMPLES
from gallery.studio.lights import LIGHTS, Light
from gallery.studio.materials import HAT, SKIN
from gallery.studio.meshes import Floats
from gallery.studio.rasteriser import FAR
from gallery.studio.scene import Lamp
from gallery.studio.shading import develop, shade
from gallery.studio.surface import Surface

COLOUR = np.array([0.5, 0.25, 0.1], np.float32)
LIGHT = Light(0, 0, (0.8, 0.6, 0.4), (0.0, 0.0, 0.0))


def sample(normal: tuple[float, float, float], material: int = HAT) -> Surface:
    """One sample in the middle of the scene, seen from the front."""
    row = np.float32
    return Surface(
        pixel=np.zeros(1, np.int32),
        place=np.zeros((1, 3), row),
        normal=np.array([normal], row),
        to_camera=np.array([[0, 0, 1]], row),
        colour=COLOUR[None],
        room=0.5 * COLOUR[None],
        material=np.array([material], np.uint8),
        gloss=np.ones(1, row),
    )


def lamp_from_the_front(depth: float) -> Lamp:
    frame = np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]], np.float32)
    return Lamp(frame, np.full((8, 8), depth, np.float32), 2.0)


def test_a_surface_that_faces_the_lamp_has_its_colour_and_a_little_gloss() -> None:
    total = shade(sample((0, 0, 1)), LIGHT, lamp_from_the_front(FAR), 1.0, 1)
    gloss = 0.3 * 0.03 * 1.6  # strength, Fresnel straight ahead, the studio's factor
    assert np.allclose(total[0], np.array(LIGHT.lamp) * (COLOUR + gloss), rtol=1e-5)


def test_in_the_shadow_and_behind_there_is_no_light_of_the_lamp() -> None:
    assert not shade(sample((0, 0, 1)), LIGHT, lamp_from_the_front(-1), 1.0, 1).any()
    assert not shade(sample((0, 0, -1)), LIGHT, lamp_from_the_front(FAR), 1.0, 1).any()


def test_light_wraps_around_skin_and_most_of_it_in_red() -> None:
    edge = sample((1, 0, 0), SKIN)
    red, green, blue = shade(edge, LIGHT, lamp_from_the_front(FAR), 0.0, 1)[0] / COLOUR
    assert red > green > blue > 0


def test_the_room_s_light_needs_no_lamp() -> None:
    total = shade(sample((0, 0, 1)), LIGHTS[0], None, 1.0, 1)
    assert np.allclose(total[0], 0.5 * COLOUR * np.array(LIGHTS[0].room), rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_wall_is_seen_where_nothing_covers_it(share: float) -> None:
    every = SAMPLES * SAMPLES
    black = np.zeros((1, 3), np.float32)
    wall: Floats = np.full((1, 3), 0.2, np.float32)
    picture = develop(black, wall, np.array([share * every], np.float32), 1.0)
    linear = ((picture + 0.055) / 1.055) ** 2.4 if share < 1 else picture
    assert np.allclose(linear, 0.2 * (1 - share), atol=1e-4)


def test_bright_light_is_rounded_off_not_cut() -> None:
    light = np.linspace(0, 2, 50, dtype=np.float32)[:, None].repeat(3, 1) * SAMPLES**2
    full = np.full(50, SAMPLES**2, np.float32)
    levels = develop(light, np.zeros_like(light), full, 1.0)[:, 0]
    assert (np.diff(levels[:36]) > 0).all()
    assert levels.max() <= 1
