"""residual-gan, caae, dr-gan and td-gan: what holds of all four. Tiny ones, of 16 x 16 pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, DatasetError
from gallery.faces import FaceSet
from generator.checkpoint import load_weights
from generator.engine import Engine
from generator.networks.family import Network
from generator.networks.registry import architecture
from generator.runs.request import TrainRequest, make_request
from generator.runs.run import train
from generator.runs.trainer import Trainer
from tests.generator.tiny import AGE, CPU, EYES, POSE_EYES, SHAPE, course_of


@dataclass(frozen=True)
class Family:
    """What a family is tried on."""

    name: str
    attribute: str
    space: AttributeSpace
    network: dict[str, Any]


FAMILIES = (
    Family("residual-gan", "light", EYES, {}),
    Family("caae", "pose", AGE, {"personality": 10}),
    Family("dr-gan", "pose", POSE_EYES, {"images": 2, "identity": 12, "noise": 4}),
    Family("td-gan", "pose", POSE_EYES, {"identity": 8, "rest": 4, "value": 4}),
)
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def request_for(family: Family, faces: FaceSet, out: Path, **train: Any) -> TrainRequest:
    tables = {
        "train": {"batch_size": 4, "steps": 2, **train},
        "network": {"size": 16, "width": 8, **family.network},
    }
    config = out.with_suffix(".toml")
    lines = [
        f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in t.items()) for name, t in tables.items()
    ]
    config.write_text("".join(lines))
    return make_request(
        faces,
        architecture_name=family.name,
        attributes=(family.attribute,),
        recipe_name="fast",
        out=out,
        device=CPU,
        config=config,
    )


def trainer_of(family: Family, seed: int = 0, **train: Any) -> Trainer:
    course = course_of(family.space, batch_size=4, steps=3, augmentation=1.0, **train)
    network = architecture(family.name).build(family.space.size, {**SHAPE, **family.network})
    network.initialise(torch.Generator().manual_seed(seed))
    return Trainer(network, course.data, course.config, seed, space=family.space)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(value, second[name]) for name, value in first.items())


@every_family
def test_each_trains_by_name_and_draws(
    family: Family, make_faces: Callable[..., FaceSet], tmp_path: Path
) -> None:
    request = request_for(family, make_faces(people=3), tmp_path / "run")
    progress = list(train(request))
    assert [p.phase for p in progress if p.phase.startswith("stage")] == ["stage 1"] * 2
    path = tmp_path / "run" / "weights.safetensors"
    network, card = load_weights(path)
    assert card.architecture == family.name
    assert card.aligner.size == 16
    assert {k: card.network[k] for k in family.network} == family.network
    assert not any("critic" in name or "others" in name for name in network.state_dict())
    engine = Engine.open(path, CPU, precision=torch.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    codes = np.eye(card.space.size, dtype=np.float32)[[0, 1, 1, 0]]
    drawn = engine.draw(pixels, codes)
    assert drawn.refined.shape == (4, 16, 16, 3)
    assert len(np.unique(drawn.features, axis=0)) == 4
    alone = engine.draw(pixels[1:2], codes[1:2])
    assert np.allclose(alone.refined, drawn.refined[1:2], atol=0.01)


@every_family
def test_a_resumed_training_ends_as_an_undisturbed_one(family: Family) -> None:
    whole, begun, resumed = (trainer_of(family) for _ in range(3))
    losses = [step.loss for step in whole.steps()]
    assert len(losses) == 3
    assert all(bool(loss.isfinite()) for loss in losses)
    steps = begun.steps()
    next(steps)
    resumed.restore(begun.stage, begun.number, {k: v.clone() for k, v in begun.state().items()})
    assert len(list(resumed.steps())) == 2
    assert same(whole.state(), resumed.state())
    assert any(name.startswith("beside.") for name in whole.state())


@every_family
def test_the_seed_alone_decides_what_is_learnt(family: Family) -> None:
    states = []
    for seed in (1, 1, 2):
        trainer = trainer_of(family, seed)
        list(trainer.steps())
        states.append(trainer.state())
    assert same(states[0], states[1])
    assert not same(states[0], states[2])


@every_family
def test_every_loss_is_weighed_under_its_name(family: Family) -> None:
    trainer = trainer_of(family)
    (first, *_) = trainer.steps()
    assert set(first.terms) == set(trainer.network.LOSSES)
    known = next(iter(trainer.network.LOSSES))
    heavy = trainer_of(family, weights={known: 7.0})
    weights = [turn.weights[known] for turn in heavy.stages[1].turns]
    assert weights == [7.0] * len(weights)


@every_family
def test_bfloat16_and_tuning_for_retrieval_work(family: Family) -> None:
    settings = {**SHAPE, **family.network, "projection": 6, "estimator": True}
    network = architecture(family.name).build(family.space.size, settings)
    network.initialise(torch.Generator().manual_seed(0))
    course = course_of(family.space, precision="bfloat16", steps=1)
    (step,) = Trainer(network, course.data, course.config, 0, space=family.space).steps()
    assert bool(step.loss.isfinite())
    drawing = network(torch.randn(2, 3, 16, 16), course.data.codes[:2])
    assert drawing.features.shape == (2, 6)
    drawing.features.sum().backward()
    assert network.projection is not None
    assert any(bool(p.grad.any()) for p in network.projection.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", ["caae", "two-stage-32"])
def test_only_who_learns_from_pairs_needs_people_shown_twice(
    name: str, make_faces: Callable[..., FaceSet], tmp_path: Path
) -> None:
    faces = make_faces(people=3)
    once = faces.where(lambda face: face.name in {"s1-0-0.png", "s2-1-0.png", "s3-2-0.png"})
    small = {"personality": 10} if name == "caae" else {}
    if name == "caae":
        request = request_for(Family(name, "pose", AGE, small), once, tmp_path / "run")
        assert list(train(request))[-1].phase == "measuring"
        return
    request = make_request(
        once,
        architecture_name=name,
        attributes=("pose",),
        recipe_name="fast",
        out=tmp_path / "run",
        device=CPU,
        steps=1,
    )
    with pytest.raises(DatasetError, match="No person is shown twice"):
        list(train(request))


@pytest.mark.parametrize(
    ("name", "attribute", "message"),
    [
        ("residual-gan", "pose", r"two values, like eyes \(open, sunglasses\); got pose \(-45, 0"),
        ("caae", "light", "values are numbers with a unit, like age; got light"),
    ],
)
def test_an_attribute_that_a_family_cannot_learn_is_refused_at_once(
    name: str,
    attribute: str,
    message: str,
    make_faces: Callable[..., FaceSet],
    tmp_path: Path,
) -> None:
    family = Family(name, attribute, EYES, {})
    with pytest.raises(ConfigError, match=message):
        request_for(family, make_faces(people=1), tmp_path / "run")


@every_family
def test_only_what_learnt_confidences_fuses(family: Family) -> None:
    network: Network = trainer_of(family).network
    images, codes = torch.randn(1, 2, 3, 16, 16), torch.zeros(1, family.space.size)
    assert network.fuses == (family.name == "dr-gan")
    if network.fuses:
        assert network.draw_together(images, codes).refined.shape == (1, 3, 16, 16)
        return
    with pytest.raises(ValueError, match="draws from one image, not from 2"):
        network.draw_together(images, codes)


@every_family
def test_the_page_says_what_losses_weigh(family: Family) -> None:
    page = (Path(__file__).parents[2] / "docs" / "label-families.md").read_text("utf-8")
    rows = [row for row in page.split("\n| `") if row.startswith(f"{family.name}` | ")]
    row = rows[1]  # of what it is, what losses weigh, which features
    for name, weight in trainer_of(family).network.LOSSES.items():
        assert f"`{name}` {weight:g}" in row


def test_the_recipes_differ_in_what_they_say() -> None:
    shape = architecture("td-gan")
    paper, fast, tuned = (shape.recipe(name) for name in ("paper", "fast", "tuned"))
    said = {"optimiser": "adam", "learning_rate": 2e-4, "beta1": 0.5, "schedule": "constant"}
    assert {key: getattr(paper.train, key) for key in said} == said
    assert fast.train.schedule == "cosine"
    assert tuned.train.tune_steps > 0
    assert tuned.network == {"projection": 256, "estimator": True}
