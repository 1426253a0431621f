"""The detectors of faces, by name.

`auto` asks the one after the other until one finds a face: MediaPipe's (`mesh`), which is faster
and sees chins, then dlib's, of those that are installed. dlib's does not enlarge for small faces
then, which takes up to 12 s and 2 GB: the first one sees smaller ones.
"""

from collections.abc import Callable, Sequence
from functools import partial

from PIL import Image

from gallery.detection.dlib_detector import SEARCHES, DlibDetector
from gallery.detection.geometry import DetectedFace, Detector
from gallery.detection.mesh_detector import MeshDetector
from gallery.errors import ConfigError, did_you_mean
from gallery.third_party import MissingPackageError

AUTO = "auto"
DETECTORS: dict[str, type[MeshDetector] | type[DlibDetector]] = {
    "mesh": MeshDetector,
    "dlib": DlibDetector,
}
_AFTER_OTHERS: dict[str, Callable[[], Detector]] = {
    "dlib": partial(DlibDetector, searches=SEARCHES[:1])
}


class InTurn:
    """Asks several detectors, the first that finds a face answers."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """Take the detectors, in the order in which they are asked."""
        self._detectors = tuple(detectors)

    def look(self, image: Image.Image) -> Sequence[DetectedFace]:
        """Return the faces of an upright image, in mode "L" or "RGB"; none may be there.

        Of a detector that sees none upright the answer is kept until none of the others does.
        """
        lying: Sequence[DetectedFace] = ()
        for detector in self._detectors:
            seen = detector.look(image)
            if any(one.is_upright for one in seen):
                return seen
            lying = lying or seen
        return lying


def open_detector(name: str = AUTO) -> Detector:
    """Load a detector.

    Args:
        name: "mesh", "dlib", or "auto": those that are installed, in turn.

    Raises:
        ConfigError: There is none of this name.
        MissingPackageError: What it needs is not installed; of "auto", no detector is.
    """
    first, *others = _installed(name)
    later = [_AFTER_OTHERS.get(one, DETECTORS[one])() for one in others]
    return InTurn([DETECTORS[first](), *later])


def require_detector(name: str = AUTO) -> None:
    """Refuse, before anything large is loaded, what is not installed.

    Raises:
        ConfigError: There is no detector of this name.
        MissingPackageError: As `open_detector`.
    """
    _installed(name)


def _installed(name: str) -> list[str]:
    """Return the detectors that a name stands for, of those that are installed."""
    if name != AUTO:
        if name not in DETECTORS:
            raise ConfigError(
                f"unknown detector {name!r}; {did_you_mean(name, (AUTO, *DETECTORS))}"
            )
        DETECTORS[name].require()
        return [name]
    found: list[str] = []
    missing: list[MissingPackageError] = []
    for one, kind in DETECTORS.items():
        try:
            kind.require()
            found.append(one)
        except MissingPackageError as error:
            missing.append(error)
    if not found:
        raise missing[0]
    return found
