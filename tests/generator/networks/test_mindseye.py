"""Shapes: B batch, K wishes, C channels, S side, A length of the one-hot code."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from gallery.pixels import Aligned
from generator.engine import Engine
from generator.networks.mindseye import Mindseye, lattice_terms
from generator.networks.mindseye_layers import REACH, MindseyeConfig, plainly
from generator.networks.registry import architecture
from generator.runs.request import CPU, TrainRequest, make_request
from generator.runs.run import train
from generator.training.augment import Augmentation, jitter_together
from generator.training.contrastive import info_nce
from generator.training.lattice_batches import Lattice

SMALL = MindseyeConfig(code_size=3, size=30)
CODES = torch.eye(3)


def small(config: MindseyeConfig = SMALL) -> Mindseye:
    network = Mindseye(config)
    network.initialise(torch.Generator().manual_seed(0))
    return network.eval()


def images(count: int = 2, config: MindseyeConfig = SMALL) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(count, config.channels, config.size, config.size, generator=random)


@pytest.mark.parametrize(
    ("config", "features"),
    [
        (SMALL, (2, 256)),
        (MindseyeConfig(code_size=3, size=32, projection=0), (2, 128, 8, 8)),
        (MindseyeConfig(code_size=3, size=60, channels=1, projection=16), (2, 16)),
    ],
)
def test_drawings_have_the_size_of_the_images(
    config: MindseyeConfig, features: tuple[int, ...]
) -> None:
    with torch.inference_mode():
        drawing = small(config)(images(2, config), CODES[:2])
    shape = (2, config.channels, config.size, config.size)
    assert drawing.first.shape == drawing.refined.shape == shape
    assert drawing.features.shape == features


def test_several_wishes_of_an_image_are_drawn_as_each_by_itself() -> None:
    network, sources = small(), images()
    with torch.inference_mode():
        together = network.draw_wishes(sources, CODES.expand(2, -1, -1))
        for image in range(2):
            for wish in range(3):
                alone = network.draw(sources[image : image + 1], CODES[wish : wish + 1])
                at = 3 * image + wish
                assert torch.allclose(together.first[at], alone.first[0], atol=1e-5)
                assert torch.allclose(together.refined[at], alone.refined[0], atol=1e-5)
                assert torch.allclose(together.features[at], alone.features[0], atol=1e-5)


def test_an_image_is_drawn_alike_whatever_else_is_in_the_batch() -> None:
    network, sources = small(), images(3)
    with torch.inference_mode():
        one = network(sources[:1], CODES[:1])
        among = network(sources, CODES)
    assert torch.allclose(one.refined[0], among.refined[0], atol=1e-5)


def test_the_painter_can_take_pixels_from_where_it_says() -> None:
    """Trust everything, and take each pixel from 4 pixels further right."""
    network, sources = small(), images(1)
    painter = network.painter
    with torch.no_grad():
        painter.last.weight.zero_()
        bias = torch.zeros(6, 4)
        bias[0] = 4 * 2 / SMALL.padded / REACH
        bias[2] = 50.0
        painter.last.bias.copy_(bias.flatten())  # type: ignore[union-attr]
        moved = network(sources, CODES[:1]).first
    assert torch.allclose(moved[..., :24], sources[..., 4:28], atol=1e-4)


def test_every_part_is_taught_by_the_loss_and_the_estimator_by_none_of_it() -> None:
    network = small().train()
    batch = Lattice(
        images(4),
        images(4),
        torch.stack([CODES[[0, 1, 0, 1]], CODES[[1, 0, 1, 0]]], dim=1),
        torch.tensor([1, 0, 3, 2]),
        torch.arange(4),
    )
    reached: dict[str, set[str]] = {}
    for term in ("squared", "contrast"):
        network.zero_grad(set_to_none=True)
        lattice_terms(network, architecture("mindseye-60").recipe("fast").train, batch)[
            term
        ].backward()
        reached[term] = {
            name.partition(".")[0]
            for name, parameter in network.named_parameters()
            if parameter.grad is not None and parameter.grad.abs().sum() > 0
        }
    assert reached["squared"] == {"encoder", "painter", "refiner"}
    assert reached["contrast"] == {"encoder", "painter", "refiner", "projection"}


def test_the_terms_equal_their_formulas() -> None:
    network = small()
    config = architecture("mindseye-60").recipe("fast").train
    sources, partners = images(4), [1, 0, 3, 2]
    own, wished = CODES[[0, 1, 0, 2]], CODES[[1, 0, 2, 0]]
    batch = Lattice(
        sources,
        sources,
        torch.stack([own, wished], dim=1),
        torch.tensor(partners),
        torch.arange(4),
    )
    with torch.inference_mode():
        terms = lattice_terms(network, config, batch)
        canonical, probes = network(sources, own), network(sources, wished)
    squared = torch.stack(
        [
            (canonical.first - sources).square(),
            (canonical.refined - sources).square(),
            (probes.first - sources[partners]).square(),
            (probes.refined - sources[partners]).square(),
        ]
    ).mean()
    unit = functional.normalize(canonical.features, dim=1)
    contrast = info_nce(
        functional.normalize(probes.features, dim=1),
        unit[partners],
        torch.tensor(partners),
        config.temperature,
    )
    assert terms["squared"].item() == pytest.approx(squared.item(), rel=1e-4)
    assert terms["contrast"].item() == pytest.approx(contrast.item(), rel=1e-4)


def test_training_attends_as_drawing_does() -> None:
    random = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, 16, 32, generator=random)
    expected = functional.scaled_dot_product_attention(query, key, value)
    assert torch.allclose(plainly(query, key, value), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["mindseye-60", "mindseye-32"])
def test_it_draws_the_size_of_its_name(name: str) -> None:
    network = architecture(name).build(3, {}).eval()
    side = architecture(name).size
    with torch.no_grad():
        drawn = network.draw(torch.zeros(2, 3, side, side), torch.eye(3)[:2])
    assert name.endswith(str(side))
    assert drawn.refined.shape == (2, 3, side, side)


@pytest.mark.parametrize("size", [23, 257])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"size must lie in 24..256, got {size}"):
        MindseyeConfig(code_size=3, size=size)


def test_there_is_no_published_recipe() -> None:
    with pytest.raises(ConfigError, match="have no recipe 'paper'; take fast or tuned"):
        architecture("mindseye-60").recipe("paper")


# Drawing


def engine(make_card: Callable[..., Any]) -> Engine:
    card = make_card("mindseye-60")
    network = architecture("mindseye-60").build(3, {})
    network.initialise(torch.Generator().manual_seed(0))
    return Engine(network, card, torch.device("cpu"), batch_size=8)


def pixels(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, 60, 60, 3), dtype=np.uint8)


def test_the_closest_drawing_is_kept_and_refining_fewer_keeps_it_if_it_is_among_them(
    make_card: Callable[..., Any],
) -> None:
    drawer, shown = engine(make_card), pixels(3)
    codes = np.broadcast_to(np.eye(3, dtype=np.float32), (3, 3, 3))
    closest = drawer.closest(shown, codes)
    each = np.stack([drawer.draw(shown, codes[:, wish]).refined for wish in range(3)], axis=1)
    errors = np.square(each - shown[:, None]).mean(axis=(2, 3, 4))
    assert closest.choice.tolist() == errors.argmin(axis=1).tolist()
    assert closest.errors == pytest.approx(errors.min(axis=1), rel=1e-4)
    kept = each[np.arange(3), closest.choice]
    assert closest.drawn.refined == pytest.approx(kept, abs=1e-2)
    two = drawer.closest(shown, codes, refine_best=2)
    assert (two.errors >= closest.errors - 1e-3).all()
    firsts = np.stack([drawer.draw(shown, codes[:, wish]).first for wish in range(3)], axis=1)
    coarse = np.square(firsts - shown[:, None]).mean(axis=(2, 3, 4))
    one = drawer.closest(shown, codes, refine_best=1)
    assert one.choice.tolist() == coarse.argmin(axis=1).tolist()


def test_a_handicap_decides_between_close_ones(make_card: Callable[..., Any]) -> None:
    drawer, shown = engine(make_card), pixels(2)
    codes = np.broadcast_to(np.eye(3, dtype=np.float32), (2, 3, 3))
    handicap = np.array([[1e6, 0, 1e6], [1e6, 1e6, 0]], dtype=np.float32)
    for best in (None, 1, 2):
        chosen = drawer.closest(shown, codes, handicap=handicap, refine_best=best)
        assert chosen.choice.tolist() == [1, 2]


# Training


def request_for(faces: FaceSet, out: Path, **settings: Any) -> TrainRequest:
    made = make_request(
        faces,
        architecture_name="mindseye-60",
        attributes=("pose",),
        recipe_name="tuned",
        out=out,
        device=CPU,
        train_identities="0.75",
    )
    plan = {"steps": 2, "estimator_steps": 0, "batch_size": 8, "validation": 0.0, **settings}
    config = made.recipe.train_with(plan, "test")
    return replace(made, recipe=replace(made.recipe, train=config), checkpoint_every=2)


def test_it_learns_to_draw_and_to_find() -> None:
    network = small().train()
    shown = functional.interpolate(images(4)[:, :, ::6, ::6], size=30, mode="bilinear")
    batch = Lattice(
        shown,
        shown,
        torch.stack([CODES[[0, 1, 0, 1]], CODES[[1, 0, 1, 0]]], dim=1),
        torch.tensor([1, 0, 3, 2]),
        torch.arange(4),
    )
    config = architecture("mindseye-60").recipe("fast").train
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate)
    found: list[dict[str, float]] = []
    for _ in range(15):
        terms = lattice_terms(network, config, batch)
        found.append({name: term.item() for name, term in terms.items()})
        optimiser.zero_grad()
        (terms["squared"] * 3 + terms["contrast"] * 0.3).backward()
        optimiser.step()
    assert found[-1]["squared"] < 0.85 * found[0]["squared"]
    assert found[-1]["contrast"] < 0.85 * found[0]["contrast"]


def test_a_stopped_training_ends_as_an_undisturbed_one(
    make_faces: Callable[..., FaceSet], tmp_path: Path
) -> None:
    faces = make_faces()
    whole = request_for(faces, tmp_path / "whole", steps=4)
    for _ in train(whole):
        pass
    stopped = request_for(faces, tmp_path / "stopped", steps=4)
    for progress in train(stopped):
        if progress.phase == "stage 1" and progress.done == 2:
            break
    for _ in train(stopped, resume=True):
        pass
    one, other = (r.out / "weights.safetensors" for r in (whole, stopped))
    assert one.read_bytes() == other.read_bytes()
    opened = Engine.open(one, CPU)  # the card says all that is needed to build it again
    assert (opened.dimension, opened.estimates) == (256, True)


# Augmentation


def test_a_batch_is_changed_alike(align: Callable[[TrainRequest], Aligned]) -> None:  # noqa: ARG001
    levels = torch.full((4, 3, 16, 16), 90.0) + torch.arange(16.0)
    clean, noisy = jitter_together(levels, np.random.default_rng(0), Augmentation(gray=0.0))
    assert torch.equal(clean[0], clean[3])
    assert not torch.allclose(clean, levels, atol=1)
    assert 1 < (noisy - clean).std() < 4
    assert not torch.equal(noisy[0] - clean[0], noisy[1] - clean[1])


def test_colours_are_left_out_as_often_as_is_said() -> None:
    levels = 40 + 160 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    kind = Augmentation(gray=0.25, tint=0.2)
    grays = sum(
        torch.allclose(clean[:, 0], clean[:, 2], atol=1e-3)
        for clean, _ in (
            jitter_together(levels, np.random.default_rng(seed), kind) for seed in range(200)
        )
    )
    assert 30 <= grays <= 70


def test_images_of_a_batch_may_stray_by_themselves() -> None:
    levels = torch.full((4, 1, 16, 16), 90.0) + torch.arange(16.0)
    kind = Augmentation(own=0.5, noise=0)
    clean, noisy = jitter_together(levels, np.random.default_rng(0), kind)
    assert torch.equal(clean, noisy)
    assert not torch.allclose(clean[0], clean[1], atol=0.5)
    shaded, _ = jitter_together(
        levels, np.random.default_rng(0), Augmentation(shade=0.3, gamma=0.3, blur=0.03)
    )
    assert torch.equal(shaded[0], shaded[3])


def test_without_strength_a_batch_stays_as_it_is() -> None:
    levels = 40 + 160 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    clean, noisy = jitter_together(levels, np.random.default_rng(0), Augmentation().scaled(0))
    assert torch.allclose(clean, levels, atol=1e-2)
    assert torch.equal(clean, noisy)


def test_the_form_that_draws_keeps_its_kernels_channels_last_and_draws_the_same() -> None:
    fast = small().fast(torch.full((3,), 110.0), torch.full((3,), 60.0), torch.float32)
    kernels = [p for p in fast.parameters() if p.ndim == 4]
    assert kernels
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    plain = copy.deepcopy(fast)
    for p in plain.parameters():
        p.data = p.data.contiguous()
    asked = 110 + 60 * images(), CODES[None], torch.zeros(1, 3), 3
    with torch.inference_mode():
        ours, theirs = fast(*asked), plain(*asked)
    assert ours.choice.equal(theirs.choice)
    torch.testing.assert_close(ours.refined, theirs.refined, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(ours.features, theirs.features, rtol=1e-4, atol=1e-4)
