"""Shapes: N images, P people, n images of each."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from generator.training.label_batches import draw_any, draw_each, draw_people, images_at, members
from tests.generator.tiny import EYES, course_of, lesson_of


def test_members_are_found_by_number() -> None:
    groups = members(np.array([1, 0, 1, 2]))
    assert [group.tolist() for group in groups] == [[1], [0, 2], [3]]


@given(st.integers(1, 9), st.integers(1, 30), st.integers(0, 99))
def test_nothing_is_drawn_twice_more_than_it_must(total: int, count: int, seed: int) -> None:
    drawn = draw_any(np.random.default_rng(seed), total, count)
    assert len(drawn) == count
    often = np.bincount(drawn, minlength=total)
    assert often.max() - often.min() <= 1


def test_every_group_gives_as_many() -> None:
    groups = (np.array([3, 5]), np.array([0, 1, 2, 4]))
    first, second = draw_each(np.random.default_rng(0), groups, 3)
    assert set(first) == {3, 5}
    assert len(first) == 3
    assert len(set(second.tolist())) == 3


def test_people_bring_their_own_images() -> None:
    numbers = np.array([0, 0, 0, 1, 1, 2])
    groups = members(numbers)
    chosen = draw_people(np.random.default_rng(1), groups, people=3, count=2)
    assert chosen.shape == (3, 2)
    owners = numbers[chosen]
    assert (owners[:, 0] == owners[:, 1]).all()
    assert sorted(owners[:, 0].tolist()) == [0, 1, 2]
    (alone,) = np.flatnonzero(owners[:, 0] == 2)
    assert chosen[alone].tolist() == [5, 5]  # the only image there is


def test_images_are_augmented_as_the_recipe_says() -> None:
    plain, moved = (course_of(EYES, augmentation=strength) for strength in (0.0, 1.0))
    positions = np.array([2, 0])
    same = images_at(lesson_of(plain), positions)
    assert torch.equal(same, plain.data.normalised(plain.data.levels(torch.tensor([2, 0]))))
    changed = images_at(lesson_of(moved), positions)
    assert not torch.allclose(changed, same, atol=0.1)
    assert torch.equal(images_at(lesson_of(moved), positions), changed)


def test_no_noise_is_added_for_images_are_drawn_again_as_they_are() -> None:
    course = course_of(EYES, augmentation=1.0)
    course.data.pixels = torch.full_like(course.data.pixels, 90)
    (image,) = images_at(lesson_of(course), np.array([4]))
    assert image.flatten(1).std(dim=1).max() < 1e-3
