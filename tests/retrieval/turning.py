"""Landmarks of heads that are turned by how bright a picture is, or of nobody."""

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Doubles, Floats
from gallery.detection.face_mesh import POINTS, Meshes
from gallery.detection.head_pose import CHIN, LEFT_CORNERS, RIGHT_CORNERS

STEP = 3  # degrees for each grey level of the mean


def turned_by(yaws: Doubles) -> Floats:
    """Return points of heads that are turned by so many degrees, (N, 468, 3)."""
    points = np.zeros((len(yaws), POINTS, 3), np.float32)
    turn = np.radians(yaws)
    points[:, RIGHT_CORNERS[1], 0], points[:, RIGHT_CORNERS[1], 2] = np.cos(turn), -np.sin(turn)
    points[:, LEFT_CORNERS[0]] = 0
    points[:, CHIN, 1] = 1
    return points


def yaws_in(crops: Pixels) -> Doubles:
    """Return by how much heads are taken to be turned, -60..60 degrees, (N,)."""
    mean = crops.reshape(len(crops), -1).mean(axis=1)
    return np.asarray(STEP * mean % 120 - 60)


class Turning:
    """Finds a head in every picture."""

    fingerprint = "turning 1"

    def look(self, crops: Pixels) -> Meshes:
        """Find the points of every head."""
        return Meshes(turned_by(yaws_in(crops)), np.ones(len(crops), np.float32))


class Nobody:
    """Finds no face."""

    fingerprint = "nobody"

    def look(self, crops: Pixels) -> Meshes:
        """Find nothing."""
        return Meshes(turned_by(np.zeros(len(crops))), np.zeros(len(crops), np.float32))
