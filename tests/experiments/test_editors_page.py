"""docs/editors.md: what it tells of trainings and benchmarks, and what it leaves as it is."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.editors.page import minutes, write_page
from experiments.editors.plan import read_plan
from gallery.errors import ConfigError
from gallery.files import file_sha256
from retrieval.evaluation.statistics.per_query import write_per_query
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated
from tests.retrieval.evaluation.statistics.test_editing import editing_of

SHAPES = {
    "sargan": {"block": "attention", "blocks": 1, "skip": True},
    "sargan-six": {"block": "attention", "blocks": 6, "skip": True},
    "stargan": {"block": "vanilla", "blocks": 6, "skip": False},
    "dr-gan": {},
}


@pytest.fixture
def write() -> Callable[[Path, Path], str]:
    def written(out: Path, docs: Path) -> str:
        docs.mkdir(exist_ok=True)
        return write_page(out, docs, read_plan()).read_text("utf-8")

    return written


def trained(out: Path, name: str, steps: int = 40, batch: int = 16) -> None:
    folder = out / "editors" / "studio-expressions" / name
    folder.mkdir(parents=True)
    recipe = {"batch_size": batch, "steps": steps, "critic_steps": 2}
    run = {"recipe": recipe, "network": {"size": 32, "width": 32}}
    card = {
        "train_identities": ["a", "b"],
        "data": {"images": 1_234},
        "network": SHAPES.get(name, {}),
    }
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "weights.json").write_text(json.dumps(card))
    lines = [{"stage": 1, "step": step, "images_per_s": 4.0} for step in (20, steps)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def measured(out: Path, name: str, *, seed: int = 0) -> None:
    record = simulated.record(4, names=("ours", "ours-pixels", "raw"), most=80)
    ours, pixels, raw, *_ = record.methods
    ranks = ours.right_ranks
    worse = replace(ours, right_ranks=np.where(ranks < 0, ranks, ranks + seed))
    record = replace(record, methods=(worse, pixels, replace(raw, name="raw/pixels")))
    record = replace(record, editing=editing_of(len(record.queries)))
    folder = out / "results" / "studio-expressions" / name
    folder.mkdir(parents=True)
    scores = score_all(record)
    side = write_per_query(record, scores, folder)
    summary = {**summarise(record, scores), "files": {side.name: file_sha256(side)}}
    (folder / "results.json").write_text(json.dumps(summary))
    (folder.parent / "editors.png").write_bytes(b"a picture")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for number, name in enumerate(SHAPES):
        trained(tmp_path, name)
        measured(tmp_path, name, seed=number)
    return tmp_path


def cells(text: str, start: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith(start)
    ]


def test_the_page_tells_what_was_trained_on_how_many_images_and_how_long(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    text = write(out, tmp_path / "docs")
    (row,) = cells(text, "| studio-expressions | `stargan` |")
    assert row[2:5] == ["stargan", "width 32", "2"]
    assert row[5:9] == ["1,234", "320", "640", "2.7"]  # 40 steps of 16 at 4 images a second
    assert row[9] == "4,208,546"
    assert "batches of 16" in text
    assert (tmp_path / "docs" / "editors.png").read_bytes() == b"a picture"
    assert "(editors.png)" in text


def test_a_training_of_several_stages_counts_all_of_them(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    lines = [(1, 20, 9.0), (1, 30, 9.0), (2, 15, 3.0)]
    keys = ("stage", "step", "images_per_s")
    log.write_text("".join(json.dumps(dict(zip(keys, one, strict=True))) + "\n" for one in lines))
    assert minutes(log, 8) == pytest.approx(8 * 45 / 3 / 60)


def test_the_grid_has_editors_that_differ_from_sargan_and_paired_differences(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    text = write(out, tmp_path / "docs")
    _, _, grid = text.partition("### SARGAN's claims")
    assert [row[1:4] for row in cells(grid, "| `sargan` |")] == [["attention", "1", "yes"]]
    assert cells(grid, "| `stargan` |")[0][1:4] == ["vanilla", "6", "no"]
    assert not cells(grid, "| `dr-gan` |")
    paired = {(row[0], row[1]): row[2:] for row in cells(grid, "| `sargan-six` | `ours")}
    assert set(paired) == {("`sargan-six`", "`ours`"), ("`sargan-six`", "`ours-pixels`")}
    assert paired["`sargan-six`", "`ours-pixels`"][0].startswith("+0.0")
    assert paired["`sargan-six`", "`ours`"][0].startswith("-")


def test_probes_of_every_editor_stand_beside_what_needs_none(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    text = write(out, tmp_path / "docs")
    probes = text.partition("### As probes")[2].partition("### SARGAN")[0]
    assert len(cells(probes, "| `")) == 2 * len(SHAPES)
    assert len(cells(probes, "| | `raw/pixels` |")) == 1
    assert "[]" not in text


def test_a_note_on_all_editors_stands_once_and_one_on_some_names_them(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    trained_on = "- The classifier was trained on photographs"
    assert write(out, tmp_path / "docs").count(trained_on) == 1
    path = out / "results" / "studio-expressions" / "stargan" / "results.json"
    results = json.loads(path.read_text("utf-8"))
    results["editing"]["classifier"] = {}
    path.write_text(json.dumps(results))
    text = write(out, tmp_path / "docs")
    assert f"- `sargan`, `dr-gan`, `sargan-six`: {trained_on[2:]}" in text


def test_the_trial_of_other_rivals_is_told_until_one_of_them_is_measured(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    heading = "## A trial of SARGAN's other rivals"
    text = write(out, tmp_path / "docs")
    assert text.index(heading) < text.index("## Left out")
    trained(out, "tfem")
    measured(out, "tfem")
    assert heading not in write(out, tmp_path / "docs")


def test_what_a_person_wrote_stays(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    text = write(out, docs)
    assert "Not written yet." in text
    page = docs / "editors.md"
    page.write_text(text.replace("Not written yet.", "Six blocks are not better."), "utf-8")
    again = write(out, docs)
    assert "Six blocks are not better." in again
    assert "Not written yet." not in again
    page.write_text("nothing", "utf-8")
    with pytest.raises(ConfigError, match="around what a person wrote"):
        write(out, docs)


def test_nothing_measured_or_a_lost_file_is_said(
    out: Path, write: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no results; run experiments/editors/run.sh bench"):
        write(tmp_path / "empty", tmp_path / "docs")
    (out / "editors" / "studio-expressions" / "dr-gan" / "run.json").unlink()
    with pytest.raises(ConfigError, match=r"Cannot read .*run\.json.*experiments/editors/run.sh"):
        write(out, tmp_path / "docs")
