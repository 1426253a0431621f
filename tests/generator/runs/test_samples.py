"""Shapes: P pairs, S side, C channels."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import FaceSet
from gallery.pixels import Aligned, align_all, align_each
from gallery.sheets import sheet
from generator.card import Card
from generator.engine import Engine
from generator.networks.two_stage import TwoStage
from generator.runs import samples
from generator.runs.request import CPU, TrainRequest
from generator.runs.samples import measure, sample_sheet, showcase
from generator.training.pairs import make_pairs

MakeFaces = Callable[..., FaceSet]
Ask = Callable[..., TrainRequest]
Align = Callable[[TrainRequest], Aligned]
Tiles = Sequence[Sequence[Any]]


@pytest.fixture
def align_faces(make_faces: MakeFaces, ask: Ask, align: Align) -> Callable[..., Aligned]:
    """Draw people and cut them out: keywords as for `make_faces`."""
    return lambda **counts: align(ask(make_faces(**counts)))


@pytest.fixture
def engine(make_card: Callable[..., Card], make_network: Callable[[Card], TwoStage]) -> Engine:
    card = make_card()
    return Engine(make_network(card), card, CPU)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Tiles]:
    """Return the list to which the tiles of every sheet will be added."""
    seen: list[Tiles] = []

    def spy(rows: Tiles, **options: Any) -> Image.Image:
        seen.append(rows)
        return sheet(rows, **options)

    monkeypatch.setattr(samples, "sheet", spy)
    return seen


def test_the_errors_follow_their_definition(
    engine: Engine, align_faces: Callable[..., Aligned]
) -> None:
    part = align_faces(people=2)
    space: AttributeSpace = engine.card.space
    first, second, count = 0.0, 0.0, 0
    for source, one in enumerate(part.faces):
        for target, other in enumerate(part.faces):
            alike = (one.identity, one.condition["light"]) == (
                other.identity,
                other.condition["light"],
            )
            if not alike or one.condition["pose"] == other.condition["pose"]:
                continue
            code = space.one_hot({"pose": other.condition["pose"]})
            drawn = engine.draw(part.pixels[source : source + 1], code[None])
            wanted = part.pixels[target].astype(np.float64)
            first += float(np.mean((drawn.first[0] - wanted) ** 2))
            second += float(np.mean((drawn.refined[0] - wanted) ** 2))
            count += 1
    errors = measure(engine, part, seed=0)
    assert errors is not None
    assert errors == {
        "pairs": count,
        "mse_stage_1": pytest.approx(first / count, abs=0.1),
        "mse_stage_2": pytest.approx(second / count, abs=0.1),
    }
    assert count == 2 * 2 * 3 * 2


def test_where_nobody_is_shown_twice_there_are_no_errors(
    engine: Engine, align_faces: Callable[..., Aligned]
) -> None:
    assert measure(engine, align_faces(people=2, poses=1), seed=0) is None


def test_the_seed_chooses_among_too_many_pairs(
    engine: Engine, align_faces: Callable[..., Aligned], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = align_faces()
    whole = measure(engine, part, seed=0)
    monkeypatch.setattr(samples, "MEASURED_PAIRS", 5)
    chosen = [measure(engine, part, seed) for seed in (0, 0, 1)]
    assert whole is not None
    assert whole["pairs"] == 48
    assert all(errors is not None and errors["pairs"] == 5 for errors in chosen)
    assert chosen[0] == chosen[1] != chosen[2]


def test_2000_pairs_are_measured_and_8_are_shown() -> None:
    assert (samples.MEASURED_PAIRS, samples.SAMPLED_PAIRS) == (2_000, 8)


def test_a_sheet_shows_source_both_stages_and_target(
    engine: Engine, align_faces: Callable[..., Aligned], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = spied(monkeypatch)
    part = align_faces(people=1)
    picture = sample_sheet(engine, part, 0, refined=True, title="stage 2")
    assert picture.width >= 4 * 128
    assert len(seen[0]) == 8
    pairs = make_pairs(part.faces, engine.card.space, same_pairs=False)
    allowed = set(zip(pairs.sources.tolist(), pairs.targets.tolist(), strict=True))
    for row in seen[0]:
        captions = [tile.caption for tile in row]
        source, target = (find(part, row[place].pixels) for place in (0, 3))
        wish = part.faces[target].condition["pose"]
        assert (source, target) in allowed
        assert captions == ["source", f"stage 1: pose={wish}", "stage 2", "target"]
        code = engine.card.space.one_hot({"pose": wish})
        drawn = engine.draw(part.pixels[source : source + 1], code[None])
        assert np.allclose(row[1].pixels, drawn.first[0], atol=0.05)
        assert np.allclose(row[2].pixels, drawn.refined[0], atol=0.05)


def find(part: Aligned, pixels: np.ndarray[Any, Any]) -> int:
    same = (part.pixels == pixels).all(axis=(1, 2, 3))
    assert same.sum() == 1
    return int(same.argmax())


def test_before_the_second_stage_is_trained_its_place_is_empty(
    engine: Engine, align_faces: Callable[..., Aligned], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = spied(monkeypatch)
    sample_sheet(engine, align_faces(people=1), 0, refined=False, title="stage 1")
    assert all(row[2].pixels is None and row[2].caption == "" for row in seen[0])
    assert all(row[place].pixels is not None for row in seen[0] for place in (0, 1, 3))


def test_where_nobody_is_shown_twice_everybody_is_drawn_as_themselves(
    engine: Engine, align_faces: Callable[..., Aligned], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = spied(monkeypatch)
    part = align_faces(people=3, poses=1, lights=1)
    sample_sheet(engine, part, 0, refined=True, title="")
    assert len(seen[0]) == 3
    for place, row in enumerate(seen[0]):
        assert np.array_equal(row[0].pixels, part.pixels[place])
        assert np.array_equal(row[3].pixels, part.pixels[place])
        assert row[1].caption == "stage 1: pose=-45"


def test_a_showcase_shows_people_the_weights_have_not_seen(
    make_faces: Callable[..., FaceSet],
    make_card: Callable[..., Card],
    make_network: Callable[[Card], TwoStage],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = spied(monkeypatch)
    faces = make_faces(people=3)
    card = make_card(train_identities=("s1", "s3"))
    engine = Engine(make_network(card), card, CPU)
    showcase(engine, faces, seed=0)
    strangers = align_all(list(align_each(faces.of(["s2"]), card.aligner)), faces.spec)
    assert len(seen[0]) == 8
    for row in seen[0]:
        assert find(strangers, row[0].pixels) != find(strangers, row[3].pixels)
    known = Engine(make_network(card), replace(card, train_identities=("s1", "s2", "s3")), CPU)
    with pytest.raises(DatasetError, match="tiny has seen everybody in folder:"):
        showcase(known, faces, seed=0)
