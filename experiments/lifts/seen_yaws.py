"""How far turned the face mesh sees heads: python -m experiments.lifts.seen_yaws SPEC."""

import sys
from collections import defaultdict

import numpy as np

from gallery.attributes import as_number
from gallery.detection.face_mesh import FaceMesh
from gallery.detection.head_pose import head_pose
from gallery.faces import FaceSet
from gallery.readers.registry import open_faces

PEOPLE, LIGHT, SIDE = 16, "17", 192


def main() -> None:
    """Write a table: pose, median yaw and its standard deviation over people, of each set."""
    mesh = FaceMesh()
    for spec in sys.argv[1:]:
        sys.stdout.write(f"{spec}\n")
        for pose, yaws in sorted(_seen(open_faces(spec), mesh).items()):
            line = f"{pose:4.0f}: median {np.median(yaws):6.1f}, sd {np.std(yaws):4.1f}"
            sys.stdout.write(f"  {line}, {len(yaws)} images\n")


def _seen(faces: FaceSet, mesh: FaceMesh) -> dict[float, list[float]]:
    people = faces.identities[:: max(1, len(faces.identities) // PEOPLE)][:PEOPLE]
    usual = {"illumination": LIGHT, "expression": "neutral", "accessory": "none"}
    usual["occlusion"] = "none"
    seen: dict[float, list[float]] = defaultdict(list)
    for face in faces.of(people).faces:
        if any(face.condition.get(name, value) != value for name, value in usual.items()):
            continue
        image = faces.load(face).convert("RGB").resize((SIDE, SIDE))
        pose = as_number(face.condition["pose"])
        if pose is not None:
            points = mesh.look(np.asarray(image)[None]).points
            seen[pose].append(float(head_pose(points).yaw[0]))
    return seen


if __name__ == "__main__":
    main()
