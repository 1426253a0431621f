"""How well recognisers tell people apart, by what each is shown of a photograph.

Faces are found by a mesh of 468 points in the crop of the collection's reader, and cut by eyes and
chin as weights cut them. With --size the photograph is shrunk first, so that this cut has so many
pixels. Printed is the area under the ROC of "same person?", over all pairs and over pairs that
differ in the attribute; and how often, among all images with another value of it, that which is
most like the source shows the same person (C1 R@1 of somebody who is told the values).

Shapes: N images, P side of a portrait.
"""

import argparse
import sys
from collections.abc import Iterator

import numpy as np
from PIL import Image

from gallery.align import Aligner, Crop, Landmarks
from gallery.arrays import Floats
from gallery.detection.head_pose import CHIN, five_points
from gallery.detection.shared_mesh import shared_mesh
from gallery.faces import FaceSet
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from retrieval.recognisers import sface
from retrieval.recognisers.registry import form_of, open_recogniser

FACE = Aligner(size=60, channels=3)  # cut as all packaged weights do
FIRST_LOOK = 192  # pixels
AT_ONCE = 32


def main() -> None:
    """Measure every recogniser at every size; print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("--attribute", default="pose")
    parser.add_argument("--values", default="", help="comma-separated; default: all")
    parser.add_argument("--people", default="", help="names that begin so; default: all")
    parser.add_argument("--recognisers", default="sface,sface5")
    parser.add_argument("--sizes", default="0", help="of the cut, pixels; 0: as photographed")
    parser.add_argument("--scale", type=float, default=sface.SCALE, help="of sface5's template")
    parser.add_argument("--sure", type=float, default=sface.SURE, help="below, sface5 uses both")
    given = parser.parse_args()
    sface.SCALE, sface.SURE = given.scale, given.sure
    faces = chosen(open_faces(given.spec), given)
    people = np.array([face.identity for face in faces.faces])
    values = np.array([face.condition[given.attribute] for face in faces.faces])
    crops = [where(faces.load(face), faces.crop) for face in faces.faces]
    sys.stdout.write("| pixels | recogniser | AUC, all pairs | AUC, other value | C1 R@1, told |\n")
    sys.stdout.write("|---:|---|---:|---:|---:|\n")
    for size in map(int, given.sizes.split(",")):
        for name in given.recognisers.split(","):
            vectors = np.concatenate(list(embedded(faces, crops, name, size)))
            likeness = vectors @ vectors.T
            every, other = areas(likeness, people, values)
            found = first_right(likeness, people, values)
            numbers = " | ".join(f"{100 * one:.1f}" for one in (every, other, found))
            sys.stdout.write(f"| {size or 'all'} | `{name}` | {numbers} |\n")
            sys.stdout.flush()


def chosen(faces: FaceSet, given: argparse.Namespace) -> FaceSet:
    """Keep images with wanted values of the attribute, of wanted people."""
    wanted = given.values.split(",") if given.values else []
    return faces.where(
        lambda face: (
            face.identity is not None
            and face.identity.startswith(given.people)
            and given.attribute in face.condition
            and (not wanted or face.condition[given.attribute] in wanted)
        )
    )


def where(photo: Image.Image, crop: Crop | None) -> Crop:
    """Return the square that eyes and chin ask for, as the mesh sees them."""
    side = min(photo.size)
    middle = Crop((photo.width - side) / 2, (photo.height - side) / 2, side, side)
    first = crop or middle
    left, top, side = first.square(*photo.size)
    looked = Aligner(size=FIRST_LOOK, channels=3).align(photo, crop=first)
    points = shared_mesh().look(looked[None]).points
    scale, start = side / FIRST_LOOK, np.array([left, top])
    eyes = five_points(points)[0, :2].mean(axis=0) * scale + start
    chin = points[0, CHIN, :2] * scale + start
    return FACE.crop_by(Landmarks(tuple(eyes), tuple(chin)))


def embedded(faces: FaceSet, crops: list[Crop], name: str, size: int) -> Iterator[Floats]:
    """Embed portraits, (N, D), some at once."""
    recogniser, cut = open_recogniser(name), portrait_aligner(FACE, form_of(name))
    for start in range(0, len(crops), AT_ONCE):
        some = zip(faces.faces[start : start + AT_ONCE], crops[start:], strict=False)
        shrunk = (smaller(faces.load(face), crop, size) for face, crop in some)
        yield recogniser.embed(np.stack([cut.align(photo, crop=crop) for photo, crop in shrunk]))


def smaller(photo: Image.Image, crop: Crop, size: int) -> tuple[Image.Image, Crop]:
    """Shrink a photograph so that a square of it has so many pixels; 0: leave it as it is."""
    if not size:
        return photo, crop
    factor = size / crop.width
    width, height = (max(1, round(one * factor)) for one in photo.size)
    across, down = width / photo.width, height / photo.height
    small = photo.resize((width, height), Image.Resampling.BICUBIC)
    return small, Crop(crop.x * across, crop.y * down, crop.width * across, crop.height * down)


def areas(likeness: Floats, people: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the areas under the ROC over all pairs, and over those of two values."""
    upper = np.triu(np.ones(likeness.shape, bool), 1)
    same = people[:, None] == people
    other = upper & (values[:, None] != values)
    return tuple(area(likeness[pairs & same], likeness[pairs & ~same]) for pairs in (upper, other))


def area(positive: Floats, negative: Floats) -> float:
    """Return how often a pair of one person is more alike than one of two; ties count half."""
    below = np.searchsorted(np.sort(negative), positive, "left").sum()
    upto = np.searchsorted(np.sort(negative), positive, "right").sum()
    return float(below + upto) / 2 / len(positive) / len(negative)


def first_right(likeness: Floats, people: np.ndarray, values: np.ndarray) -> float:
    """Return how often the most alike of each other value shows the same person."""
    right = []
    for value in np.unique(values):
        there = np.flatnonzero(values == value)
        asked = np.flatnonzero((values != value) & np.isin(people, people[there]))
        best = there[likeness[np.ix_(asked, there)].argmax(axis=1)]
        right.append(people[best] == people[asked])
    return float(np.concatenate(right).mean())


if __name__ == "__main__":
    main()
