"""Shapes: B pairs of a batch, M candidates, D dimensions."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from gallery.attributes import AttributeSpace
from gallery.faces import Face
from gallery.pixels import Aligned
from generator.training.contrastive import HardBatches, info_nce
from generator.training.pairs import make_pairs
from retrieval.evaluation.baselines.contrastive import reciprocal_ranks

Paint = Callable[..., Aligned]


def slow_info_nce(
    probes: list[list[float]], candidates: list[list[float]], cells: list[int], heat: float
) -> float:
    """Minus the mean log share of the target, among what is not as right as it; forth and back."""

    def cosine(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True)) / heat

    count, total = len(probes), 0.0
    for own in range(count):
        forth = back = 0.0
        for other in range(len(candidates)):
            if other == own or cells[other] != cells[own]:
                forth += math.exp(cosine(probes[own], candidates[other]))
        for other in range(count):
            if other == own or cells[other] != cells[own]:
                back += math.exp(cosine(probes[other], candidates[own]))
        target = math.exp(cosine(probes[own], candidates[own]))
        total -= math.log(target / forth) + math.log(target / back)
    return total / count / 2


def test_info_nce_follows_its_definition() -> None:
    random = torch.Generator().manual_seed(0)
    probes = normalize(torch.randn(4, 3, generator=random), dim=1)
    candidates = normalize(torch.randn(7, 3, generator=random), dim=1)
    cells = torch.tensor([0, 1, 0, 2, 1, 3, 4])
    loss = info_nce(probes, candidates, cells, 0.2)
    slow = slow_info_nce(probes.tolist(), candidates.tolist(), cells.tolist(), 0.2)
    assert loss.item() == pytest.approx(slow, rel=1e-5)


def test_info_nce_is_small_where_every_probe_is_its_target_and_large_where_it_is_the_source() -> (
    None
):
    eye = torch.eye(6)
    cells = torch.arange(6)
    assert info_nce(eye[:3], eye, cells, 0.07).item() < 1e-4
    assert info_nce(eye[3:], eye, cells, 0.07).item() > 7  # half of 1/0.07, forth, and log 3, back


def test_candidates_that_are_right_too_teach_nothing() -> None:
    eye = torch.eye(3)
    loss = info_nce(eye, torch.cat([eye, eye]), torch.tensor([0, 1, 2, 0, 1, 2]), 1.0)
    forth, back = math.log(math.e + 4) - 1, math.log(math.e + 2) - 1
    assert loss.item() == pytest.approx((forth + back) / 2, rel=1e-5)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_batches_hold_the_hard_negatives_that_they_claim(
    paint: Paint, pose: AttributeSpace, seed: int
) -> None:
    faces = paint().faces
    pairs = make_pairs(faces, pose, same_pairs=False)
    batches = HardBatches(faces, pairs, pose, batch_size=24)
    chosen = batches.draw(np.random.default_rng(seed))
    assert 12 < len(chosen) <= 24
    assert len(set(chosen.tolist())) == len(chosen)
    targets = [faces[n] for n in pairs.targets[chosen]]
    for one in targets:
        assert any(same_person(one, o) and not same(one, o, "pose") for o in targets)
        assert any(not same_person(one, o) and same(one, o, "pose") for o in targets)


def test_batches_also_change_what_was_not_wished_for(paint: Paint, pose: AttributeSpace) -> None:
    faces = paint().faces
    pairs = make_pairs(faces, pose, same_pairs=False)
    batches = HardBatches(faces, pairs, pose, batch_size=24)
    found = 0
    for seed in range(10):
        targets = [faces[n] for n in pairs.targets[batches.draw(np.random.default_rng(seed))]]
        found += sum(
            any(
                same_person(o, t) and same(o, t, "pose") and not same(o, t, "illumination")
                for t in targets
            )
            for o in targets
        )
    assert found > 60


def same_person(one: Face, other: Face) -> bool:
    return one.identity == other.identity


def same(one: Face, other: Face, attribute: str) -> bool:
    return one.condition[attribute] == other.condition[attribute]


def test_batches_are_as_large_as_asked_even_for_few_people(
    paint: Paint, pose: AttributeSpace
) -> None:
    faces = paint(people=2).faces
    pairs = make_pairs(faces, pose, same_pairs=False)
    batches = HardBatches(faces, pairs, pose, batch_size=16)
    assert len(batches.draw(np.random.default_rng(0))) >= 12


def test_a_batch_depends_on_its_random_numbers_alone(paint: Paint, pose: AttributeSpace) -> None:
    faces = paint().faces
    pairs = make_pairs(faces, pose, same_pairs=False)
    first, again = (HardBatches(faces, pairs, pose, 12) for _ in range(2))
    drawn = first.draw(np.random.default_rng(3))
    assert drawn.tolist() == again.draw(np.random.default_rng(3)).tolist()
    assert drawn.tolist() != first.draw(np.random.default_rng(4)).tolist()


def test_cells_are_people_under_conditions(paint: Paint, pose: AttributeSpace) -> None:
    faces = paint(people=2).faces
    twice = (*faces, *faces)
    batches = HardBatches(twice, make_pairs(twice, pose, same_pairs=False), pose, 4)
    assert batches.cells[:12].tolist() == list(range(12)) == batches.cells[12:].tolist()


def test_reciprocal_ranks_count_what_stands_before_the_first_right_image() -> None:
    gallery = np.eye(4, dtype=np.float32)
    probes = np.array([[0.9, 0.5, 0.1, 0], [0.9, 0.5, 0.1, 0], [0.5, 0.5, 0, 0]], dtype=np.float32)
    cells = np.array([0, 1, 2, 2])
    ranks = reciprocal_ranks(probes, gallery, np.array([0, 2, 1]), cells)
    assert ranks.tolist() == [1, pytest.approx(1 / 3), 0.5]  # of equals, the right one stands last
