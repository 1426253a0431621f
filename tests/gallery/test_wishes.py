import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import WishError
from gallery.wishes import Wish, Wishes

POSE = Attribute("pose", ("-45", "0", "45"), unit="degree")
EYES = Attribute("eyes", ("open", "closed", "sunglasses"))
SPACE = AttributeSpace((POSE, EYES))

words = st.text(string.ascii_letters + string.digits + "-+.°* ", min_size=1, max_size=8).filter(
    lambda text: text == text.strip() != "" and not text.lower().startswith("not ")
)
weights = st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, 10.0])


def read(*wishes: str) -> Wishes:
    return Wishes.parse(wishes).within(SPACE)


# Reading and writing


def test_wishes_are_spelt_and_ordered_as_in_the_space() -> None:
    found = read("eyes = sunglasses", "pose=+45°")
    assert list(found.values.items()) == [("pose", "45"), ("eyes", "sunglasses")]
    assert found.plain
    assert str(found) == "pose=45 eyes=sunglasses"


@pytest.mark.parametrize(
    "wish", ["pose=45 * 0.5", "pose=45*0.5", "pose=45*.5", " pose = 45  * 5e-1"]
)
def test_a_weight_stands_behind_the_last_star(wish: str) -> None:
    assert read(wish).shown == (Wish("pose", "45", weight=0.5),)
    assert read(wish).weights == {"pose": 0.5}
    assert str(read(wish)) == "pose=45 * 0.5"


def test_not_stands_before_the_name() -> None:
    found = read("pose=45", "not eyes=sunglasses * 2", "NOT eyes = closed*2")
    assert found.values == {"pose": "45"}
    assert found.unwanted == {"eyes": ("sunglasses", "closed")}
    assert found.spelt == ("pose=45", "not eyes=sunglasses * 2", "not eyes=closed * 2")
    assert str(found.special) == "not eyes=sunglasses * 2"
    assert not found.plain


def test_an_attribute_may_begin_with_not() -> None:
    assert Wishes.parse(["notes=few"]).values == {"notes": "few"}
    assert Wishes.parse(["not=few"]).values == {"not": "few"}


def test_a_value_may_hold_an_equals_sign_or_a_star() -> None:
    assert Wishes.parse(["mark=a=b"]).values == {"mark": "a=b"}
    assert Wishes.parse(["mark=a*b"]).values == {"mark": "a*b"}
    (starred,) = Wishes.parse(["mark=a*2 * 1"]).shown
    assert starred == Wish("mark", "a*2")
    assert str(starred) == "mark=a*2 * 1"


@given(st.dictionaries(words, st.tuples(words, weights), min_size=1, max_size=4))
def test_what_is_written_is_read_again(drawn: dict[str, tuple[str, float]]) -> None:
    wishes = Wishes(tuple(Wish(name, value, weight=w) for name, (value, w) in drawn.items()))
    assert Wishes.parse(wishes.spelt) == wishes


def test_a_condition_is_wishes_that_weigh_one() -> None:
    assert Wishes.of(Condition(pose="45")) == Wishes.parse(["pose=45"]) == Wishes.of(["pose=45"])
    assert Wishes.of(Wishes.parse(["pose=45 * 2"])).weights == {"pose": 2.0}


def test_another_value_may_be_shown_instead() -> None:
    wishes = read("pose=45 * 2", "not pose=0", "not eyes=closed")
    assert wishes.showing("pose", "-45").spelt == ("pose=-45 * 2", "not pose=0", "not eyes=closed")
    assert wishes.showing("pose", "0").spelt == ("pose=0 * 2", "not eyes=closed")


# Mistakes


@pytest.mark.parametrize("wish", ["pose", "pose=", "=45", "=", "", "  =  ", "not pose", "not =45"])
def test_a_wish_is_name_equals_value(wish: str) -> None:
    with pytest.raises(WishError, match="A wish is NAME=VALUE, like pose=45; got"):
        read(wish)


@pytest.mark.parametrize("weight", ["-1", "10.5", "much", "nan", "inf", "1e9"])
def test_a_weight_is_a_number_from_0_to_10(weight: str) -> None:
    with pytest.raises(WishError, match="A weight is a number from 0 to 10, like pose=45"):
        read(f"pose=45 * {weight}")


def test_something_unknown_is_refused() -> None:
    with pytest.raises(WishError, match="There is no attribute 'poze'; did you mean 'pose'"):
        read("poze=45")
    with pytest.raises(WishError, match="There is no attribute 'eye'; did you mean 'eyes'"):
        read("pose=45", "not eye=open")
    with pytest.raises(WishError, match="pose has no value '44'"):
        read("pose=44")
    with pytest.raises(WishError, match="eyes has no value 'shut'"):
        read("pose=45", "not eyes=shut")


def test_nothing_is_wished_for_twice() -> None:
    with pytest.raises(WishError, match="pose is wished for twice: '45' and '0'"):
        read("pose=45", "pose=0")
    with pytest.raises(WishError, match="not pose is wished for twice: '0' and '0'"):
        read("pose=45", "not pose=0", "not pose=0.0")


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(WishError, match="pose=45 is wished for and excluded; leave out one"):
        read("pose=45", "not pose=+45")
    with pytest.raises(WishError, match="No value of eyes is left: open, closed, sunglasses are"):
        read("pose=45", "not eyes=open", "not eyes=closed", "not eyes=sunglasses")


def test_what_must_not_be_of_one_attribute_has_one_weight() -> None:
    with pytest.raises(WishError, match="one weight; got 'not eyes=open' and 'not eyes=closed"):
        read("pose=45", "not eyes=open", "not eyes=closed * 2")


def test_something_is_to_be_shown() -> None:
    with pytest.raises(WishError, match="There is no wish; add --wish NAME=VALUE"):
        read()
    with pytest.raises(WishError, match="'not pose=45' says what must not be shown; wish for a"):
        read("not pose=45")


# Strengths


def test_any_strength_can_be_wished_for_and_none_excluded() -> None:
    smile = Attribute("smile", ("0", "0.5", "1"), unit="strength")
    space = AttributeSpace((POSE, smile))
    found = Wishes.parse(["smile=0.60 * 2", "pose=45"]).within(space)
    assert found.spelt == ("pose=45", "smile=0.6 * 2")
    between, on = (Wishes.parse([one]).within(space) for one in ("smile=0.6", "smile=0.50"))
    assert str(between.unusual(space)) == "smile=0.6"
    assert on.unusual(space) is None
    with pytest.raises(WishError, match="'not smile=1': a strength is not excluded"):
        Wishes.parse(["pose=45", "not smile=1"]).within(space)
