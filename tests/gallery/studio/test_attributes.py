import pytest

from gallery.errors import WishError
from gallery.studio.attributes import SPACE, STANDARD, space


def test_the_default_poses_are_the_seven_of_the_papers() -> None:
    drawn = space(["pose"], {})
    assert drawn["pose"].values == ("-45", "-30", "-15", "0", "15", "30", "45")
    assert drawn["pose"].unit == "degree"


def test_named_values_stand_in_the_studio_s_order_and_spelling() -> None:
    drawn = space(["accessory", "pose"], {"pose": ["+90", "0"], "accessory": ["cap", "none"]})
    assert drawn.names == ("accessory", "pose")
    assert drawn["pose"].values == ("0", "90")
    assert drawn["accessory"].values == ("none", "cap")


def test_an_unknown_value_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(WishError, match=r"expression has no value 'hapy'; did you mean 'happy'"):
        space(["expression"], {"expression": ["hapy"]})


def test_every_standard_value_is_one_that_can_be_drawn() -> None:
    assert SPACE.check(STANDARD) == STANDARD


def test_there_are_twenty_illuminations_thirteen_yaws_and_seven_of_the_named_attributes() -> None:
    counts = {attribute.name: len(attribute.values) for attribute in SPACE.attributes}
    assert counts == {
        "pose": 13,
        "illumination": 20,
        "expression": 7,
        "accessory": 7,
        "age": 5,
        "occlusion": 3,
    }


def test_strengths_are_drawn_as_they_are_named_between_the_grid_too() -> None:
    drawn = space(["smile", "jaw-open"], {"smile": ["0.6", "0", "1.0"]})
    assert drawn["smile"].values == ("0", "0.6", "1")
    assert drawn["jaw-open"].values == ("0", "0.25", "0.5", "0.75", "1")
    assert drawn["jaw-open"].is_strength
    with pytest.raises(WishError, match="smile is a strength from 0 to 1"):
        space(["smile"], {"smile": ["2"]})
