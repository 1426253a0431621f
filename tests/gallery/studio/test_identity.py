import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.studio.identity import ANCESTRIES, KINDS, balance, sample_identity
from gallery.studio.library import Library
from gallery.studio.sliders import ASYMMETRIES, HEAD_SHAPES, LIMIT, SLIDERS, sample_sliders

numbers = st.integers(0, 2**31)


@given(numbers, numbers)
def test_the_same_two_numbers_give_the_same_person(seed: int, number: int) -> None:
    assert sample_identity(seed, number) == sample_identity(seed, number)


@given(numbers)
def test_neighbouring_numbers_and_seeds_are_other_people(number: int) -> None:
    people = [sample_identity(*who) for who in ((0, number), (0, number + 1), (1, number))]
    # of any one trait two people may have the same limit
    assert len({(person.body.weight, person.body.muscle) for person in people}) == 3


@given(numbers)
def test_traits_stay_in_their_ranges(number: int) -> None:
    person = sample_identity(3, number)
    assert set(person.body.mix) == set(KINDS)
    assert np.isclose(sum(person.body.mix.values()), 1)
    assert all(0 <= weight <= LIMIT for weight in person.body.sliders.values())
    assert 18 <= person.age_years <= 78
    assert person.gender == "male" or not (person.skin.beard or person.skin.moustache)


def test_people_are_balanced_by_ancestry_gender_and_age() -> None:
    counted = balance(sample_identity(0, number) for number in range(1000))
    assert all(160 < counted["ancestry"][name] < 240 for name in ANCESTRIES)
    assert 450 < counted["gender"]["female"] < 550
    assert sum(counted["age"].values()) == 1000
    assert all(counted["age"][f"{d}-{d + 9}"] > 80 for d in (20, 30, 40, 50, 60))


def test_no_ancestry_has_only_one_hair_style_or_one_gender() -> None:
    people = [sample_identity(0, number) for number in range(400)]
    for name in ANCESTRIES:
        group = [person for person in people if person.ancestry == name]
        assert len({person.hair.style.name for person in group}) >= 12
        assert {person.gender for person in group} == {"female", "male"}


def test_left_and_right_differ_a_little() -> None:
    weights = sample_sliders(np.random.default_rng(1))
    paired = [name for name in weights if name.startswith("l-") and f"r-{name[2:]}" in weights]
    apart = [abs(weights[name] - weights[f"r-{name[2:]}"]) for name in paired]
    assert len(paired) > 10
    assert 0 < max(apart) < 0.25


def test_every_slider_pulls_at_morph_targets_that_exist(library: Library) -> None:
    for slider in SLIDERS:
        for side in ("l-", "r-") if slider.sides else ("",):
            for position in (-1, 1):
                assert library.has_target(side + slider.target(position))
    assert all(library.has_target(name) for name in HEAD_SHAPES)
    assert all(library.has_target(f"{name}-{side}") for name in ASYMMETRIES for side in "lr")
