import json
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import (
    Attribute,
    AttributeSpace,
    Condition,
    as_number,
    natural_key,
    space_of,
)
from gallery.errors import ConfigError, WishError

POSE = Attribute("pose", ("-45", "0", "45"), unit="degree")
EYES = Attribute("eyes", ("open", "sunglasses"))
SPACE = AttributeSpace((POSE, EYES))

words = st.text(string.ascii_letters + string.digits + "-+.° ", min_size=1, max_size=8).filter(
    lambda text: text == text.strip() != ""
)


@st.composite
def spaces(draw: st.DrawFn) -> AttributeSpace:
    names = draw(st.lists(words, unique=True, min_size=1, max_size=4))
    return AttributeSpace(
        tuple(
            Attribute(name, tuple(draw(st.lists(words, unique=True, min_size=1, max_size=5))))
            for name in names
        )
    )


@st.composite
def spaces_with_conditions(draw: st.DrawFn) -> tuple[AttributeSpace, Condition]:
    space = draw(spaces())
    return space, Condition({a.name: draw(st.sampled_from(a.values)) for a in space.attributes})


# Conditions


def test_a_condition_reads_like_a_mapping() -> None:
    condition = Condition(pose="45", eyes="open")
    assert dict(condition) == {"pose": "45", "eyes": "open"}
    assert condition["pose"] == "45"
    assert len(condition) == 2
    assert str(condition) == "pose=45 eyes=open"


def test_conditions_are_equal_whatever_their_order_and_then_hash_alike() -> None:
    one, other = Condition(pose="45", eyes="open"), Condition(eyes="open", pose="45")
    assert one == other
    assert len({one, other, Condition(pose="0", eyes="open")}) == 2


def test_replacing_leaves_the_first_condition_as_it_was() -> None:
    condition = Condition(pose="45")
    assert condition.replace(pose="0", eyes="open") == {"pose": "0", "eyes": "open"}
    assert condition.replace({"pose": "0"}) == {"pose": "0"}
    assert condition == {"pose": "45"}


def test_a_condition_is_parted_by_attributes() -> None:
    condition = Condition(pose="45", eyes="open")
    assert condition.only(["pose", "unknown"]) == {"pose": "45"}
    assert condition.without(["pose", "unknown"]) == {"eyes": "open"}


def test_an_attribute_may_be_called_values() -> None:
    assert Condition(values="x")["values"] == "x"


# Attributes and their values


@pytest.mark.parametrize(
    "spelling",
    ["45", "+45", "45.0", "45°", " 45 ", "45 °", "45deg", "45 degrees", "4.5e1", "45.0 degree"],
)
def test_a_number_with_a_unit_has_many_spellings(spelling: str) -> None:
    assert POSE.index(spelling) == 2


@pytest.mark.parametrize("spelling", ["-45", "\N{MINUS SIGN}45", "-45.0°"])
def test_a_negative_number_may_have_any_minus(spelling: str) -> None:
    assert POSE.index(spelling) == 0


def test_an_age_is_in_years() -> None:
    assert Attribute("age", ("20", "30"), unit="year").index("30 years") == 1


def test_names_that_look_like_numbers_are_names_without_a_unit() -> None:
    flash = Attribute("illumination", ("7", "07"))
    assert (flash.index("7"), flash.index("07")) == (0, 1)
    with pytest.raises(WishError, match=r"illumination has no value '7\.0'"):
        flash.index("7.0")


def test_an_unknown_value_is_refused_with_the_nearest_the_list_and_an_example() -> None:
    with pytest.raises(
        WishError, match=r"eyes has no value 'sunglases'; did you mean 'sunglasses'"
    ):
        EYES.index("sunglases")
    with pytest.raises(WishError, match=r"Known: -45, 0, 45\. Wish like pose=-45"):
        POSE.index("left")


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("50", "45"), ("90", "45"), ("-44°", "-45"), ("5", "0"), ("22.5", "0 or 45")],
)
def test_an_unknown_number_is_refused_with_the_nearest_one(given: str, nearest: str) -> None:
    first = nearest.split(maxsplit=1)[0]
    message = rf"did you mean {nearest}\? Known: -45, 0, 45\. Wish like pose={first}$"
    with pytest.raises(WishError, match=message):
        POSE.index(given)


@pytest.mark.parametrize("value", ["", "nan", "inf", "4_5", "45px", "°", "left"])
def test_what_is_no_number_is_no_yaw(value: str) -> None:
    with pytest.raises(WishError, match="pose has no value"):
        POSE.index(value)


def test_an_attribute_knows_the_values_it_finds() -> None:
    assert POSE.knows("45°")
    assert not POSE.knows("44")


def test_an_attribute_needs_a_name_and_values() -> None:
    with pytest.raises(ValueError, match="needs a name and values"):
        Attribute("", ("a",))
    with pytest.raises(ValueError, match="needs a name and values"):
        Attribute("pose", ())


def test_values_do_not_repeat() -> None:
    with pytest.raises(ValueError, match="values of 'eyes' repeat: open, open"):
        Attribute("eyes", ("open", "open"))


def test_values_with_a_unit_do_not_repeat_in_another_spelling() -> None:
    with pytest.raises(ValueError, match=r"values of 'pose' repeat: 45, 45\.0"):
        Attribute("pose", ("45", "45.0"), unit="degree")


def test_values_with_a_unit_are_numbers() -> None:
    with pytest.raises(ValueError, match="values of 'pose' in degrees must be numbers"):
        Attribute("pose", ("left", "0"), unit="degree")


# Spaces


def test_a_space_knows_its_names_and_size() -> None:
    assert SPACE.names == ("pose", "eyes")
    assert SPACE.size == 5
    assert "pose" in SPACE
    assert "age" not in SPACE


def test_attributes_of_a_space_do_not_repeat() -> None:
    with pytest.raises(ValueError, match="attributes repeat: pose, pose"):
        AttributeSpace((POSE, POSE))


def test_an_unknown_attribute_is_refused_with_the_nearest() -> None:
    with pytest.raises(WishError, match="There is no attribute 'posse'; did you mean 'pose'"):
        SPACE["posse"]


def test_a_part_of_a_space_has_the_order_asked_for() -> None:
    assert SPACE.only(["eyes", "pose"]).names == ("eyes", "pose")
    with pytest.raises(WishError, match="There is no attribute 'age'"):
        SPACE.only(["age"])


def test_a_checked_condition_is_spelt_and_ordered_as_in_the_space() -> None:
    checked = SPACE.check({"eyes": "open", "pose": "+45.0°"})
    assert list(checked.items()) == [("pose", "45"), ("eyes", "open")]
    assert SPACE.check({"eyes": "open"}) == {"eyes": "open"}
    with pytest.raises(WishError, match="There is no attribute 'age'"):
        SPACE.check({"age": "20"})


def test_the_one_hot_code_lays_the_attributes_side_by_side() -> None:
    code = SPACE.one_hot({"eyes": "sunglasses", "pose": "0"})
    assert code.tolist() == [0, 1, 0, 0, 1]
    assert code.dtype == np.float32


def test_the_one_hot_code_needs_every_attribute() -> None:
    with pytest.raises(WishError, match="No value is given for eyes; say eyes="):
        SPACE.one_hot({"pose": "0"})


@given(spaces_with_conditions())
def test_the_one_hot_code_can_be_read_back(drawn: tuple[AttributeSpace, Condition]) -> None:
    space, condition = drawn
    code = space.one_hot(condition)
    assert code.shape == (space.size,)
    read, start = {}, 0
    for attribute in space.attributes:
        part = code[start : start + len(attribute.values)]
        assert sorted(part.tolist()) == [0.0] * (len(part) - 1) + [1.0]
        read[attribute.name] = attribute.values[int(part.argmax())]
        start += len(attribute.values)
    assert read == condition


def test_the_conditions_of_one_attribute_are_enumerated_in_order() -> None:
    assert list(SPACE.only(["eyes"]).conditions()) == [{"eyes": "open"}, {"eyes": "sunglasses"}]


def test_a_product_of_attributes_is_never_enumerated() -> None:
    with pytest.raises(ValueError, match="a single attribute"):
        next(SPACE.conditions())


@given(spaces())
def test_a_space_survives_json(space: AttributeSpace) -> None:
    assert AttributeSpace.from_json(json.loads(json.dumps(space.to_json()))) == space


def test_a_unit_survives_json() -> None:
    assert AttributeSpace.from_json(SPACE.to_json()) == SPACE
    assert SPACE.to_json()[1] == {"name": "eyes", "values": ["open", "sunglasses"]}


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        "pose",
        ["pose"],
        [{}],
        [{"name": "pose"}],
        [{"name": "pose", "values": 3}],
        [{"name": "pose", "values": []}],
        [{"name": "pose", "values": ["a", "a"]}],
        [{"name": "pose", "values": ["left"], "unit": "degree"}],
        {"name": "pose", "values": ["0"]},
    ],
)
def test_what_is_no_space_is_refused(data: object) -> None:
    with pytest.raises(ConfigError, match="This is not an attribute space"):
        AttributeSpace.from_json(data)


# Numbers, order, and spaces made from labels


@pytest.mark.parametrize(("text", "number"), [("7", 7.0), ("-0.5", -0.5), (" 3 ", 3.0), ("−2", -2)])  # noqa: RUF001
def test_a_text_may_spell_a_number(text: str, number: float) -> None:
    assert as_number(text) == number


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-infinity", "1e999", "1,5", "20_30"])
def test_a_text_may_spell_no_number(text: str) -> None:
    assert as_number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_back(number: float) -> None:
    assert as_number(repr(number)) == number


def test_natural_order_counts() -> None:
    names = ["s10", "s9", "s2b10", "s2b9", "s2", "s02", "t1", "s"]
    assert sorted(names, key=natural_key) == ["s", "s02", "s2", "s2b9", "s2b10", "s9", "s10", "t1"]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.text(string.ascii_letters, max_size=3))
def test_numbered_names_are_ordered_by_their_numbers(one: int, other: int, stem: str) -> None:
    before = natural_key(f"{stem}{one}") < natural_key(f"{stem}{other}")
    assert before == (one < other)


@given(st.text(max_size=12), st.text(max_size=12))
def test_natural_order_tells_different_texts_apart(one: str, other: str) -> None:
    assert (natural_key(one) == natural_key(other)) == (one == other)


def test_natural_order_takes_any_number_of_digits() -> None:
    assert natural_key("9" * 5000) < natural_key("1" + "0" * 5000)


def test_a_space_is_made_of_the_values_that_occur() -> None:
    labels = [{"pose": "45", "wig": "s10"}, {"pose": "-45"}, {"pose": "5", "wig": "s9"}]
    space = space_of(labels, ["wig", "pose", "hat"], {"pose": "degree"})
    assert space.names == ("wig", "pose")
    assert space["wig"].values == ("s9", "s10")
    assert space["pose"] == Attribute("pose", ("-45", "5", "45"), "degree")


def test_spellings_of_one_number_make_one_value() -> None:
    labels = [{"pose": spelling} for spelling in ("45.0", "45", "+45", "0")]
    assert space_of(labels, ["pose"], {"pose": "degree"})["pose"].values == ("0", "45")


def test_without_a_unit_every_spelling_is_a_value() -> None:
    labels = [{"flash": spelling} for spelling in ("7", "07", "10")]
    assert space_of(labels, ["flash"], {})["flash"].values == ("07", "7", "10")


def test_declared_equals_are_kept_where_values_are_left_out_or_renamed_and_written_nowhere() -> (
    None
):
    light = Attribute("light", ("a", "b", "c"), equal=(("b", "c"),))
    assert light.alike == (0, 1, 1)
    assert Attribute("light", ("a", "c"), equal=light.equal).alike == (0, 1)
    plain = Attribute("light", light.values)
    assert light == plain
    spaces = [AttributeSpace((one,)) for one in (light, plain)]
    assert spaces[0].to_json() == spaces[1].to_json()


def test_a_value_is_wished_for_in_either_spelling() -> None:
    town = Attribute("town", ("Jos\u00e9ville", "Ulm"))
    assert town.index("Jose\u0301ville") == 0
    with pytest.raises(WishError):
        town.index("Jose\u0301")


# Strengths

SMILE = Attribute("smile", ("0", "0.25", "0.5", "0.75", "1"), unit="strength")


@pytest.mark.parametrize(
    ("value", "spelt", "nearest", "code"),
    [
        ("0", "0", 0, [1, 0, 0, 0, 0]),
        ("1.0", "1", 4, [0, 0, 0, 0, 1]),
        (".5", "0.5", 2, [0, 0, 1, 0, 0]),
        ("0.60", "0.6", 2, [0, 0, 0.6, 0.4, 0]),
        ("0.9", "0.9", 4, [0, 0, 0, 0.4, 0.6]),
        ("0.123456", "0.1235", 0, [0.506176, 0.493824, 0, 0, 0]),
    ],
)
def test_a_strength_is_any_number_from_0_to_1(
    value: str, spelt: str, nearest: int, code: list[float]
) -> None:
    assert SMILE.spell(value) == spelt
    assert SMILE.index(value) == nearest
    assert SMILE.code(value) == pytest.approx(code)
    space = AttributeSpace((POSE, SMILE))
    assert space.check({"smile": value, "pose": "+45"}) == {"pose": "45", "smile": spelt}
    np.testing.assert_allclose(
        space.one_hot({"pose": "0", "smile": value}), [0, 1, 0, *code], atol=1e-6
    )


@pytest.mark.parametrize("value", ["-0.1", "1.01", "much", "nan", "", "45°"])
def test_what_is_no_number_from_0_to_1_is_no_strength(value: str) -> None:
    with pytest.raises(WishError, match=r"smile is a strength from 0 to 1, like smile=0\.6; got"):
        SMILE.index(value)
    assert not SMILE.knows(value)


@pytest.mark.parametrize("values", [("0", "2"), ("0.5", "0"), ("-1", "0")])
def test_the_grid_of_a_strength_rises_from_0_to_1(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="strengths of 'smile' must rise from 0 to 1"):
        Attribute("smile", values, unit="strength")


def test_strengths_of_labels_have_one_grid_whatever_occurs() -> None:
    conditions = [{"smile": "0.31"}, {"smile": "0.87"}]
    assert space_of(conditions, ["smile"], {"smile": "strength"}) == AttributeSpace((SMILE,))
    assert AttributeSpace.from_json(AttributeSpace((SMILE,)).to_json())["smile"].is_strength
