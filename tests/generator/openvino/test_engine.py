"""OpenVINO draws, embeds, estimates and chooses as torch does in float32, up to rounding."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.align import Aligner, Pixels
from gallery.arrays import Floats, normalise
from gallery.errors import ConfigError, WeightsError
from generator import runtime
from generator.card import Card
from generator.checkpoint import load_weights, save_weights
from generator.drawer import Drawer
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.openvino import kept, library
from generator.runtime import open_drawer
from tests.generator.editing import TINY
from tests.running import in_a_process

CPU = torch.device("cpu")
FAMILIES = ("two-stage-32", "mindseye-32", "stgan")
HEADS = {"projection": 16, "estimator": True}
pytestmark = pytest.mark.skipif(
    not library.is_installed(), reason="needs OpenVINO: pip install 'mindseye[fast]'"
)
MakeCard = Callable[..., Card]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "folder", lambda: tmp_path / "kept")
    monkeypatch.setattr("generator.openvino.export._import_ms", lambda _: 5.0)
    monkeypatch.setattr("generator.openvino.export._question_ms", lambda *_: 5.0)


@pytest.fixture
def make(make_card: MakeCard, tmp_path: Path) -> Callable[..., Path]:
    """Write untrained weights of an architecture, with both heads."""

    def make(name: str, **settings: Any) -> Path:
        torch.manual_seed(0)
        tiny: dict[str, Any] = {} if name.endswith("-32") else TINY
        given = {**tiny, **HEADS, **settings}
        gray = {"mean": (100.5,), "deviation": (50.0,), "aligner": Aligner(size=32, channels=1)}
        card = make_card(name, network=given, **(gray if tiny else {}))
        network = architecture(name).build(card.space.size, given)
        path = tmp_path / name / "weights.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_weights(path, network, card)
        return path

    return make


def exact(path: Path) -> Engine:
    return Engine.open(path, CPU, precision=torch.float32)


def images_of(card: Card, count: int) -> Pixels:
    shape = (count, card.aligner.size, card.aligner.size, card.aligner.channels)
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


def codes_of(card: Card, count: int) -> Floats:
    every = np.eye(card.space.size, dtype=np.float32)
    return np.broadcast_to(every, (count, *every.shape))


def assert_draws_alike(mine: Drawer, other: Drawer, count: int) -> None:
    pixels, codes = images_of(mine.card, count), codes_of(mine.card, count)
    for wish in range(codes.shape[1]):
        a, b = mine.draw(pixels, codes[:, wish]), other.draw(pixels, codes[:, wish])
        assert a.first == pytest.approx(b.first, abs=0.01)
        assert a.refined == pytest.approx(b.refined, abs=0.01)
        assert a.features.shape == b.features.shape == (count, mine.dimension)
        cosines = (normalise(a.features) * normalise(b.features)).sum(axis=1)
        assert cosines == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_draws_estimates_and_chooses_as_with_torch(
    make: Callable[..., Path], name: str
) -> None:
    path = make(name)
    mine, other = open_drawer(path, "cpu", "openvino"), exact(path)
    assert (mine.runtime, mine.precision, mine.on) == ("openvino", "float32", "cpu")
    assert (mine.dimension, mine.refines, mine.estimates) == (16, other.refines, True)
    assert_draws_alike(mine, other, 3)
    pixels, codes = images_of(mine.card, 5), codes_of(mine.card, 5)
    assert mine.log_probabilities(pixels) == pytest.approx(
        other.log_probabilities(pixels), abs=1e-4
    )
    handicap = np.random.default_rng(2).uniform(0, 500, codes.shape[:2]).astype(np.float32)
    for refine_best in (None, 1, 2):
        a, b = (
            one.closest(pixels, codes, handicap=handicap, refine_best=refine_best)
            for one in (mine, other)
        )
        # A family of one stage refines all, whatever is said.
        if refine_best is None or other.refines:
            assert a.choice.tolist() == b.choice.tolist()
            assert a.errors == pytest.approx(b.errors, rel=1e-3)
            assert a.drawn.refined == pytest.approx(b.drawn.refined, abs=0.01)


def test_batches_are_as_their_images_alone(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawer = open_drawer(make("mindseye-32"), "cpu", "openvino")
    pixels, codes = images_of(drawer.card, 5), codes_of(drawer.card, 5)
    whole = drawer.closest(pixels, codes)
    monkeypatch.setattr("generator.openvino.engine.AT_ONCE", 4)
    parts = drawer.closest(pixels, codes)
    assert whole.choice.tolist() == parts.choice.tolist()
    assert whole.drawn.features == pytest.approx(parts.drawn.features, abs=1e-4)
    assert drawer.log_probabilities(pixels).shape == (5, 3)


def test_what_does_not_fit_is_refused(make: Callable[..., Path]) -> None:
    drawer = open_drawer(make("two-stage-32", estimator=False), "cpu", "openvino")
    pixels, codes = images_of(drawer.card, 2), codes_of(drawer.card, 2)
    with pytest.raises(ValueError, match="expected images"):
        drawer.draw(pixels[:1], codes[:, 0])
    with pytest.raises(ValueError, match="refine_best must be at least 1"):
        drawer.closest(pixels, codes, refine_best=0)
    with pytest.raises(ValueError, match="no attribute estimator"):
        drawer.log_probabilities(pixels)
    with pytest.raises(ValueError, match="draw from one image, not from 2"):
        drawer.draw_together(pixels[None], codes[:1, 0])


def test_what_was_made_is_opened_again_and_made_anew_where_it_is_damaged(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = make("two-stage-32")
    first = open_drawer(path, "cpu", "openvino")
    (blob,) = (tmp_path / "kept").glob("*/drawing.blob")
    with monkeypatch.context() as patch:
        patch.setattr("generator.openvino.export.export", None)  # nothing is exported again
        assert_draws_alike(open_drawer(path, "cpu", "openvino"), first, 1)
    damaged = bytearray(blob.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    blob.unlink()
    blob.write_bytes(damaged)
    assert_draws_alike(open_drawer(path, "cpu", "openvino"), first, 1)
    assert blob.read_bytes() != damaged
    assert not list((tmp_path / "kept").glob(".making-*"))


def test_where_nothing_can_be_kept_nothing_is_converted(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").write_bytes(b"")  # no folder can be made below a file
    monkeypatch.setattr(kept, "folder", lambda: tmp_path / "home" / "kept")
    monkeypatch.setattr("generator.openvino.export.export", None)
    monkeypatch.delenv(runtime.VARIABLE)
    path = make("two-stage-32")
    assert open_drawer(path, "cpu").runtime == "torch"
    with pytest.raises(WeightsError, match="cannot draw with tiny: .*home.*; say --runtime torch"):
        open_drawer(path, "cpu", "openvino")


def test_weights_that_are_not_those_of_their_card_are_refused(make: Callable[..., Path]) -> None:
    path = make("two-stage-32")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WeightsError, match="is not the file its card describes"):
        open_drawer(path, "cpu", "openvino")


@pytest.mark.parametrize(("openvino_ms", "taken"), [(1.0, "openvino"), (1e6, "torch")])
def test_auto_takes_what_was_measured_faster(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, openvino_ms: float, taken: str
) -> None:
    path = make("two-stage-32")
    took = iter((openvino_ms, 10.0))
    monkeypatch.setattr("generator.openvino.export._question_ms", lambda *_: next(took))
    monkeypatch.delenv(runtime.VARIABLE)
    assert open_drawer(path, "cpu").runtime == taken
    assert open_drawer(path, "cpu", "openvino").runtime == "openvino"
    assert open_drawer(path, "cpu", "torch").runtime == "torch"
    monkeypatch.setenv(runtime.VARIABLE, "torch")
    assert open_drawer(path, "cpu", "auto").runtime == "torch"


def test_what_disagrees_with_torch_is_not_run(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make("two-stage-32")
    monkeypatch.setattr("generator.openvino.export.GREY", -1.0)
    monkeypatch.delenv(runtime.VARIABLE)
    assert open_drawer(path, "cpu").runtime == "torch"
    with pytest.raises(WeightsError, match=r"cannot draw with tiny: it does not agree with torch"):
        open_drawer(path, "cpu", "openvino")


def test_a_card_that_says_what_was_not_measured_is_another_network(
    make: Callable[..., Path], tmp_path: Path
) -> None:
    path = make("two-stage-32")
    open_drawer(path, "cpu", "openvino")
    network, card = load_weights(path)
    save_weights(path, network, Card(**{**card_fields(card), "mean": (10.0,)}))
    assert_draws_alike(open_drawer(path, "cpu", "openvino"), exact(path), 1)
    assert len(list((tmp_path / "kept").iterdir())) == 2


def card_fields(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__slots__}


def test_nothing_of_openvino_that_sends_messages_is_imported() -> None:
    code = (
        "import sys\nfrom generator.openvino.library import openvino\nopenvino().Core()\n"
        "print([name for name in sys.modules if 'telemetry' in name or name.endswith('tools.ovc')])"
    )
    assert in_a_process(code).stdout.strip() == "[]"


def test_a_device_that_openvino_does_not_draw_on_is_refused(make: Callable[..., Path]) -> None:
    path = make("two-stage-32")
    with pytest.raises(ConfigError, match="OpenVINO draws on the CPU, not on cuda"):
        open_drawer(path, "cuda", "openvino")
