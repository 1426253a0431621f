"""Images worn out as photographs come: small, gray, blurred, noisy, compressed, cut a bit wrong.

What scores weigh, and what yaws are worth, is fitted on lifted people, whose labels are known. As
they are, drawings of them are better than of any photograph, and a fit trusts drawings too much. On
worn copies it does not (docs/log.md, "weights of both worlds").

Shapes: S side of an image.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from gallery.align import Pixels
from gallery.faces import Face, FaceSet
from gallery.files import write_whole

LABELS = "labels.csv"


@dataclass(frozen=True, slots=True)
class Wear:
    """How worn images are; ranges that numbers are drawn from evenly, or by their logarithm.

    Attributes:
        side: Pixels that the face's square has at the end (logarithm).
        scale: Size of the square that is cut out, of what it should be (logarithm).
        shift: Of the square, as a share of its side, in x and in y, to both sides.
        gray: Share of images without colour.
        gamma: Of grey levels (logarithm).
        blur: Radius, pixels of the small image.
        noise: Deviation, grey levels.
        quality: Of the JPEG file.
    """

    side: tuple[float, float] = (24.0, 64.0)
    scale: tuple[float, float] = (0.9, 1.1)
    shift: float = 0.05
    gray: float = 0.5
    gamma: tuple[float, float] = (0.7, 1.4)
    blur: tuple[float, float] = (0.0, 0.8)
    noise: tuple[float, float] = (0.0, 6.0)
    quality: tuple[int, int] = (40, 95)


USUAL = Wear()
LARGE = Wear(side=(36.0, 128.0))  # of images with 128 pixels, what photographs of people have


def worn(pixels: Pixels, random: Generator, wear: Wear) -> bytes:
    """Return an image (S, S, 3) as a JPEG file of the same face, worn."""
    size = len(pixels)
    around = Image.fromarray(np.pad(pixels, ((size // 4,) * 2, (size // 4,) * 2, (0, 0)), "edge"))
    square = size * _logarithmic(random, wear.scale)
    left, top = size // 4 + (size - square) / 2 + size * random.uniform(-1, 1, 2) * wear.shift
    small = round(_logarithmic(random, wear.side))
    box = (left, top, left + square, top + square)
    image = around.resize((small, small), Image.Resampling.BOX, box=box)
    image = image.filter(ImageFilter.GaussianBlur(random.uniform(*wear.blur)))
    if random.random() < wear.gray:
        image = image.convert("L")
    levels = 255 * (np.asarray(image) / 255.0) ** _logarithmic(random, wear.gamma)
    levels = levels + random.normal(0, random.uniform(*wear.noise), levels.shape)
    file = io.BytesIO()
    made = Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
    made.save(file, "JPEG", quality=int(random.integers(*wear.quality, endpoint=True)))
    return file.getvalue()


def chosen(faces: FaceSet, each: int, random: Generator) -> Iterator[Face]:
    """Draw some images of every person by lot, in the order of the set."""
    for who in faces.identities:
        mine = faces.of([who]).faces
        for place in np.sort(random.permutation(len(mine))[:each]).tolist():
            yield mine[place]


def write_worn(faces: FaceSet, out: Path, each: int, seed: int, wear: Wear = USUAL) -> int:
    """Write a folder of worn images with the labels of the set, for `folder:OUT`.

    Args:
        faces: Whose images.
        out: Folder, made.
        each: Images of every person.
        seed: Of everything that is drawn by lot.
        wear: How worn they are.

    Returns:
        How many were written.
    """
    random = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    names = faces.space.names
    rows = io.StringIO(newline="")
    table = csv.writer(rows)
    table.writerow(["path", "identity", *names])
    count = 0
    for count, face in enumerate(chosen(faces, each, random), start=1):
        path = f"{count:06}.jpg"
        image = faces.load(face).convert("RGB")
        write_whole(out / path, worn(np.asarray(image), random, wear))
        said = (face.condition.get(name, "") for name in names)
        table.writerow([path, face.identity, *said])
    write_whole(out / LABELS, rows.getvalue().encode())  # last: without it nothing is labelled
    return count


def _logarithmic(random: Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(random.uniform(*np.log(ends))))
