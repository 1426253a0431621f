"""Duplicates between test and training images are found, and look-alikes are not."""

import io

import numpy as np
from PIL import Image

from gallery.align import Pixels
from retrieval.evaluation.fold.audit import Twins, find_twins


def photographs(count: int, seed: int, channels: int = 3) -> Pixels:
    """Smooth images, as photographs are."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 8, 8, channels), dtype=np.uint8)
    found = []
    for one in coarse:
        image = Image.fromarray(one[..., 0] if channels == 1 else one)
        found.append(np.asarray(image.resize((40, 40), Image.Resampling.BICUBIC)))
    return np.stack(found).reshape(count, 40, 40, channels)


def saved_again(image: Pixels) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=95)
    return np.asarray(Image.open(buffer))


def twins(test: Pixels, train: Pixels) -> Twins:
    steps = find_twins(test, train)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Twins = stop.value
            return found


def test_equal_and_nearly_equal_images_are_told_from_others() -> None:
    train = photographs(30, 0)
    test = np.concatenate([photographs(5, 1), train[3:4], saved_again(train[7])[None]])
    found = twins(test, train)
    assert found == Twins(equal=(5,), near=(6,))


def test_gray_images_are_compared_too() -> None:
    train = photographs(10, 0, channels=1)
    assert twins(train[[4]], train) == Twins(equal=(0,), near=())
    assert twins(photographs(10, 5, channels=1), train) == Twins((), ())


def test_faces_that_differ_in_a_few_pixels_are_near() -> None:
    train = photographs(10, 0)
    changed = train[2].copy()
    changed[0, 0] = 255 - changed[0, 0]
    assert twins(changed[None], train) == Twins((), (0,))
