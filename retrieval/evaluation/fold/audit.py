"""Whether test images are, to the pixel or nearly, among the training images.

Images are compared as the networks see them, aligned. Equal pixels are found by their SHA-256,
near ones by a difference hash: of the image reduced to 17 x 16 grey levels, whether each is darker
than its right neighbour, 256 bits. Images whose hashes differ in at most NEAR bits are near: a
photograph saved once more, say. Two such hashes share at least one of four runs of 64 bits, by
which they are looked up.

Source: Krawetz, "Kind of like that" (dHash), hackerfactor.com, 2013.

Shapes: N images, S side, C channels.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.align import Pixels
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.records import BenchmarkProgress

NEAR = 3
RUNS = 4
Bits = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Twins:
    """Test images that are among the training images.

    Attributes:
        equal: Positions of those with equal pixels.
        near: Positions of the others that are near.
    """

    equal: tuple[int, ...]
    near: tuple[int, ...]


def find_twins(test: Pixels, train: Pixels) -> Steps[Twins]:
    """Compare aligned test images with training images, (N, S, S, C) each."""
    total = len(test) + len(train)
    known: set[str] = set()
    by_run: list[dict[int, list[Bits]]] = [defaultdict(list) for _ in range(RUNS)]
    for done, image in enumerate(train, start=1):
        known.add(content_sha256(image))
        bits = difference_hash(image)
        for number, run in enumerate(bits.tolist()):
            by_run[number][run].append(bits)
        yield BenchmarkProgress("comparing test with training images", done, total)
    equal, near = [], []
    for position, image in enumerate(test):
        if content_sha256(image) in known:
            equal.append(position)
        elif _has_near(difference_hash(image), by_run):
            near.append(position)
        yield BenchmarkProgress(
            "comparing test with training images", len(train) + position + 1, total
        )
    return Twins(tuple(equal), tuple(near))


def content_sha256(image: Pixels) -> str:
    """Return a hash of an image's shape and pixels."""
    content = np.ascontiguousarray(image).tobytes()
    return hashlib.sha256(str(image.shape).encode() + content).hexdigest()


def difference_hash(image: Pixels) -> Bits:
    """Return the 256 bits of an image (S, S, C) as RUNS numbers."""
    levels = image[..., 0] if image.shape[2] == 1 else image
    small = Image.fromarray(np.ascontiguousarray(levels)).convert("L")
    grey = np.asarray(small.resize((17, 16), Image.Resampling.BOX))
    darker = grey[:, :-1] < grey[:, 1:]
    bits: Bits = np.packbits(darker).view(np.uint64)
    return bits


def _has_near(bits: Bits, by_run: list[dict[int, list[Bits]]]) -> bool:
    return any(
        sum(one.bit_count() for one in (bits ^ other).tolist()) <= NEAR
        for number, run in enumerate(bits.tolist())
        for other in by_run[number].get(run, ())
    )
