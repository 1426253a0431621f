import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import Tensor

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import WeightsError
from gallery.files import file_sha256, write_whole
from generator import checkpoint
from generator.card import Card
from generator.checkpoint import (
    load_checkpoint,
    load_tensors,
    load_weights,
    save_checkpoint,
    save_tensors,
    save_weights,
)
from generator.engine import Engine
from generator.networks.registry import ARCHITECTURES, architecture
from generator.networks.two_stage import TwoStage
from generator.weights_file import find_weights, load_card

MakeCard = Callable[..., Card]
MakeNetwork = Callable[[Card], TwoStage]
TENSORS = {"a": torch.arange(6.0).view(2, 3), "b.c": torch.tensor(5, dtype=torch.int64)}


def full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def full_for_safetensors(*_: object, **__: object) -> None:
    raise SafetensorError("Error while serializing: I/O error: No space left on device")


def half_written(tensors: object, path: Path, metadata: object = None) -> None:
    del tensors, metadata
    path.write_bytes(b"half a fi")
    full()


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.write_text, (self.sprung, "unpickled")


@pytest.fixture
def saved(tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork) -> Path:
    """Weights and card in a folder, and nothing else."""
    folder = tmp_path / "saved"
    folder.mkdir()
    card = make_card()
    save_weights(folder / "weights.safetensors", make_network(card), card)
    return folder / "weights.safetensors"


def change_card(weights: Path, **changes: Any) -> None:
    path = weights.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_whole_over_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_whoever_reads_an_older_file_can_read_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    ways: list[Callable[[], None]] = [
        lambda: write_whole(path, b"newer"),
        lambda: save_tensors(path, TENSORS, {}),
    ]
    for write in ways:
        write_whole(path, b"old")
        with path.open("rb") as reader:
            write()
            assert reader.read() == b"old"
        assert path.read_bytes() != b"old"


def test_files_have_their_bytes_on_disk_before_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(names(tmp_path)))
    write_whole(tmp_path / "file", b"new")
    save_tensors(tmp_path / "tensors", TENSORS, {})
    assert seen == [["file.tmp"], ["file"], ["file", "tensors.tmp"], ["file", "tensors"]]


@pytest.mark.parametrize(
    ("broken", "failing", "message"),
    [
        (os, full, "No space left on device"),
        (checkpoint, full, "No space left on device"),
        (checkpoint, half_written, "No space left on device"),
        (checkpoint, full_for_safetensors, r"cannot write .*step\.safetensors: .*No space left"),
    ],
    ids=["fsync", "open", "half", "safetensors"],
)
def test_a_full_disk_leaves_the_older_checkpoint(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Any,
    failing: Callable[..., None],
    message: str,
) -> None:
    path = tmp_path / "step.safetensors"
    save_checkpoint(path, TENSORS, {"number": 1})
    monkeypatch.setattr(broken, "fsync" if broken is os else "save_file", failing)
    with pytest.raises(OSError, match=message):
        save_checkpoint(path, {"a": torch.zeros(2, 3)}, {"number": 2})
    tensors, state = load_checkpoint(path)
    assert state == {"number": 1}
    assert torch.equal(tensors["a"], TENSORS["a"])
    assert names(tmp_path) == ["step.safetensors"]


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path) -> None:
    odd = {
        **TENSORS,
        "channels last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "a view": torch.randn(4, 6)[:, ::2],
        "half": torch.randn(3).bfloat16(),
        "nothing": torch.empty(0, 3),
        "no number": torch.tensor([float("nan"), float("-inf"), -0.0, 1e-45]),
    }
    state = {"stage": 2, "number": 7, "loss": 0.1, "none": None, "where": "ü"}
    save_checkpoint(tmp_path / "c.safetensors", odd, state)
    tensors, position = load_checkpoint(tmp_path / "c.safetensors")
    assert position == state
    assert tensors.keys() == odd.keys()
    for name, value in odd.items():
        assert tensors[name].dtype == value.dtype
        assert bits(tensors[name]) == bits(value)


def bits(tensor: Tensor) -> tuple[tuple[int, ...], list[int]]:
    return tuple(tensor.shape), tensor.contiguous().flatten().view(torch.uint8).tolist()


def test_tensors_that_hang_on_a_gradient_can_be_saved(tmp_path: Path) -> None:
    save_tensors(tmp_path / "t.safetensors", {"w": torch.ones(2, requires_grad=True)}, {})
    loaded, metadata = load_tensors(tmp_path / "t.safetensors")
    assert torch.equal(loaded["w"], torch.ones(2))
    assert metadata == {}


def test_tensors_without_a_state_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS, {"format": "pt"})
    with pytest.raises(
        WeightsError, match=r"t\.safetensors is no training checkpoint: .*Delete it"
    ):
        load_checkpoint(path)


@pytest.mark.parametrize("state", ["{", "[1]", "7"])
def test_a_state_that_is_no_object_is_no_checkpoint(tmp_path: Path, state: str) -> None:
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS, {"state": state})
    with pytest.raises(WeightsError, match=r"t\.safetensors is no training checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("keep", [0, 4, 20, 100, -1])
def test_a_torn_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "t.safetensors"
    save_tensors(path, TENSORS, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"t\.safetensors is damaged or no \.safetensors file"):
        load_tensors(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"There is no file .*t\.safetensors"):
        load_tensors(tmp_path / "t.safetensors")
    with pytest.raises(WeightsError, match="is damaged or no .safetensors file"):
        load_tensors(tmp_path)


@pytest.mark.parametrize("name", ["two-stage-60", "two-stage-32"])
def test_weights_come_back_bit_for_bit_with_their_card(
    tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork, name: str
) -> None:
    card = make_card(name)
    network = make_network(card)
    path = tmp_path / "pose.v2.safetensors"
    written = save_weights(path, network, card)
    assert names(tmp_path) == ["pose.v2.json", "pose.v2.safetensors"]
    assert written == replace(card, sha256=file_sha256(path))
    loaded, read = load_weights(path)
    assert read == written == load_card(path)
    before, after = network.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not loaded.training


def test_changed_fields_of_the_network_come_back(
    tmp_path: Path, make_card: MakeCard, make_network: MakeNetwork
) -> None:
    card = make_card("two-stage-60", network={"middle_channels": 1})
    save_weights(tmp_path / "w.safetensors", make_network(card), card)
    loaded, _ = load_weights(tmp_path / "w.safetensors")
    assert isinstance(loaded, TwoStage)
    assert loaded.config.middle_channels == 1


def test_weights_of_another_card_are_refused(saved: Path, make_network: MakeNetwork) -> None:
    network = make_network(load_card(saved))
    with torch.no_grad():
        network.get_parameter("first.decoder.conv2.bias").add_(1)
    save_tensors(saved, network.state_dict(), {"format": "pt"})
    with pytest.raises(WeightsError, match=r"is not the file its card describes \(SHA-256 \w{12}…"):
        load_weights(saved)


def test_damaged_weights_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="not the file its card describes"):
        load_weights(saved)


@pytest.mark.parametrize("missing", ["weights.json", "weights.safetensors"])
def test_weights_are_two_files(saved: Path, missing: str) -> None:
    (saved.parent / missing).unlink()
    with pytest.raises(WeightsError, match=f"There is no file .*{missing}; weights are two files"):
        load_weights(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "two-stage-60"}, "does not fit .*channels"),
        ({"architecture": "two-stage-33"}, "no architecture 'two-stage-33'; did you mean"),
        ({"network": {"feature_layer": "conv1"}}, "does not fit .*feature_layer must be one of"),
        ({"network": {"depth": 3}}, "does not fit .*has no setting 'depth'"),
        ({"network": {"middle_channels": 2.5}}, "does not fit .*takes a whole number, got 2.5"),
        (
            {"attributes": [{"name": "pose", "values": ["0", "45"]}]},
            "does not fit .*first.code.0.weight is .*\\(512, 3\\), expected \\(512, 2\\)",
        ),
        ({"attributes": []}, "does not fit .*must be positive"),
        ({"aligner": Aligner(size=60, channels=1).to_json()}, "does not fit .*60 x 60"),
    ],
    ids=["architecture", "unknown", "layer", "setting", "type", "values", "wishless", "aligner"],
)
def test_weights_that_do_not_fit_their_card_are_refused_in_a_line(
    saved: Path, changes: dict[str, Any], message: str
) -> None:
    change_card(saved, **changes)
    with pytest.raises(WeightsError, match=message) as caught:
        load_weights(saved)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value).replace(str(saved), "")) < 260


def test_weights_with_a_layer_too_few_are_refused(saved: Path) -> None:
    tensors, _ = load_tensors(saved)
    del tensors["first.image.conv1.bias"]
    save_tensors(saved, tensors, {})
    change_card(saved, sha256=file_sha256(saved))
    with pytest.raises(
        WeightsError, match="does not fit .*first.image.conv1.bias is on the card alone"
    ):
        load_weights(saved)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{", b"[]"])
def test_a_damaged_card_is_refused_by_name(saved: Path, content: bytes) -> None:
    saved.with_suffix(".json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.json is not a card of weights"):
        load_weights(saved)


def test_a_pickle_is_refused_and_never_opened(saved: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    saved.write_bytes(pickle.dumps(Trap(sprung)))
    change_card(saved, sha256=file_sha256(saved))
    with pytest.raises(WeightsError, match=r"damaged or no \.safetensors file"):
        load_weights(saved)
    torch.save({"trap": Trap(sprung)}, saved)
    change_card(saved, sha256=file_sha256(saved))
    with pytest.raises(WeightsError, match=r"damaged or no \.safetensors file"):
        load_weights(saved)
    assert not sprung.exists()


def test_weights_are_found_by_file_or_by_folder(saved: Path) -> None:
    assert find_weights(str(saved)) == saved
    assert find_weights(str(saved.parent)) == saved


def test_weights_are_found_from_home(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(saved.parent.parent))
    assert find_weights("~/saved") == saved


def test_a_folder_of_an_unfinished_training_says_how_to_finish_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no weights\.safetensors; finish .*--resume"):
        find_weights(str(tmp_path))


def test_weights_that_are_nowhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There are no weights '.*/nowhere'; give the folder"):
        find_weights(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("given", ["", "."])
def test_no_name_is_the_folder_one_stands_in(
    saved: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(saved.parent)
    assert find_weights(given) == Path("weights.safetensors")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_of_every_architecture_are_opened_whole_and_draw_as_before(
    tmp_path: Path, make_card: MakeCard, name: str
) -> None:
    """A network is built without its numbers, so none may be of its own making."""
    found = architecture(name)
    size = {} if "size" in found.fixed else {"size": 64}
    network = found.build(2, size | {"projection": 16, "estimator": True}).eval()
    side, channels = network.config.size, network.config.channels
    card = replace(
        make_card(name, network=network.config.settings()),
        space=AttributeSpace((Attribute("eyes", ("open", "sunglasses")),)),
        aligner=Aligner(size=side, channels=channels),
        mean=(100.0,) * channels,
        deviation=(50.0,) * channels,
    )
    path = tmp_path / "weights.safetensors"
    save_weights(path, network, card)
    opened, _ = load_weights(path)
    tensors = [*opened.parameters(), *opened.buffers()]
    assert not any(tensor.is_meta for tensor in tensors)
    asked = torch.rand(2, channels, side, side), torch.eye(2)
    with torch.inference_mode():
        expected, drawn = network(*asked), opened(*asked)
    assert torch.equal(drawn.refined, expected.refined)
    assert torch.equal(drawn.features, expected.features)


def test_weights_outlive_changes_of_their_file(saved: Path) -> None:
    opened, _ = load_weights(saved)
    before = opened.get_parameter("first.image.conv1.bias").clone()
    with saved.open("r+b") as file:
        file.write(bytes(saved.stat().st_size))
    assert torch.equal(opened.get_parameter("first.image.conv1.bias"), before)


def test_weights_are_built_once_and_hashed_once(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []
    hashed: list[Path] = []
    build = TwoStage.__init__

    def hashing(path: Path) -> str:
        hashed.append(path)
        return file_sha256(path)

    def counted(network: TwoStage, config: Any) -> None:
        built.append(config)
        build(network, config)

    monkeypatch.setattr(TwoStage, "__init__", counted)
    monkeypatch.setattr("generator.weights_file.file_sha256", hashing)
    Engine.open(saved, torch.device("cpu"), precision=torch.float32)
    assert (len(built), hashed) == (1, [saved])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_none_are_found_and_large_ones_are_not(bad: float) -> None:
    large = torch.full((4, 100), 60_000.0, dtype=torch.float16)  # whose sum is beyond its range
    assert not large.sum().isfinite()
    assert checkpoint.is_finite(large)
    for value in (large, torch.zeros(3), torch.ones(2, 2).bfloat16()):
        value.view(-1)[-1] = bad
        assert not checkpoint.is_finite(value)
    value = torch.zeros(4)
    value[1], value[2] = torch.inf, -torch.inf
    assert not checkpoint.is_finite(value)
    assert checkpoint.is_finite(torch.empty(0))
    assert checkpoint.is_finite(torch.tensor(7))


def test_weights_that_hold_no_numbers_are_refused(saved: Path) -> None:
    tensors, _ = load_tensors(saved)
    tensors["first.image.conv1.bias"][3] = torch.nan
    save_tensors(saved, tensors, {})
    change_card(saved, sha256=file_sha256(saved))
    with pytest.raises(WeightsError, match="conv1.bias holds numbers that are not finite"):
        load_weights(saved)


def test_a_card_of_an_enormous_network_takes_no_memory(saved: Path) -> None:
    change_card(saved, network={"projection": 4000})
    with pytest.raises(WeightsError, match="does not fit .*project.* is on the card alone"):
        load_weights(saved)
    change_card(saved, network={"projection": 10**12})
    with pytest.raises(WeightsError, match="projection is 1e.12, more than 4,096"):
        load_weights(saved)


def test_tensors_of_any_order_in_memory_are_read_as_they_were_saved(tmp_path: Path) -> None:
    """Files hold numbers in C order; a writer that stores memory as it lies would turn them."""
    image = torch.arange(120.0).view(2, 3, 4, 5)
    tensors = {
        "transposed": torch.arange(6.0).view(2, 3).T,
        "channels_last": image.contiguous(memory_format=torch.channels_last),
        "permuted": image.permute(3, 0, 2, 1),
        "every_other": torch.arange(10.0)[::2],
        "expanded": torch.ones(1, 3).expand(4, 3),
    }
    assert not any(value.is_contiguous() for value in tensors.values())
    save_tensors(tmp_path / "t.safetensors", tensors, {})
    read, _ = load_tensors(tmp_path / "t.safetensors")
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], value) for name, value in tensors.items())
