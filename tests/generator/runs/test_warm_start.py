"""Training that goes on with weights of other wishes: `--start … --new-wishes`."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import ConfigError, WeightsError
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.checkpoint import save_weights
from generator.networks.family import Network
from generator.networks.registry import architecture
from generator.runs.request import CPU, TrainRequest, make_request
from generator.runs.warm_start import begin_with

POSE = Attribute("pose", ("-45", "0", "45"), "degree")
MOOD = Attribute("mood", ("calm", "happy"))
WIDE = Attribute("pose", ("-90", "0", "30", "45"), "degree")
LIGHT = Attribute("light", ("left", "right"))
BEFORE = AttributeSpace((MOOD, POSE))
AFTER = AttributeSpace((WIDE, LIGHT))


def network_of(space: AttributeSpace, seed: int) -> Network:
    network = architecture("mindseye-32").build(space.size, {"estimator": True})
    network.initialise(torch.Generator().manual_seed(seed))
    return network.eval()


def code(space: AttributeSpace, **wishes: str) -> Tensor:
    parts = [
        one.code(wishes[one.name]) if one.name in wishes else [0.0] * len(one.values)
        for one in space
    ]
    return torch.tensor([[*chain.from_iterable(parts)]])


@pytest.fixture
def weights(tmp_path: Path) -> tuple[Path, Network]:
    """A network that draws moods and poses, and its file."""
    network, path = network_of(BEFORE, 1), tmp_path / "before" / "weights.safetensors"
    path.parent.mkdir()
    card = Card(
        name="before",
        architecture="mindseye-32",
        network=network.config.settings(),
        space=BEFORE,
        aligner=Aligner(size=32, channels=3),
        mean=(100.0, 90.0, 80.0),
        deviation=(50.0, 51.0, 52.0),
        train_identities=("p1",),
        seed=1,
    )
    save_weights(path, network, card)
    return path, network


@pytest.mark.parametrize(
    ("wish", "as_before"),
    [("0", "0"), ("45", "45"), ("30", "45"), ("-90", "-45")],  # new numbers begin as the nearest
)
def test_known_values_are_drawn_as_before(
    weights: tuple[Path, Network], wish: str, as_before: str
) -> None:
    path, before = weights
    after = network_of(AFTER, 2)
    assert begin_with(path, after, AFTER) == ((100.0, 90.0, 80.0), (50.0, 51.0, 52.0))
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    drawn = before.draw(images, code(BEFORE, pose=as_before)).refined
    for light in LIGHT.values:  # nobody has learnt what a light is
        torch.testing.assert_close(
            after.draw(images, code(AFTER, pose=wish, light=light)).refined, drawn
        )


def test_the_estimator_tells_known_values_as_before_and_new_ones_by_chance(
    weights: tuple[Path, Network],
) -> None:
    path, before = weights
    after = network_of(AFTER, 2)
    begin_with(path, after, AFTER)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert before.estimator is not None
    assert after.estimator is not None
    told, known = after.estimator(images), before.estimator(images)
    pose = known[:, len(MOOD.values) :]
    torch.testing.assert_close(told[:, :4], pose[:, [0, 1, 2, 2]])
    assert told[:, 4:].abs().max() == 0


def asked(
    spec: str, start: str | None, name: str = "two-stage-32", *, new: bool = True
) -> TrainRequest:
    return make_request(
        open_faces(spec),
        architecture_name=name,
        attributes=("pose",),
        recipe_name="fast",
        out=Path("run"),
        device=CPU,
        steps=3,
        start=start,
        new_wishes=new,
    )


def test_wishes_are_those_of_the_faces(weights: tuple[Path, Network], faces_spec: str) -> None:
    path, _ = weights
    request = asked(faces_spec, str(path), "mindseye-32")
    assert request.faces.space == open_faces(faces_spec).space
    with pytest.raises(WeightsError, match="it draws mood, pose, not pose; .*--new-wishes"):
        asked(faces_spec, str(path), "mindseye-32", new=False)


def test_what_cannot_be_gone_on_with_is_refused(
    make_weights: Callable[..., Path], faces_spec: str
) -> None:
    with pytest.raises(ConfigError, match="add --start"):
        asked(faces_spec, None)
    told = "two-stage-32 cannot go on with other wishes; mindseye-60 and mindseye-32 can"
    with pytest.raises(ConfigError, match=told):
        asked(faces_spec, str(make_weights("pose-32")))


@pytest.mark.parametrize("name", ["mindseye-60", "mindseye-32"])
def test_the_sides_that_are_the_code_are_those_that_change_with_it(name: str) -> None:
    """No layer of such a family depends on the code but those that it names."""
    sides = architecture(name).network.CODE_SIDES
    few, many = (
        {
            layer: value.shape
            for layer, value in architecture(name)
            .build(size, {"estimator": True})
            .state_dict()
            .items()
        }
        for size in (3, 5)
    )
    changed = {layer for layer in few if few[layer] != many[layer]}
    assert changed == set(sides)
    for layer, side in sides.items():
        assert (few[layer][side], many[layer][side]) == (3, 5)
