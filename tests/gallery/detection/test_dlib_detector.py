"""dlib's detector, where it is installed, on drawn faces; and what is said where it is not."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from gallery import third_party
from gallery.detection import dlib_models
from gallery.detection.dlib_detector import DlibDetector, scales
from gallery.detection.geometry import find_face
from gallery.readers.registry import open_faces
from gallery.third_party import MissingPackageError

INSTALLED = None not in (find_spec("face_recognition_models"), find_spec("dlib"))
needs_dlib = pytest.mark.skipif(not INSTALLED, reason='needs dlib: pip install "mindseye[faces]"')


@pytest.fixture(scope="module")
def detector() -> DlibDetector:
    return DlibDetector()


@pytest.fixture(scope="module")
def faces() -> list[Image.Image]:
    """Three people of the packaged gallery, 60 x 60 pixels, eyes and chin where alignment is."""
    mini = open_faces("studio-mini")
    wanted = (f for f in mini.faces if dict(f.condition).items() >= {"pose": "0"}.items())
    by_person = {face.identity: face for face in wanted if face.condition["illumination"] == "17"}
    return [mini.load(face) for face in list(by_person.values())[:3]]


def album(*placed: tuple[Image.Image, int, tuple[int, int]]) -> Image.Image:
    """A gray photograph with faces of some sides at some places."""
    picture = Image.new("RGB", (140, 100), (120, 120, 120))
    for face, side, place in placed:
        picture.paste(face.resize((side, side), Image.Resampling.BICUBIC), place)
    return picture


@needs_dlib
def test_eyes_and_chin_are_found_where_they_were_drawn(
    detector: DlibDetector, faces: list[Image.Image]
) -> None:
    for face in faces[:2]:
        found = find_face(album((face, 60, (40, 20))), detector)
        assert found.faces == 1
        height = 0.52 * 60
        eyes, chin = np.array(found.landmarks.eyes), np.array(found.landmarks.chin)
        assert np.abs(eyes - (70, 20 + 0.41 * 60)).max() < 0.12 * height
        assert np.abs(chin - (70, 20 + 0.93 * 60)).max() < 0.12 * height
        left, right = found.points.left_eye[0], found.points.right_eye[0]
        assert left > right  # the person's left is on the picture's right


@needs_dlib
def test_of_several_faces_the_largest_is_taken(
    detector: DlibDetector, faces: list[Image.Image]
) -> None:
    found = find_face(album((faces[0], 50, (4, 4)), (faces[1], 76, (58, 18))), detector)
    assert found.faces == 2
    assert found.landmarks.eyes == pytest.approx((96, 49), abs=6)


@needs_dlib
def test_nothing_is_found_on_a_wall(detector: DlibDetector) -> None:
    assert not detector.look(Image.new("L", (40, 30), 120))
    for size in ((3, 1), (1, 1), (2000, 1), (1, 9000)):
        assert not detector.look(Image.new("L", size, 120))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((128, 120), (2.5, 4.0)),
        ((320, 200), (2.0, 4.0)),
        ((300, 640), (1.0, 2.5)),
        ((4000, 3000), (0.16, 0.4)),
    ],
)
def test_small_photographs_are_enlarged_and_large_ones_bounded(
    size: tuple[int, int], expected: tuple[float, ...]
) -> None:
    assert scales(*size) == pytest.approx(expected)


@needs_dlib
def test_a_photograph_is_searched_again_only_if_nothing_was_found(
    detector: DlibDetector, monkeypatch: pytest.MonkeyPatch, faces: list[Image.Image]
) -> None:
    sizes: list[tuple[int, ...]] = []

    def nothing(pixels: np.ndarray, _: int) -> list[object]:
        sizes.append(pixels.shape)
        return []

    monkeypatch.setattr(detector, "_detect", nothing)
    assert detector.look(faces[0].convert("L").resize((640, 320))) == ()
    assert sizes == [(320, 640, 3), (800, 1600, 3)]


def test_missing_packages_are_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(third_party, "find_spec", lambda _: None)
    with pytest.raises(
        MissingPackageError,
        match=r"face_recognition_models is not installed; pip install 'mindseye\[faces\]'",
    ):
        DlibDetector()


def test_dlib_itself_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    with pytest.raises(MissingPackageError, match="dlib is not installed; get it"):
        dlib_models.import_dlib("get it")
