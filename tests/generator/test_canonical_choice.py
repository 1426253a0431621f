"""Images redrawn as they are, by an engine whose errors are known."""

import numpy as np
import pytest

from gallery.attributes import Attribute, Condition
from generator import canonical
from tests.drawing import Told, numbered

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
ERRORS = np.array([(10, 500, 90, 4, 1), (500, 20, 30, 1, 4)], np.float32)
LIKELY = np.array([(0.2, 0.7, 0.1, 0.6, 0.4), (0.1, 0.2, 0.7, 0.3, 0.7)], np.float32)


def test_an_estimated_view_is_drawn_in_the_likeliest_values() -> None:
    found = canonical.estimated(Told(ERRORS, LIKELY, POSE, LIGHT), numbered(2))
    assert found.conditions == (
        Condition(pose="0", light="left"),
        Condition(pose="45", light="right"),
    )
    assert found.errors == pytest.approx([504, 34], rel=1e-4)
    assert canonical.errors_of(found.drawn.refined, numbered(2)).tolist() == found.errors.tolist()


def test_a_closest_view_is_drawn_in_the_values_of_the_smallest_errors() -> None:
    found = canonical.closest(Told(ERRORS, None, POSE, LIGHT), numbered(2))
    assert found.conditions == (
        Condition(pose="-45", light="right"),
        Condition(pose="0", light="left"),
    )
    assert found.errors == pytest.approx([11, 21], rel=1e-4)


def test_a_handicap_is_added_before_views_are_compared() -> None:
    engine = Told(ERRORS[:, :3], None, POSE)
    handicap = np.array([(81, 0, 0), (0, 9, 0)], np.float32)
    found = canonical.closest(engine, numbered(2), handicap=handicap)
    assert [one["pose"] for one in found.conditions] == ["45", "0"]
    assert found.errors == pytest.approx([90, 20], rel=1e-4)
