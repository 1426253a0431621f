import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gallery.align import Aligner
from gallery.detection.geometry import DetectedFace, FoundFace, NoFaceError, find_face, points_of
from gallery.errors import ImageError

# What dlib's detector sees of faces of the CMU Face Images, and where a person sees eyes and chin.
STRAIGHT = DetectedFace((44, 48, 93, 97), (79, 60), (58, 60), (69, 77))


def mirrored(seen: DetectedFace, width: float) -> DetectedFace:
    left, upper, right, lower = seen.box
    return DetectedFace(
        box=(width - right, upper, width - left, lower),
        left_eye=(width - seen.right_eye[0], seen.right_eye[1]),
        right_eye=(width - seen.left_eye[0], seen.left_eye[1]),
        nose=(width - seen.nose[0], seen.nose[1]),
    )


@pytest.fixture
def image() -> Image.Image:
    return Image.new("L", (200, 160), 90)


class Sees:
    """A detector that sees the same faces everywhere."""

    def __init__(self, *faces: DetectedFace) -> None:
        self.faces = faces

    def look(self, image: Image.Image) -> tuple[DetectedFace, ...]:  # noqa: ARG002
        return self.faces


def test_eyes_and_chin_of_a_straight_face_stand_below_each_other() -> None:
    landmarks = points_of(STRAIGHT).landmarks
    assert landmarks.eyes == pytest.approx((68.5, 60), abs=0.3)
    assert landmarks.chin == pytest.approx((68.5, 98.5), abs=0.5)


def test_a_turned_head_is_cut_behind_its_nose() -> None:
    """As in the studio: the eyes' corners and the nose lie before the axis of the head."""
    turned = DetectedFace((44, 48, 93, 97), (88, 60), (72, 60), (86, 77))
    eyes = points_of(turned).landmarks.eyes
    assert 68.5 < eyes[0] < 80 - 0.04 * 38


@given(st.floats(0.5, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_landmarks_follow_when_a_photograph_is_scaled_or_shifted(
    scale: float, x: float, y: float
) -> None:
    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return scale * point[0] + x, scale * point[1] + y

    seen = DetectedFace((40, 48, 97, 97), (88, 58), (72, 62), (86, 77))
    box = (*moved(seen.box[:2]), *moved(seen.box[2:]))
    shifted = DetectedFace(box, moved(seen.left_eye), moved(seen.right_eye), moved(seen.nose))
    before, after = points_of(seen).landmarks, points_of(shifted).landmarks
    assert after.eyes == pytest.approx(moved(before.eyes), abs=1e-6)
    assert after.chin == pytest.approx(moved(before.chin), abs=1e-6)


def test_mirrored_faces_have_mirrored_landmarks() -> None:
    seen = DetectedFace((40, 48, 97, 97), (88, 58), (72, 62), (86, 77))
    before, after = points_of(seen), points_of(mirrored(seen, 200))
    assert after.left_eye == pytest.approx((200 - before.right_eye[0], before.right_eye[1]))
    assert after.chin == pytest.approx((200 - before.chin[0], before.chin[1]))


def test_the_chin_lies_below_the_eyes_even_where_the_nose_is_seen_above_them() -> None:
    head_back = DetectedFace((40, 40, 80, 80), (70, 60), (50, 60), (60, 30))
    landmarks = points_of(head_back).landmarks
    assert landmarks.chin[1] - landmarks.eyes[1] == pytest.approx(20)


def test_the_largest_face_is_taken_and_all_are_counted(image: Image.Image) -> None:
    small = DetectedFace((0, 0, 20, 20), (12, 6), (6, 6), (9, 12))
    for faces in ((small, STRAIGHT, small), (STRAIGHT, small, small)):
        assert find_face(image, Sees(*faces)) == FoundFace(points_of(STRAIGHT), 3)
    found = find_face(image, Sees(small))
    assert (found.faces, found.landmarks) == (1, points_of(small).landmarks)


def test_a_photograph_without_a_face_is_refused(image: Image.Image) -> None:
    with pytest.raises(NoFaceError, match="no face was found"):
        find_face(image, Sees())
    assert issubclass(NoFaceError, ImageError)


def test_the_square_by_landmarks_is_the_one_that_alignment_cuts() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 200), dtype=np.uint8)
    photograph, landmarks = Image.fromarray(noise), points_of(STRAIGHT).landmarks
    aligner = Aligner(size=24, channels=1)
    square = aligner.crop_by(landmarks)
    assert square.width == square.height == pytest.approx(38.5 / 0.52, abs=1)
    cut = aligner.align(photograph, landmarks)
    assert (aligner.align(photograph, crop=square) == cut).all()


def test_a_chin_that_was_seen_is_taken_as_it_is() -> None:
    seen = DetectedFace((40, 40, 80, 90), (70, 60), (50, 60), (60, 72), chin=(61, 92))
    points = points_of(seen)
    assert (points.left_eye, points.right_eye, points.chin) == ((70, 60), (50, 60), (61, 92))
    assert points_of(seen.times(2)).chin == (122, 184)


@pytest.mark.parametrize(
    ("chin", "upright"),
    [((60, 100), True), ((90, 80), True), ((100, 70), False), ((20, 60), False), ((60, 20), False)],
)
def test_a_face_is_upright_if_its_chin_is_below_its_eyes(
    image: Image.Image, chin: tuple[float, float], upright: bool
) -> None:
    seen = DetectedFace((40, 40, 80, 90), (70, 60), (50, 60), (60, 72), chin=chin)
    assert seen.is_upright == upright
    small = DetectedFace((0, 0, 20, 20), (12, 6), (6, 6), (9, 12))
    found = find_face(image, Sees(seen, small))
    assert (found.points.chin == chin) == upright
    if not upright:
        with pytest.raises(NoFaceError, match="turn the photograph"):
            find_face(image, Sees(seen))
