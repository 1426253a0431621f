"""The network of a student: shapes, cost, and what folding its norms leaves as it was."""

import pytest
import torch

from generator.student.network import StudentConfig, StudentNetwork, count_flop

SMALL = StudentConfig(fine=4, middle=6, coarse=8, squeezed=3, hidden=10)


def network(size: int = 20, dimension: int = 12) -> StudentNetwork:
    torch.manual_seed(0)
    return StudentNetwork(SMALL, size=size, channels=3, code=5, dimension=dimension)


def test_embeddings_have_unit_length_for_every_wish() -> None:
    seen = network()(torch.randn(4, 3, 20, 20))
    made = network().embed(seen.found, torch.eye(5).expand(4, 5, 5))
    assert made.shape == (4, 5, 12)
    assert torch.allclose(made.norm(dim=-1), torch.ones(4, 5))
    assert seen.logits.shape == (4, 5)
    assert seen.errors.shape == (4,)


def test_folding_the_norms_changes_nothing_that_is_said() -> None:
    one = network()
    images = torch.randn(8, 3, 20, 20)
    one.train()
    one(images)  # the norms have seen something
    one.eval()
    before = one(images)
    one.fold()
    after = one(images)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in one.modules())
    for name in ("found", "logits", "errors"):
        assert torch.allclose(getattr(before, name), getattr(after, name), atol=1e-5)


def test_flop_are_two_for_every_weight_at_every_place() -> None:
    s, f, m, c = 20, SMALL.fine, SMALL.middle, SMALL.coarse
    places = [10 * 10, 10 * 10, 5 * 5, 5 * 5, 3 * 3, 3 * 3]
    kernels = [9 * 3 * f, 9 * f * f, 9 * f * m, 2 * 9 * m * m, 9 * m * c, 2 * 9 * c * c]
    trunk = sum(p * k for p, k in zip(places, kernels, strict=True))
    squeezed = 9 * c * SMALL.squeezed
    heads = 9 * SMALL.squeezed * 10 + 5 * 20 + 10 * 12 + c * 6
    assert count_flop(network(), s, 3) == 2 * (trunk + squeezed + heads)


def test_a_student_of_the_packaged_size_is_cheap_and_small() -> None:
    one = StudentNetwork(StudentConfig(), size=60, channels=3, code=7, dimension=256)
    assert count_flop(one, 60, 3) <= 0.15e9
    assert 2 * sum(value.numel() for value in one.state_dict().values()) <= 4_000_000


def test_features_that_are_not_projected_are_too_many() -> None:
    with pytest.raises(ValueError, match="at most 1024 numbers, got 28800"):
        network(dimension=28_800)
