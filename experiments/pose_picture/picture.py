"""Draw docs/pose.png: which side a pose is, shown by somebody of the packaged gallery.

.venv/bin/python -m experiments.pose_picture.picture docs/pose.png
"""

import sys
from pathlib import Path

import numpy as np

from gallery import sheets
from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces

POSES = ("-45", "0", "45")


def frontal_light(faces: FaceSet, pose: str) -> Face:
    """Return the image of the second person under a pose and nothing unusual."""
    wanted = {"pose": pose, "illumination": "17", "accessory": "none", "expression": "neutral"}
    return next(
        face
        for face in faces.of(faces.identities[1:2]).faces
        if all(face.condition.get(name) == value for name, value in wanted.items())
    )


def main(path: Path) -> None:
    """Draw three tiles side by side."""
    faces = open_faces("studio-mini")
    row = [
        sheets.Tile(np.asarray(faces.load(frontal_light(faces, pose))), f"pose={pose}")
        for pose in POSES
    ]
    sheets.save(sheets.sheet([row], tile_px=120), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
