"""From edits to numbers: means, deviations, intervals, what is infinite, skipped or refused."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retrieval.evaluation.edit_records import EDITORS, Cost, Editing
from retrieval.evaluation.frechet import Moments
from retrieval.evaluation.outputs import editing as tables
from retrieval.evaluation.outputs.page import to_html
from retrieval.evaluation.outputs.tables import to_markdown
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.editing import FULL_FID, LEAST_FID, MEASURES, summarise_editing
from retrieval.evaluation.statistics.pooling import pool
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated

WITH_JUDGE = ("acd", "verification", "accuracy", "histogram")


def editing_of(count: int, **more: Any) -> Editing:
    """Measures of as many edits: of the source 1 more than of the drawing, of the target 0."""
    values = {}
    for place, editor in enumerate(EDITORS):
        numbers = np.random.default_rng(0).uniform(1, 2, count) + place
        numbers = numbers * 0 if editor == "target" else numbers
        found = dict.fromkeys((*WITH_JUDGE, "mse", "mae", "ssim"), numbers)
        with np.errstate(divide="ignore"):
            values[editor] = {**found, "psnr": 10 / numbers}
    whole = {
        "values": values,
        "judges": {"acd": {"name": "dlib ResNet", "fingerprint": "dlib 20 abc", "dlib": "20.0"}},
        "told": {"pose": (3, 4)},
        "costs": (Cost("pose-60", 4_208_546, {1: 12.34, 64: 3.456}),),
    }
    return Editing(**{**whole, **more})


def moments_of(count: int) -> dict[str, Moments]:
    shifts = {"edited": 0.5, "source": 2.0, "target": 0.0}
    same = np.random.default_rng(1).normal(size=(count, 3))
    return {editor: Moments.of(same + shift) for editor, shift in shifts.items()}


def test_figures_are_means_and_deviations_of_what_was_measured() -> None:
    editing = editing_of(40)
    numbers = editing.values["edited"]["acd"].copy()
    numbers[:10] = np.nan
    values = {**editing.values, "edited": {**editing.values["edited"], "acd": numbers}}
    people = np.arange(40) % 5
    found = summarise_editing(replace(editing, values=values), people)
    figure = found["editors"]["edited"]["acd"]
    assert figure["edits"] == 30
    assert figure["value"] == pytest.approx(numbers[10:].mean(), abs=1e-6)
    assert figure["deviation"] == pytest.approx(numbers[10:].std(ddof=1), abs=1e-6)
    low, high = figure["interval"]
    assert low < figure["value"] < high
    assert found["edits"] == 40
    assert list(found["editors"]["edited"]) == [n for n in MEASURES if n != "fid"]


def test_one_person_has_no_interval() -> None:
    found = summarise_editing(editing_of(5), np.zeros(5, dtype=np.int64))
    assert found["editors"]["edited"]["mse"]["interval"] is None


def test_what_is_infinite_or_was_never_measured_is_no_number() -> None:
    editing = editing_of(6)
    nothing = np.full(6, np.nan)
    values = {**editing.values, "edited": {**editing.values["edited"], "mse": nothing}}
    found = summarise_editing(replace(editing, values=values), np.arange(6))
    none = {"value": None, "interval": None, "deviation": None}
    assert found["editors"]["target"]["psnr"] == {**none, "edits": 6, "infinite": 6}
    assert found["editors"]["edited"]["mse"] == {**none, "edits": 0}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    texts = {name: [c.text for c in tables.cells(f)] for name, f in found["editors"].items()}
    assert texts["target"][list(MEASURES).index("psnr")] == "∞"
    assert texts["edited"][0] == "-"


def test_too_few_images_have_no_frechet_distance() -> None:
    found = summarise_editing(editing_of(99, moments=moments_of(99)), np.arange(99) % 7)
    assert found["skipped"]["fid"] == f"it needs at least {LEAST_FID} edits, there are 99"
    assert all("fid" not in figures for figures in found["editors"].values())


def test_the_frechet_distance_is_flagged_below_as_many_images_as_features() -> None:
    few = summarise_editing(editing_of(100, moments=moments_of(100)), np.arange(100) % 7)
    distances = {editor: figures["fid"]["value"] for editor, figures in few["editors"].items()}
    assert distances == pytest.approx({"edited": 0.75, "source": 12, "target": 0}, abs=1e-4)
    assert few["editors"]["edited"]["fid"]["note"].startswith("of 100 images, too few for 2,048")
    assert any(note.startswith("FID is of 100 images") for note in tables.notes(few))
    count = FULL_FID
    many = summarise_editing(editing_of(count, moments=moments_of(count)), np.arange(count) % 7)
    assert many["editors"]["edited"]["fid"]["note"] == ""
    assert "fid" not in many["skipped"]


@pytest.fixture(scope="module")
def record() -> Record:
    parts = [simulated.record(3, fold=fold, most=60) for fold in (0, 1)]
    edited = [replace(part, editing=editing_of(len(part.queries))) for part in parts]
    skipping = replace(edited[0].editing or editing_of(0), skipped={"ssim": "too <small>"})
    return pool([replace(edited[0], editing=skipping), edited[1]])


def test_table_and_page_print_the_same_numbers(record: Record) -> None:
    summary = summarise(record, score_all(record))
    found = summary["editing"]
    assert found["edits"] == 120
    assert found["classifier"]["pose"] == {"right": 6, "images": 8, "accuracy": 0.75}
    markdown, page = to_markdown(summary), to_html(summary, record)
    row = next(line for line in markdown.splitlines() if line.startswith("| `edited`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")][1:]
    columns = dict(zip(MEASURES, cells, strict=True))
    figures = found["editors"]["edited"]
    assert columns["ssim"] == columns["fid"] == "-"
    assert columns["mse"].startswith(f"{figures['mse']['value']:.1f} [")
    spread = f"{figures['verification']['value']:.3f} ± {figures['verification']['deviation']:.3f}"
    assert columns["verification"].startswith(spread)
    assert "| editor | MSE ↓ | MAE ↓ | PSNR, dB ↑ | SSIM ↑ |" in markdown
    assert "- SSIM: skipped: too <small>" in markdown
    assert "it tells pose rightly in 75.0 % of 8 real test images" in markdown
    assert "| `pose-60` | 4,208,546 | 12.3 | 3.46 |" in markdown
    assert "- ACD: dlib ResNet; dlib 20 abc; dlib 20.0" in markdown
    assert "too &lt;small&gt;" in page
    assert 'href="#editing"' in page
    for text in (spread, "4,208,546", "dlib 20 abc"):
        assert text in page


def test_a_benchmark_without_edits_says_nothing_of_them() -> None:
    plain = simulated.record(3, most=60)
    summary = summarise(plain, score_all(plain))
    assert summary["editing"] is None
    assert "## Editing" not in to_markdown(summary)
    assert "#editing" not in to_html(summary, plain)
