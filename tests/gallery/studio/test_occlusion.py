import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.studio.occlusion import SHAPES, block_shape, occlude

WHITE = np.full((60, 60, 3), 255, np.uint8)
keys = st.tuples(st.integers(0, 2**31), st.integers(0, 2**31))


def test_no_occlusion_leaves_the_image() -> None:
    assert occlude(WHITE, "none", (1,)) is WHITE


def test_the_bar_hides_the_eyes_and_neither_mouth_nor_hair() -> None:
    hidden = occlude(WHITE, "eyes", (1,)).max(axis=2) == 0
    eye_line = round(0.41 * 60)
    assert hidden[eye_line, 15:45].all()
    assert not hidden[:15].any()
    assert not hidden[35:].any()


@given(keys, st.integers(32, 256))
def test_a_block_lies_inside_the_image_and_is_whole(key: tuple[int, int], side: int) -> None:
    white = np.full((side, side, 3), 255, np.uint8)
    hidden = occlude(white, "block", key).max(axis=2) == 0
    areas = [block_shape(number).mean() for number in range(SHAPES)]
    assert min(areas) - 0.02 < hidden.mean() < max(areas) + 0.02


def test_the_same_key_gives_the_same_block_and_others_differ() -> None:
    drawn = [occlude(WHITE, "block", (5, key)) for key in range(40)]
    assert (occlude(WHITE, "block", (5, 3)) == drawn[3]).all()
    assert len({image.tobytes() for image in drawn}) > 35


def test_there_are_ten_different_shapes_of_about_an_eighth_of_the_image() -> None:
    shapes = [block_shape(number) for number in range(SHAPES)]
    assert len({shape.tobytes() for shape in shapes}) == 10
    assert all(0.08 < shape.mean() < 0.16 for shape in shapes)


def test_an_unknown_occlusion_is_refused() -> None:
    with pytest.raises(ValueError, match="none, block or eyes, got 'hat'"):
        occlude(WHITE, "hat", (1,))
