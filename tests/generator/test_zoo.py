"""Weights that ship: as good as those they were made of, small, listed, and chosen rightly."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import WeightsError
from gallery.joined import JOINS
from gallery.readers.registry import open_faces
from generator import weights_file, zoo
from generator.card import Card
from generator.checkpoint import load_weights, save_weights
from generator.engine import Engine
from generator.networks.two_stage import TwoStage, with_table
from generator.runs.request import CPU
from generator.weights_file import find_weights, save_card
from generator.zoo import LARGEST, WeightsFile, fitting, pack, packaged, to_table, to_text

MakeCard = Callable[..., Card]
MakeNetwork = Callable[[Card], TwoStage]
POSE = Attribute("pose", ("-45", "0", "45"), "degree")
EYES = Attribute("eyes", ("open", "sunglasses"))
TRACKED = 45_000_000


@pytest.fixture
def trained(tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork) -> Path:
    """Weights of a run, not yet packed."""
    card = make_card("two-stage-60", train_identities=("a", "b"), metrics={"heldout": {"pairs": 3}})
    path = tmp_path / "run" / "weights.safetensors"
    path.parent.mkdir()
    save_weights(path, make_network(card), card)
    return path


@pytest.fixture
def shipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork
) -> Path:
    """A folder that stands for the packaged one: pose-60, pose-32 and eyes-32."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name, built, attribute in (
        ("pose-32", "two-stage-32", POSE),
        ("pose-60", "two-stage-60", POSE),
        ("eyes-32", "two-stage-32", EYES),
    ):
        card = make_card(built, name=name, space=AttributeSpace((attribute,)))
        save_weights(folder / f"{name}.safetensors", make_network(card), card)
    monkeypatch.setattr(weights_file, "PACKAGED", folder)
    return folder


@pytest.mark.parametrize("name", ["two-stage-60", "two-stage-32"])
def test_a_table_says_of_each_value_what_the_branch_said(
    make_card: MakeCard, make_network: MakeNetwork, name: str
) -> None:
    network = make_network(make_card(name))
    table = with_table(network)
    size, channels = network.config.size, network.config.channels
    images = torch.randn(3, channels, size, size, generator=torch.Generator().manual_seed(0))
    whole, small = network(images, torch.eye(3)), table(images, torch.eye(3))
    assert torch.allclose(whole.refined, small.refined, atol=1e-4)
    assert torch.allclose(whole.features, small.features, atol=1e-4)
    assert with_table(table) is table
    maps = 3 * 3 * (size // 2) ** 2
    assert table.first.code.weight.numel() == maps  # type: ignore[operator]


def test_packed_weights_draw_almost_what_they_drew_before(trained: Path, tmp_path: Path) -> None:
    packed = pack(trained, tmp_path / "w", name="pose-60", notes="preliminary", headline="C2@1 50")
    before = Engine.open(trained, CPU, precision=torch.float32)
    after = Engine.open(packed.path, CPU, precision=torch.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 60, 60, 3), dtype=np.uint8)
    codes = np.eye(3, dtype=np.float32)
    first, second = before.draw(pixels, codes), after.draw(pixels, codes)
    assert np.abs(first.refined - second.refined).mean() < 0.5
    assert not np.array_equal(first.refined, second.refined)
    assert packed.size_bytes < trained.stat().st_size / 3


def test_the_card_of_packed_weights_says_what_they_are(trained: Path, tmp_path: Path) -> None:
    packed = pack(trained, tmp_path / "w", name="pose-60", notes="preliminary", headline="C2@1 50")
    card = packed.card
    assert (card.name, card.notes, card.licence) == ("pose-60", "preliminary", "Apache-2.0")
    assert card.metrics == {"heldout": {"pairs": 3}, "headline": "C2@1 50"}
    assert card.network["code_branch"] == "table"
    assert card.train_identities == ("a", "b")
    assert load_weights(packed.path)[0].get_parameter("first.code.weight").dtype == torch.float32
    described = packed.describe()
    assert (described["people"], described["bytes"]) == (2, packed.size_bytes)
    assert json.loads(json.dumps(described))["name"] == "pose-60"
    for text in (to_table([packed]), to_text(packed)):
        for part in ("pose-60", "Apache-2.0", "preliminary", "C2@1 50", card.sha256[:12], "pose"):
            assert part in text


def test_a_description_counts_people_and_names_none(trained: Path) -> None:
    weights = WeightsFile.at(trained)
    data = {**weights.card.data, "validation": ["b"]}
    fusion = {"fitted_on": {"spec": "folder:x", "people": ["c", "d"]}}
    redrawing = {"measured_on": {"spec": "folder:y", "people": ["e", "f", "g"]}}
    card = replace(weights.card, data=data, fusion=fusion, redrawing=redrawing)
    described = replace(weights, card=card).describe()
    assert described["people"] == 2
    assert described["data"]["validation"] == 1
    assert described["fusion"]["fitted_on"]["people"] == 2
    assert described["redrawing"]["measured_on"]["people"] == 3


@pytest.mark.parametrize(
    ("heldout", "headline"),
    [
        ({"pairs": 9, "mse_stage_2": 365.4}, "MSE 365 (drawings of unseen people)"),
        (None, "not measured"),
    ],
)
def test_without_a_result_the_headline_is_the_error_of_drawings(
    tmp_path: Path,
    make_card: MakeCard,
    make_network: MakeNetwork,
    heldout: dict[str, float] | None,
    headline: str,
) -> None:
    card = make_card(metrics={"heldout": heldout})
    save_weights(tmp_path / "run.safetensors", make_network(card), card)
    packed = pack(tmp_path / "run.safetensors", tmp_path / "w", name="pose-32")
    assert packed.card.metrics["headline"] == headline


@pytest.fixture
def both(shipped: Path, make_card: MakeCard, make_network: MakeNetwork) -> WeightsFile:
    """Weights of two attributes, packed beside those that stand for the packaged ones."""
    card = make_card(space=AttributeSpace((POSE, EYES)), train_identities=("a",))
    run = shipped.parent / "two.safetensors"
    save_weights(run, make_network(card), card)
    return pack(run, shipped, name="both-32")


def test_weights_of_several_attributes_are_packed(both: WeightsFile, tmp_path: Path) -> None:
    before = Engine.open(tmp_path / "two.safetensors", CPU, precision=torch.float32)
    after = Engine.open(both.path, CPU, precision=torch.float32)
    assert after.card.space.names == ("pose", "eyes")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1)).astype(np.uint8)
    wishes = [{"pose": pose, "eyes": eyes} for pose in ("-45", "45") for eyes in EYES.values]
    codes = np.stack([after.card.space.one_hot(wish) for wish in wishes])
    one, other = (engine.draw(images, codes).refined for engine in (before, after))
    assert np.abs(one - other).max() < 1  # grey level
    assert both.size_bytes < 0.6 * (tmp_path / "two.safetensors").stat().st_size
    assert "pose, eyes" in to_table([both])
    assert "draws eyes: open sunglasses" in to_text(both)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("space", "attributes", "expected"),
    [
        ((EYES,), (), ["eyes-32"]),  # both-32 is as large
        ((POSE, EYES), (), ["pose-60", "both-32"]),
        ((), ("eyes", "pose"), ["pose-60", "both-32"]),
        ((), (), ["pose-60"]),
    ],
)
def test_weights_of_several_attributes_are_chosen_where_they_draw_more(
    space: tuple[Attribute, ...], attributes: tuple[str, ...], expected: list[str]
) -> None:
    found = fitting(AttributeSpace(space), attributes)
    assert [one.card.name for one in found] == expected


def test_too_large_weights_are_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "LARGEST", 1000)
    with pytest.raises(WeightsError, match="1000 may ship"):
        pack(trained, tmp_path / "w", name="pose-60")


def test_packing_from_the_command_line(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "w")
    assert zoo.main([str(trained.parent), "--name", "pose", "--folder", folder]) == 0
    assert "pose.safetensors" in capsys.readouterr().err
    assert zoo.main(["nowhere", "--name", "pose", "--folder", folder]) == 1
    assert "There are no weights 'nowhere'" in capsys.readouterr().err


def test_packaged_weights_are_found_by_name_and_files_come_first(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_weights("pose-60") == shipped / "pose-60.safetensors"
    with pytest.raises(WeightsError, match="packaged weights: eyes-32, pose-32, pose-60"):
        find_weights("pose-61")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pose-60").mkdir()
    (tmp_path / "pose-60" / "weights.safetensors").touch()
    assert find_weights("pose-60") == Path("pose-60/weights.safetensors")


@pytest.mark.usefixtures("shipped")
def test_weights_that_fit_a_gallery_are_the_largest_of_each_attribute_it_knows() -> None:
    def names(space: AttributeSpace, *attributes: str) -> list[str]:
        return [one.card.name for one in fitting(space, attributes)]

    assert names(AttributeSpace((POSE,))) == ["pose-60"]
    assert names(AttributeSpace((POSE, EYES))) == ["pose-60", "eyes-32"]
    assert names(AttributeSpace(())) == ["pose-60"]
    assert names(AttributeSpace(()), "eyes") == ["eyes-32"]
    assert names(AttributeSpace((EYES,)), "pose") == ["pose-60"]


def test_of_equally_large_ones_those_made_to_find_are_taken(
    shipped: Path, make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card("two-stage-60", name="a-tuned", network={"projection": 16})
    save_weights(shipped / "a-tuned.safetensors", make_network(card), card)
    assert [one.card.name for one in fitting(AttributeSpace((POSE,)))] == ["a-tuned"]
    card = make_card("two-stage-32", name="tuned-32", network={"projection": 16})
    (shipped / "a-tuned.safetensors").unlink()
    (shipped / "a-tuned.json").unlink()
    save_weights(shipped / "tuned-32.safetensors", make_network(card), card)
    assert [one.card.name for one in fitting(AttributeSpace((POSE,)))] == ["pose-60"]


def test_a_card_whose_redrawings_are_damaged_is_named_when_shown(
    trained: Path, make_card: MakeCard
) -> None:
    save_card(trained, make_card("two-stage-60", redrawing={"images": 200}))
    with pytest.raises(WeightsError, match="redrawing: .* it must have quantiles and images"):
        WeightsFile.at(trained)


def test_a_card_that_names_nobody_it_was_fitted_on_can_be_shown(
    trained: Path, make_card: MakeCard
) -> None:
    save_card(trained, make_card("two-stage-60", fusion={"fitted_on": {}}))
    shown = WeightsFile.at(trained)
    assert shown.card.seen == ()
    assert shown.describe()["fusion"] == {"fitted_on": {}}
    assert "fitted on" not in to_text(shown)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("space", "attributes", "message"),
    [
        (AttributeSpace((Attribute("hat", ("yes", "no")),)), (), "draw hat in the values"),
        (
            AttributeSpace((Attribute("pose", ("left", "0")),)),
            (),
            r"these images; Known: eyes, pose\. Choose",
        ),
        (AttributeSpace((POSE,)), ("pose", "hat"), "draw hat; Known: eyes, pose"),
        (AttributeSpace((POSE,)), ("poes",), "draw poes; did you mean 'pose'. Known: eyes, pose"),
    ],
)
def test_a_gallery_that_nothing_fits_is_told_what_there_is(
    space: AttributeSpace, attributes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        fitting(space, attributes)


def test_what_ships_is_small_labelled_and_has_never_seen_the_packaged_gallery() -> None:
    people = set(open_faces("studio-mini").identities)
    shipped = packaged()
    assert {"pose-mindseye-60", "pose-60", "pose-32"} <= {one.card.name for one in shipped}
    assert sum(one.size_bytes for one in shipped) < TRACKED
    for one in shipped:
        assert one.size_bytes <= LARGEST
        assert one.path.stem == one.card.name
        assert one.card.licence == "Apache-2.0"
        assert one.card.train_identities
        assert not people & set(one.card.train_identities)
        assert all(part.startswith("studio:") for part in one.card.data["spec"].split(JOINS))
        assert WeightsFile.at(one.path).describe()["sha256"] == one.card.sha256
        load_weights(one.path)
