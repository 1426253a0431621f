from dataclasses import replace

import numpy as np
import pytest

from gallery.studio.attributes import EXPRESSIONS
from gallery.studio.geometry import FaceExpression, chin, eyes, head_shape, old_age
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library

PERSON = sample_identity(0, 20)


def test_eyes_lie_left_and_right_above_the_chin(library: Library) -> None:
    shape = head_shape(library, PERSON, 30)
    left, right = eyes(shape)
    assert left[0] > 0.2 > -0.2 > right[0]
    assert min(left[1], right[1]) > chin(shape)[1] + 0.7


def test_a_slider_moves_the_part_that_it_is_named_after(library: Library) -> None:
    body = replace(PERSON.body, sliders={})
    plain = replace(PERSON, body=body)
    wide = replace(PERSON, body=replace(body, sliders={"chin-width-incr": 0.6}))
    moved = head_shape(library, wide, 30) - head_shape(library, plain, 30)
    low = moved[:13380][np.linalg.norm(moved[:13380], axis=1) > 0.01]
    assert len(low) > 0
    assert np.abs(low[:, 0]).max() > np.abs(low[:, 2]).max()


@pytest.mark.parametrize("name", [name for name in EXPRESSIONS if name != "neutral"])
def test_an_expression_moves_the_face_and_not_the_skull(library: Library, name: str) -> None:
    still, moved = (
        head_shape(library, PERSON, 30, FaceExpression(which)) for which in ("neutral", name)
    )
    distance = np.linalg.norm(moved - still, axis=1)[:13380]
    top = still[:13380, 1] > eyes(still)[0, 1] + 0.7
    assert distance.max() > 0.05
    assert distance[top].max() < 0.02


def test_age_shows_later_in_some_people() -> None:
    slow, fast = (replace(PERSON.body, ageing=pace) for pace in (0.8, 1.1))
    assert old_age(slow, 20) == old_age(fast, 20) == 0
    assert old_age(slow, 60) < old_age(fast, 60)
