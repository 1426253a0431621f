"""What 468 points tell of strengths: of drawn faces, where they are exact, and of photographs.

Of drawn faces: means and deviations of each measure by strength, and how far the lines in
gallery/detection/strengths.py are off. Of photographs called NNN_neutral.jpg and NNN_smiling.jpg:
means of both, and how well a threshold parts them.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from gallery.align import Aligner, Pixels
from gallery.detection.face_mesh import FaceMesh
from gallery.detection.geometry import find_face
from gallery.detection.head_pose import Openings, openings
from gallery.detection.mesh_detector import MeshDetector
from gallery.detection.strengths import BATCH, LINES, SIDE
from gallery.images import load
from gallery.readers.registry import open_faces

SHUT = "eyes-closed"


def told(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def opened(crops: Pixels, mesh: FaceMesh) -> Openings:
    """Measure faces (N, S, S, 3)."""
    starts = range(0, len(crops), BATCH)
    return openings(np.concatenate([mesh.look(crops[at : at + BATCH]).points for at in starts]))


def eyes(found: Openings) -> np.ndarray:
    """Return how far both eyes are open, (N,)."""
    return np.asarray((found.left_eye + found.right_eye) / 2)


def of_drawn(spec: str, mesh: FaceMesh) -> None:
    """Print measures by strength, and errors of the lines."""
    faces, aligner = open_faces(spec), Aligner(size=SIDE, channels=3)
    found = opened(np.stack([aligner.align(faces.load(one)) for one in faces.faces]), mesh)
    told(f"{len(faces)} drawn faces of {len(faces.identities)} people")
    for name in faces.space.names:
        true = np.array([float(one.condition[name]) for one in faces.faces])
        line = LINES.get(name)
        measured = eyes(found) if line is None else line.measure(found)
        means = [
            f"{value:g}: {measured[true == value].mean():.3f} ± {measured[true == value].std():.3f}"
            for value in np.unique(true)
        ]
        told(f"{name}: {'; '.join(means)}")
        if line is not None:
            off = line.strengths(found) - true
            told(f"  root mean square error {np.sqrt(np.square(off).mean()):.3f}")


def of_photographs(folder: Path, mesh: FaceMesh) -> None:
    """Print what smiles of photographs measure."""
    aligner, detector = Aligner(size=SIDE, channels=3), MeshDetector()
    paths = sorted(folder.glob("*_*.jpg"))
    images = [load(path) for path in paths]
    crops = [aligner.align(one, find_face(one, detector).points.landmarks) for one in images]
    smiles = np.array(["smiling" in path.name for path in paths])
    found = opened(np.stack(crops), mesh)
    smile_of = LINES["smile"].strengths(found)
    told(f"{len(paths)} photographs, {smiles.sum()} of them smiling")
    for name, chosen in (("neutral", ~smiles), ("smiling", smiles)):
        width, smile = found.mouth_width[chosen], smile_of[chosen]
        told(f"{name}: width {width.mean():.3f} ± {width.std():.3f}, smile {smile.mean():.2f}")
    limits = np.linspace(0, 1, 101)
    right = [((smile_of > limit) == smiles).mean() for limit in limits]
    told(f"smile > {limits[np.argmax(right)]:.2f} is right of {100 * max(right):.1f} %")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", help="A drawn set of strengths.")
    parser.add_argument("--photographs", type=Path, help="Folder of NNN_neutral|smiling.jpg.")
    given, mesh = parser.parse_args(), FaceMesh()
    of_drawn(given.spec, mesh)
    if given.photographs is not None:
        of_photographs(given.photographs, mesh)


if __name__ == "__main__":
    main()
