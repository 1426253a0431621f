"""Shapes: B images of a batch, C channels, S side, A length of the one-hot code."""

from itertools import product

import numpy as np
import pytest

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from generator.training.lattice_batches import EACH, Lattices

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHT = Attribute("light", ("left", "middle", "right"))
SPACE = AttributeSpace((POSE,))
FACES = [
    Face(f"{who}{pose}{light}.png", who, Condition(pose=pose, light=light))
    for who, pose, light in product("abcdef", POSE.values, LIGHT.values)
]


def drawn(lattices: Lattices, seed: int) -> tuple[list[int], list[int]]:
    images, partners = lattices.draw(np.random.default_rng(seed))
    return images.tolist(), partners.tolist()


@pytest.mark.parametrize("seed", range(6))
def test_partners_are_of_one_person_under_another_value_and_else_alike(seed: int) -> None:
    images, partners = drawn(Lattices(FACES, SPACE, 16), seed)
    assert len(images) == 16
    for at, partner in enumerate(partners):
        one, other = FACES[images[at]], FACES[images[partner]]
        assert one.identity == other.identity
        assert one.condition["light"] == other.condition["light"]
        assert one.condition["pose"] != other.condition["pose"]
    assert sorted(partners) == list(range(16))  # everybody is somebody's target


@pytest.mark.parametrize("seed", range(6))
def test_what_is_wrong_differs_in_one_thing(seed: int) -> None:
    images, _ = drawn(Lattices(FACES, SPACE, 16), seed)
    shown = [(FACES[n].identity, *FACES[n].condition.values()) for n in images]
    differences = {
        tuple(a != b for a, b in zip(one, other, strict=True))
        for one, other in product(shown, shown)
    }
    assert (False, True, False) in differences  # another value
    assert (False, False, True) in differences  # another light
    people = [FACES[n].identity for n in images]
    assert max(people.count(who) for who in people) == EACH


def test_half_of_the_batches_show_all_people_under_the_same_values() -> None:
    lattices = Lattices(FACES, SPACE, 16)
    same = 0
    for seed in range(200):
        images, _ = drawn(lattices, seed)
        by_person = {
            frozenset(FACES[n].condition["pose"] for n in images if FACES[n].identity == who)
            for who in {FACES[n].identity for n in images}
        }
        same += len(by_person) == 1
    assert 80 <= same <= 130  # by chance, others are alike too


def test_if_everything_can_be_wished_for_a_person_shows_as_many_images() -> None:
    images, partners = drawn(Lattices(FACES, AttributeSpace((POSE, LIGHT)), 16), 0)
    people = [FACES[n].identity for n in images]
    assert [people.count(who) for who in dict.fromkeys(people)] == [EACH] * 4
    assert all(
        FACES[images[at]].condition != FACES[images[partner]].condition
        for at, partner in enumerate(partners)
    )


def test_who_is_shown_under_one_value_only_is_his_own_partner() -> None:
    lonely = [face for face in FACES if face.identity != "a" or face.condition["pose"] == "0"]
    for seed in range(10):
        images, partners = drawn(Lattices(lonely, SPACE, 40), seed)
        for at, partner in enumerate(partners):
            assert (lonely[images[at]].identity == "a") == (at == partner)


def test_images_without_the_values_are_never_chosen() -> None:
    nameless = [Face("x.png", "a", Condition(light="left")), *FACES]
    for seed in range(20):
        assert 0 not in drawn(Lattices(nameless, SPACE, 72), seed)[0]


def test_twins_share_a_cell_and_the_same_seed_draws_the_same_batch() -> None:
    twins = [*FACES, FACES[5]]
    lattices = Lattices(twins, SPACE, 16)
    assert lattices.cells[5] == lattices.cells[-1]
    assert len(set(lattices.cells.tolist())) == len(FACES)
    assert drawn(lattices, 3) == drawn(lattices, 3) != drawn(lattices, 4)


def test_a_small_collection_makes_small_batches() -> None:
    few = [face for face in FACES if face.identity in ("a", "b")]
    images, _ = drawn(Lattices(few, SPACE, 64), 0)
    assert len(images) == 2 * EACH


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_may_be_smaller_than_what_a_person_has_to_show(size: int) -> None:
    alike = [face for face in FACES if face.condition["light"] == "left"]
    for seed in range(6):
        images, partners = drawn(Lattices(alike, SPACE, size), seed)
        assert len(images) == max(size, 2)
        assert sorted(partners) == list(range(len(images)))


def test_of_several_wishes_half_of_the_batches_change_one_at_a_time() -> None:
    age = Attribute("age", ("20", "50", "80"), "year")
    space = AttributeSpace((POSE, LIGHT, age))
    faces = [
        Face(f"{number}.png", who, Condition(pose=pose, light=light, age=years))
        for number, (who, pose, light, years) in enumerate(
            product("abcdef", POSE.values, LIGHT.values, age.values)
        )
    ]
    lattices, near, far = Lattices(faces, space, 16), 0, 0
    for seed in range(60):
        images, _ = drawn(lattices, seed)
        for start in range(0, 16, EACH):
            first, *others = (faces[n].condition for n in images[start : start + EACH])
            apart = [sum(first[name] != one[name] for name in space.names) for one in others]
            near += apart == [1, 1, 1]
            far += max(apart) > 1
    assert near + far == 60 * 4
    assert 0.4 < near / (60 * 4) < 0.65  # by chance, some of the others are as near
