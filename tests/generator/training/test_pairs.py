"""Shapes: N images, P pairs, A length of the one-hot code."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face
from generator.training.pairs import Pairs, make_pairs

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
EYES = Attribute("eyes", ("open", "sunglasses"))
LIGHT = Attribute("light", ("left", "right"))
SPACE = AttributeSpace((POSE, EYES, LIGHT))


def face(who: str, **values: str) -> Face:
    return Face(f"{who}-{'-'.join(values.values())}.png", who, Condition(values))


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.sources.tolist(), pairs.targets.tolist(), strict=True))


def by_definition(
    faces: list[Face], wished: tuple[str, ...], *, same_pairs: bool
) -> set[tuple[int, int]]:
    """Compare everybody with everybody."""
    found = set()
    for first, second in product(range(len(faces)), repeat=2):
        one, other = faces[first], faces[second]
        alike = one.identity == other.identity and one.condition.without(
            wished
        ) == other.condition.without(wished)
        differ = any(one.condition[name] != other.condition[name] for name in wished)
        if (alike and differ) or (same_pairs and first == second):
            found.add((first, second))
    return found


def test_the_training_people_of_multipie_make_84000_pairs() -> None:
    pose = Attribute("pose", tuple(str(yaw) for yaw in range(-45, 46, 15)), "degree")
    faces = [
        face(f"{who:03}", pose=yaw, illumination=str(flash))
        for who in range(100)
        for yaw in pose.values
        for flash in range(20)
    ]
    pairs = make_pairs(faces, AttributeSpace((pose,)), same_pairs=False)
    assert len(pairs) == 100 * 20 * 7 * 6 == 84_000
    assert len(set(listed(pairs))) == 84_000
    assert pairs.codes.shape == (14_000, 7)
    with_same = make_pairs(faces, AttributeSpace((pose,)), same_pairs=True)
    assert len(with_same) == 84_000 + 14_000


def test_a_pair_is_one_person_with_nothing_else_changed() -> None:
    faces = [
        face("ann", pose="0", light="left"),
        face("ann", pose="45", light="left"),
        face("ann", pose="45", light="right"),
        face("bob", pose="0", light="left"),
    ]
    pairs = make_pairs(faces, AttributeSpace((POSE,)), same_pairs=False)
    assert sorted(listed(pairs)) == [(0, 1), (1, 0)]
    assert pairs.codes.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_two_images_of_one_value_are_no_pair() -> None:
    faces = [face("ann", pose="0"), face("ann", pose="0"), face("ann", pose="45")]
    pairs = make_pairs(faces, AttributeSpace((POSE,)), same_pairs=False)
    assert sorted(listed(pairs)) == [(0, 2), (1, 2), (2, 0), (2, 1)]


def test_with_same_pairs_every_image_is_its_own_target_once() -> None:
    faces = [face("ann", pose="0"), face("ann", pose="45"), face("bob", pose="0")]
    pairs = make_pairs(faces, AttributeSpace((POSE,)), same_pairs=True)
    assert sorted(listed(pairs)) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]


def test_several_attributes_may_change_at_once() -> None:
    faces = [
        face("ann", pose="0", eyes="open", light="left"),
        face("ann", pose="45", eyes="open", light="left"),
        face("ann", pose="45", eyes="sunglasses", light="left"),
        face("ann", pose="45", eyes="sunglasses", light="right"),
    ]
    space = AttributeSpace((POSE, EYES))
    pairs = make_pairs(faces, space, same_pairs=False)
    assert set(listed(pairs)) == {(a, b) for a, b in product(range(3), repeat=2) if a != b}
    assert pairs.codes.tolist()[2] == [0, 0, 1, 0, 1]


def test_what_is_not_known_of_one_image_must_not_be_known_of_the_other() -> None:
    faces = [
        face("ann", pose="0"),
        face("ann", pose="45", light="left"),
        face("ann", pose="-45"),
    ]
    pairs = make_pairs(faces, AttributeSpace((POSE,)), same_pairs=False)
    assert sorted(listed(pairs)) == [(0, 2), (2, 0)]


conditions = st.fixed_dictionaries(
    {"pose": st.sampled_from(POSE.values), "eyes": st.sampled_from(EYES.values)},
    optional={"light": st.sampled_from(LIGHT.values)},
)


@given(
    st.lists(st.tuples(st.sampled_from(["ann", "bob"]), conditions), min_size=1, max_size=12),
    st.sampled_from([("pose",), ("eyes",), ("eyes", "pose")]),
    st.booleans(),
)
def test_the_pairs_follow_their_definition(
    known: list[tuple[str, dict[str, str]]], wished: tuple[str, ...], same_pairs: bool
) -> None:
    faces = [face(who, **values) for who, values in known]
    expected = by_definition(faces, wished, same_pairs=same_pairs)
    alone = len(faces) if same_pairs else 0
    space = SPACE.only(wished)
    if len(expected) == alone:
        with pytest.raises(DatasetError, match="No person is shown twice"):
            make_pairs(faces, space, same_pairs=same_pairs)
        return
    pairs = make_pairs(faces, space, same_pairs=same_pairs)
    assert len(pairs) == len(expected)
    assert set(listed(pairs)) == expected
    for code, one in zip(pairs.codes, faces, strict=True):
        assert np.array_equal(code, space.one_hot(one.condition))


@pytest.mark.parametrize("same_pairs", [False, True])
def test_without_a_pair_there_is_nothing_to_learn(same_pairs: bool) -> None:
    faces = [face("ann", pose="0", light="left"), face("ann", pose="45", light="right")]
    with pytest.raises(DatasetError, match="differ in pose alone; training needs such pairs"):
        make_pairs(faces, AttributeSpace((POSE,)), same_pairs=same_pairs)


def test_the_order_of_the_pairs_does_not_change_from_call_to_call() -> None:
    faces = [face(who, pose=yaw) for who in ("bob", "ann") for yaw in POSE.values]
    first, second = (make_pairs(faces, AttributeSpace((POSE,)), same_pairs=True) for _ in range(2))
    assert listed(first) == listed(second)


@pytest.mark.parametrize("same_pairs", [False, True])
def test_where_no_pair_is_needed_every_image_stands_for_itself(*, same_pairs: bool) -> None:
    faces = [face("ann", pose="0"), face("ben", pose="45")]
    pairs = make_pairs(faces, AttributeSpace((POSE,)), same_pairs=same_pairs, needed=False)
    assert listed(pairs) == [(0, 0), (1, 1)]
    assert pairs.codes.tolist() == [[0, 1, 0], [0, 0, 1]]
