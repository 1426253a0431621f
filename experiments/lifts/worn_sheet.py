"""Draw docs/studio/worn.png: python -m experiments.lifts.worn_sheet studio:SET [OUT].

SET: London photographs, lifted with `--attributes pose,accessory`.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.readers.registry import open_faces
from gallery.sheets import Tile, sheet

PEOPLE, YAWS = 3, ("0", "45")
CREDIT = "Heads made of the Face Research Lab London Set, DeBruine and Jones 2017, CC BY 4.0"


def main() -> None:
    """Draw what lifted heads wear: two poses of some people in rows, accessories in columns."""
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/studio/worn.png")
    faces = open_faces(sys.argv[1])
    shown = {(f.identity, f.condition["pose"], f.condition["accessory"]): f for f in faces.faces}
    rows = []
    for who in faces.identities[:PEOPLE]:
        for yaw in YAWS:
            worn = [(name, shown[who, yaw, name]) for name in faces.space["accessory"].values]
            rows.append(
                [Tile(np.asarray(faces.load(face).convert("RGB")), name) for name, face in worn]
            )
    picture = sheet(rows, tile_px=72, title=CREDIT)
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=4)
    few.save(out, optimize=True)


if __name__ == "__main__":
    main()
