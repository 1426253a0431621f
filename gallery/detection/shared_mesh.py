"""The one network that finds landmarks, for all who look at the same faces.

Poses and identities are read off the same portraits, one after the other; the landmarks of the
portraits seen last are kept.
"""

from functools import cache

from gallery.align import Pixels
from gallery.detection.face_mesh import FaceMesh, Meshes


class SharedMesh:
    """Finds landmarks, once for the same array."""

    def __init__(self) -> None:
        """Load the network.

        Raises:
            MissingPackageError: It is not installed.
        """
        self._mesh = FaceMesh()
        self.fingerprint = self._mesh.fingerprint
        self._last: tuple[Pixels, Meshes] | None = None

    def look(self, crops: Pixels) -> Meshes:
        """Return the points of the face in every crop; see `FaceMesh.look`.

        Args:
            crops: Not to be changed afterwards: whoever shows the same array again gets the same.
        """
        last = self._last
        if last is not None and last[0] is crops:
            return last[1]
        found = self._mesh.look(crops)
        self._last = (crops, found)
        return found


@cache
def shared_mesh() -> SharedMesh:
    """Open it, once.

    Raises:
        MissingPackageError: It is not installed.
    """
    return SharedMesh()
