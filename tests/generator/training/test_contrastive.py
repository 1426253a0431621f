"""Shapes: B pairs, M candidates, D dimensions."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from generator.training.contrastive import HardBatches, info_nce
from generator.training.pairs import make_pairs

SPACE = AttributeSpace((Attribute("pose", ("-45", "0", "45"), "degree"),))
FACES = [
    Face(f"{who}{pose}{light}.png", who, Condition(pose=pose, light=light))
    for who, pose, light in product("abcd", ("-45", "0", "45"), ("left", "right"))
]


def test_the_loss_follows_its_definition() -> None:
    random = torch.Generator().manual_seed(0)
    probes = functional.normalize(torch.randn(4, 8, generator=random), dim=1)
    candidates = functional.normalize(torch.randn(6, 8, generator=random), dim=1)
    cells = torch.tensor([0, 1, 0, 2, 1, 3])  # candidates 0 and 2, 1 and 4 are twins
    logits = (probes @ candidates.T / 0.1).double().numpy()
    forth, back = [], []
    for row in range(4):
        allowed = [c for c in range(6) if c == row or cells[c] != cells[row]]
        forth.append(np.log(np.exp(logits[row, allowed]).sum()) - logits[row, row])
        others = [r for r in range(4) if r == row or cells[r] != cells[row]]
        back.append(np.log(np.exp(logits[others, row]).sum()) - logits[row, row])
    expected = (np.mean(forth) + np.mean(back)) / 2
    assert info_nce(probes, candidates, cells, 0.1).item() == pytest.approx(expected, rel=1e-5)


def test_batches_hold_targets_that_differ_in_one_thing() -> None:
    pairs = make_pairs(FACES, SPACE, same_pairs=True)
    batches = HardBatches(FACES, pairs, SPACE, 24)
    for seed in range(5):
        chosen = batches.draw(np.random.default_rng(seed))
        assert 12 <= len(chosen) <= 24
        targets = [FACES[t] for t in pairs.targets[chosen]]
        for kind in ("identity", "pose", "light"):
            assert any(differ_only_in(kind, a, b) for a in targets for b in targets), kind


def differ_only_in(kind: str, one: Face, other: Face) -> bool:
    differing = {
        name
        for name, a, b in (
            ("identity", one.identity, other.identity),
            ("pose", one.condition["pose"], other.condition["pose"]),
            ("light", one.condition["light"], other.condition["light"]),
        )
        if a != b
    }
    return differing == {kind}


def test_images_of_one_person_under_one_condition_share_a_cell() -> None:
    twins = [*FACES, FACES[5]]
    cells = HardBatches(twins, make_pairs(twins, SPACE, same_pairs=True), SPACE, 8).cells
    assert cells[5] == cells[-1]
    assert len(set(cells.tolist())) == len(FACES)


def test_the_same_seed_draws_the_same_batch() -> None:
    batches = HardBatches(FACES, make_pairs(FACES, SPACE, same_pairs=True), SPACE, 16)
    first, again, other = (batches.draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()
