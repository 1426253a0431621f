"""Make the packaged set `photographs-mini` out of the UCI CMU Face Images.

python -m experiments.photographs_mini.make cmu-faces:cmu-faces.tar.gz gallery/photographs_mini
"""

import csv
import io
import sys
from pathlib import Path

from gallery.faces import Face
from gallery.files import write_whole
from gallery.readers.registry import open_faces

# Six people of whom every shot is there; they are numbered in the set.
PEOPLE = ("an2i", "boland", "ch4f", "night", "saavik", "steffi")
POSES = {"left": "-45", "straight": "0", "right": "45"}  # by the nose's side, as in other sets
EYES = {"open": "none", "sunglasses": "sunglasses"}
EXPRESSIONS = ("neutral", "happy", "angry")
COLUMNS = ("path", "identity", "pose", "expression", "accessory")


def main(spec: str, out: str) -> None:
    """Write the images, without loss, and their labels."""
    faces = open_faces(spec)
    rows = []
    for number, person in enumerate(PEOPLE, start=1):
        for face in faces.of([person]).faces:
            if face.condition["pose"] in POSES and face.condition["expression"] in EXPRESSIONS:
                row = _row(face, f"cmu-{number}")
                rows.append(row)
                file = io.BytesIO()
                faces.load(face).convert("L").save(
                    file, "WEBP", lossless=True, quality=100, method=6
                )
                target = Path(out) / row[0]
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, file.getvalue())
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])
    write_whole(Path(out) / "labels.csv", text.getvalue().encode())


def _row(face: Face, who: str) -> tuple[str, ...]:
    shown = face.condition
    pose, eyes = POSES[shown["pose"]], EYES[shown["eyes"]]
    name = f"{who}/{shown['pose']}-{shown['expression']}-{shown['eyes']}.webp"
    return name, who, pose, shown["expression"], eyes


if __name__ == "__main__":
    main(*sys.argv[1:])
