"""Label portraits for lifting: what is worn on eyes and head, and the expression.

python -m experiments.lifts.label_portraits FOLDER

FOLDER is one that experiments/photographs/split.py wrote. Its labels.csv is written anew, with the
columns expression and accessory in the studio's words. The accessory of official portraits is what
accessories.txt says; of others it is none. "smiling" is "happy". An expression that no label tells
is happy or neutral by the width of the mouth, where that is clear.
"""

import csv
import io
import sys
from collections import Counter
from pathlib import Path

from gallery.detection.geometry import NoFaceError
from gallery.detection.strengths import strengths_of
from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from gallery.files import write_whole
from gallery.readers.registry import open_faces
from gallery.studio.lift.photographs import PointFinder

WORN = Path(__file__).parent / "accessories.txt"
HAPPY, NEUTRAL = 0.25, 0.10  # smiles from which, and up to which, the mouth's width is clear
WORDS = {"smiling": "happy", "neutral": "neutral", "happy": "happy"}
Row = dict[str, str]


def main(folder: str) -> None:
    """Write labels.csv anew."""
    path, worn = Path(folder) / "labels.csv", _worn()
    faces = open_faces(f"folder:{folder}")
    by_name = {face.name: face for face in faces.faces}
    finder = PointFinder()
    text = io.StringIO()
    lines = csv.DictWriter(
        text, ["path", "identity", "expression", "accessory"], lineterminator="\n"
    )
    lines.writeheader()
    counted: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(path.read_text("utf-8"))):
        name = row["path"]
        said = WORDS.get(row["expression"]) or _expression(faces, by_name[name], finder)
        wears = "worn" if name in worn else "none"
        lines.writerow({**row, "expression": said, "accessory": wears})
        counted.update((f"expression={said or '?'}", f"accessory={wears}"))
    write_whole(path, text.getvalue().encode())
    sys.stdout.write(", ".join(f"{what} {count}" for what, count in sorted(counted.items())) + "\n")


def _worn() -> set[str]:
    lines = WORN.read_text("utf-8").splitlines()
    numbers = " ".join(line for line in lines if not line.startswith("#")).split()
    return {f"official/{number}.jpg" for number in numbers}


def _expression(faces: FaceSet, face: Face, finder: PointFinder) -> str:
    try:
        points = finder.look(faces.load(face).convert("RGB"), face)
    except (ImageError, NoFaceError):
        return ""
    smile = float(strengths_of(points[None])["smile"][0])
    return "happy" if smile >= HAPPY else "neutral" if smile <= NEUTRAL else ""


if __name__ == "__main__":
    main(*sys.argv[1:])
