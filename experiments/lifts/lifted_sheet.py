"""Draw docs/studio/lifted.png: python -m experiments.lifts.lifted_sheet FOLDER [OUT].

FOLDER holds the London photographs and a labels.csv (shared/data/README.md).
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.align import Aligner, Landmarks
from gallery.readers.registry import open_faces
from gallery.sheets import Tile, sheet
from gallery.studio import assets
from gallery.studio.library import Library
from gallery.studio.lift.head_model import head_model
from gallery.studio.lift.lifter import Lifter
from gallery.studio.lift.photographs import FoundPoints, PointFinder, choose, portrait
from gallery.studio.lift.writer import SHINE, stray
from gallery.studio.render import Seated

PEOPLE = ("014", "030", "042", "081", "101", "120")
YAWS_DEG = range(-45, 46, 15)
SIDE, STANDARD_LIGHT = 96, 17
EYE_CORNERS, CHIN = (33, 133, 362, 263), 152
CREDIT = "Left: Face Research Lab London Set, DeBruine and Jones 2017, CC BY 4.0"


def main() -> None:
    """Draw photographs, and the heads made of them."""
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/studio/lifted.png")
    library = Library(assets.require())
    faces = open_faces(f"folder:{sys.argv[1]}").of([f"london-{number}" for number in PEOPLE])
    looking = choose(faces, PointFinder(), head_model(library))
    while True:
        try:
            next(looking)
        except StopIteration as end:
            chosen = end.value.people
            break
    lifter = Lifter(library, 512)
    rows = [_row(lifter, number, one) for number, one in enumerate(chosen)]
    picture = sheet(rows, tile_px=72, title=CREDIT)
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4)
    few.save(out, optimize=True)


def _row(lifter: Lifter, number: int, one: FoundPoints) -> list[Tile]:
    image = one.faces.load(one.face).convert("RGB")
    eyes = one.points[list(EYE_CORNERS), :2].mean(axis=0)
    chin = one.points[CHIN, :2]
    marks = Landmarks((float(eyes[0]), float(eyes[1])), (float(chin[0]), float(chin[1])))
    lifted = lifter.lift(*portrait(image, one.points))
    seated = Seated(lifter.seat(lifted), SHINE, (0, number))
    tiles = [Tile(np.asarray(Aligner(size=SIDE, channels=3).align(image, marks)), "photograph")]
    for yaw_deg in YAWS_DEG:
        shot = stray(0, number, yaw_deg, lifted.pitch_deg)
        tiles.append(Tile(seated.pictures(shot, SIDE, [STANDARD_LIGHT])[0], str(yaw_deg)))
    return tiles


if __name__ == "__main__":
    main()
