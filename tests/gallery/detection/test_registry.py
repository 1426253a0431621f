from collections.abc import Sequence

import pytest
from PIL import Image

from gallery.detection import registry
from gallery.detection.geometry import DetectedFace
from gallery.detection.registry import open_detector, require_detector
from gallery.errors import ConfigError
from gallery.third_party import MissingPackageError

UPRIGHT = DetectedFace((0, 0, 20, 20), (14, 6), (6, 6), (10, 12), chin=(10, 20))
LYING = DetectedFace((0, 0, 20, 20), (6, 14), (6, 6), (12, 10), chin=(20, 10))
ALBUM = Image.new("L", (30, 30))


def detector(*faces: DetectedFace, missing: bool = False) -> type:
    """Make a kind of detector that sees these faces, or that is not installed."""

    class Sees:
        @staticmethod
        def require() -> None:
            if missing:
                raise MissingPackageError("install me")

        def look(self, image: Image.Image) -> Sequence[DetectedFace]:  # noqa: ARG002
            return faces

    return Sees


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((UPRIGHT,), (), (UPRIGHT,)),
        ((), (UPRIGHT,), (UPRIGHT,)),
        ((LYING,), (UPRIGHT,), (UPRIGHT,)),
        ((LYING,), (), (LYING,)),
        ((), (), ()),
    ],
)
def test_the_first_detector_that_sees_an_upright_face_answers(
    monkeypatch: pytest.MonkeyPatch,
    first: tuple[DetectedFace, ...],
    second: tuple[DetectedFace, ...],
    expected: tuple[DetectedFace, ...],
) -> None:
    kinds = {"one": detector(*first), "two": detector(*second)}
    monkeypatch.setattr(registry, "DETECTORS", kinds)
    assert open_detector().look(ALBUM) == expected
    assert open_detector("two").look(ALBUM) == second


def test_what_is_not_installed_is_passed_over_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {"one": detector(missing=True), "two": detector(UPRIGHT)}
    monkeypatch.setattr(registry, "DETECTORS", kinds)
    assert open_detector().look(ALBUM) == (UPRIGHT,)
    with pytest.raises(MissingPackageError, match="install me"):
        open_detector("one")
    monkeypatch.setattr(registry, "DETECTORS", {"one": detector(missing=True)})
    with pytest.raises(MissingPackageError, match="install me"):
        require_detector()


def test_an_unknown_detector_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown detector 'mehs'; did you mean 'mesh'"):
        require_detector("mehs")
