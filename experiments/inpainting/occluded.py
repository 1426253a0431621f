"""Lay the papers' occlusions over photographs.

python -m experiments.inpainting.occluded SPEC OUT [--landmarks FILE]

OUT becomes a folder that `folder:OUT` reads: of each photograph of SPEC whose person is known the
aligned face, clean and under each occlusion. Its labels.csv says `occlusion`, and what SPEC tells.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.align import Aligner
from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from gallery.marks import marked
from gallery.readers.labels import FILE, write_labels
from gallery.readers.registry import open_faces
from gallery.studio.attributes import OCCLUSIONS
from gallery.studio.occlusion import occlude

SIDE = 120  # of the pictures, pixels


def main(arguments: list[str] | None = None) -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("out", type=Path)
    parser.add_argument("--landmarks", type=Path)
    given = parser.parse_args(arguments)
    faces = open_faces(given.spec)
    if given.landmarks:
        faces = marked(faces, given.landmarks)
    given.out.mkdir(parents=True)
    write_labels(given.out / FILE, list(_written(faces, given.out)))


def _written(faces: FaceSet, out: Path) -> Iterator[Face]:
    aligner = Aligner(size=SIDE, channels=3, crop=faces.crop)
    for number, face in enumerate(faces.faces):
        if face.identity is None:
            continue
        try:
            pixels = aligner.align(faces.load(face), face.landmarks)
        except ImageError:
            continue  # it is in no gallery of a benchmark either
        for kind in OCCLUSIONS:
            name = f"{number:06d}-{kind}.png"
            shown = occlude(np.ascontiguousarray(pixels), kind, (number,))
            Image.fromarray(shown).save(out / name)
            known = face.condition.replace(occlusion=kind)
            yield replace(face, name=name, condition=known, landmarks=None)


if __name__ == "__main__":
    main()
