"""Editors side by side: which faces they share, what the picture shows, what the table prints."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import cli  # noqa: TID251  the subject
from experiments.editors import sheet
from experiments.editors.comparison import check_alike, compare_editors, editors_table
from experiments.editors.sheet import choose_edits, draw_sheet
from experiments.editors.table import write_comparison
from gallery import third_party
from gallery.attributes import Attribute
from gallery.errors import ConfigError, DatasetError
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated
from tests.retrieval.evaluation.statistics.test_editing import editing_of
from tests.retrieval.evaluation.test_benchmark import (
    GRID,
    LIGHT,
    POSE,
    Copy,
    Oracle,
    card_of,
    of_grid,
    pixels_of,
)


def results_of(**changes: Any) -> dict[str, Any]:
    record = simulated.record(3, names=("ours",), most=60)
    record = replace(record, editing=editing_of(len(record.queries)))
    return {**summarise(record, score_all(record)), **changes}


def test_edits_are_of_other_people_first_and_have_a_true_target() -> None:
    edits = choose_edits(GRID, [card_of("w", POSE, trained_on=("s0", "s1"))], Protocol())
    people = [edit.source.identity for edit in edits]
    assert len(edits) == 12
    assert set(people[:6]) == set(people[6:]) == {f"s{n}" for n in range(2, 8)}
    for edit in edits:
        assert edit.target.identity == edit.source.identity
        wished = dict(edit.wish)
        assert wished != {"pose": edit.source.condition["pose"]}
        assert dict(edit.target.condition) == {**edit.source.condition, **wished}
    assert edits != choose_edits(GRID, [card_of("w", POSE)], Protocol(seed=1))


def test_edits_are_those_that_every_editor_can_draw_of_people_nobody_has_seen() -> None:
    fewer = Attribute("pose", ("-45", "0"), "degree")
    cards = [
        card_of("a", POSE, trained_on=("s0", "s1", "s2")),
        card_of("b", fewer, LIGHT, trained_on=("s7",)),
    ]
    edits = choose_edits(GRID, cards, Protocol(), count=100)
    assert {edit.source.identity for edit in edits} == {"s3", "s4", "s5", "s6"}
    assert {edit.wish["pose"] for edit in edits} == {"-45", "0"}
    assert {edit.source.condition["pose"] for edit in edits} == {"-45", "0"}
    assert len(edits) == 4 * 2 * 2  # people, lights, ways


def test_edits_may_change_two_attributes_at_once() -> None:
    edits = choose_edits(GRID, [card_of("w", POSE, LIGHT)], Protocol(wishes=2), count=100)
    assert len(edits) == len(GRID.faces) * 2
    for edit in edits:
        assert {**edit.wish} == {**edit.target.condition}
        assert all(edit.source.condition[name] != value for name, value in edit.wish.items())


def test_a_protocol_may_call_values_as_the_weights_do() -> None:
    names = {"pose": {"-45": "west", "0": "ahead", "45": "east"}}
    card = card_of("w", Attribute("pose", ("ahead", "east", "west")))
    edits = choose_edits(GRID, [card], Protocol(names=names))
    assert {edit.wish["pose"] for edit in edits} == {"ahead", "east", "west"}


def test_editors_of_different_attributes_share_no_edit() -> None:
    cards = [card_of("a", POSE), card_of("b", LIGHT)]
    with pytest.raises(DatasetError, match="two values that all of a, b draw"):
        choose_edits(GRID, cards, Protocol())


def test_the_picture_has_a_row_for_source_target_and_each_editor() -> None:
    engines = {"true one": Oracle(card_of("a", POSE)), "copy": Copy(card_of("b", POSE))}
    edits = choose_edits(GRID, [one.card for one in engines.values()], Protocol(), count=3)
    picture = np.asarray(draw_sheet(GRID, engines, edits).convert("L")).astype(int)
    cell_w = sheet.TILE_PX + 12
    cell_h = picture.shape[0] // 4
    assert picture.shape[1] == 4 * cell_w
    tiles = {
        (row, column): picture[
            row * cell_h + 6 : row * cell_h + 6 + sheet.TILE_PX,
            column * cell_w + 6 : column * cell_w + 6 + sheet.TILE_PX,
        ]
        for row, column in product(range(4), range(4))
    }
    for column, edit in enumerate(edits, start=1):
        person, pose, light = map(int, edit.source.name.split("-"))
        source = pixels_of(person, pose, light).mean()
        assert tiles[0, column].mean() == pytest.approx(source, abs=2)
        assert (tiles[2, column] == tiles[1, column]).all()
        assert (tiles[3, column] == tiles[0, column]).all()
        assert (tiles[1, column] != tiles[0, column]).any()
    assert all((tiles[row, 0] == 255).all() for row in range(4))


def test_the_table_has_editing_measures_hit_rates_and_costs_of_every_editor() -> None:
    results = {"a": results_of(), "b": results_of()}
    table = editors_table(results)
    rows = {row.head: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}
    assert list(rows) == ["source", "target", "a", "b"]
    found = results["a"]["editing"]["editors"]
    for name, editor in (("source", "source"), ("target", "target"), ("a", "edited")):
        assert rows[name]["ACD ↓"].text == f"{found[editor]['acd']['value']:.3f}"
    rates = results["a"]["methods"][0]["scores"]
    assert rows["a"]["C1 R@5 ↑"].text == f"{100 * rates['C1']['R@5']['value']:.1f}"
    assert rows["b"]["C2 R@1 ↑"].text == f"{100 * rates['C2']['R@1']['value']:.1f}"
    assert rows["a"]["parameters"].text == "4,208,546"
    assert rows["source"]["parameters"].text == ""
    text = compare_editors(results)
    assert "| `a` |" in text
    assert "60 edits of studio-mini, alike for all." in text
    assert "- `b`: The classifier was trained on photographs" in text
    assert text.count(results["a"]["command"]) == 2


def test_editors_that_were_measured_otherwise_are_refused() -> None:
    results = results_of()
    with pytest.raises(ConfigError, match="name at least one set of weights"):
        check_alike({})
    with pytest.raises(ConfigError, match="b was benchmarked without --editing"):
        check_alike({"a": results, "b": {**results, "editing": None}})
    with pytest.raises(ConfigError, match="b and a were measured on other edits: spec is x and"):
        check_alike({"a": results, "b": {**results, "spec": "x"}})


def test_the_script_writes_table_and_picture_of_benchmarks(
    mindseye_bench: Callable[..., None],
    make_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path: Path,
) -> None:
    weights = [make_weights(name, seed=seed).parent for seed, name in enumerate(("one", "two"))]
    with pytest.raises(ConfigError, match="results.json; run experiments/editors/compare.sh"):
        write_comparison(faces_spec, tmp_path, [str(one) for one in weights], None)
    for one in weights:
        mindseye_bench(one, tmp_path / one.name)
    write_comparison(faces_spec, tmp_path, [str(one) for one in weights], None)
    text = (tmp_path / "editors.md").read_text("utf-8")
    assert "| `one` |" in text
    assert "| `two` |" in text
    assert "12 edits of" in text
    with Image.open(tmp_path / "editors.png") as picture:
        assert picture.size[0] == 13 * (sheet.TILE_PX + 12)


@pytest.fixture
def mindseye_bench(
    faces_spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Benchmark weights with --editing from the command line, without the judges of others."""
    monkeypatch.setattr(third_party, "find_spec", lambda _: None)

    def bench(weights: Path, out: Path) -> None:
        given = ("--editing", "--methods", "ours", "--queries", "12", "--device", "cpu")
        budget = ("--trials", "0", "--rival-steps", "2", "--cache", str(tmp_path / "cache"))
        command = ["bench", faces_spec, "--weights", str(weights), *given, *budget]
        ran = CliRunner().invoke(cli.app, [*command, "--out", str(out)])
        assert ran.exit_code == 0, ran.output
        table = (out / "table.md").read_text("utf-8")
        assert "- ACD: skipped: the package face_recognition_models is not installed;" in table
        assert "## Editing" in table

    return bench


def test_edits_of_a_gallery_without_twins_do_not_exist() -> None:
    alone = of_grid(*GRID.faces[::3][:1])
    with pytest.raises(DatasetError, match="shows nobody under two values"):
        choose_edits(alone, [card_of("w", POSE)], Protocol())
