"""The demonstration, to its end, and what it says to try next."""

import json
from pathlib import Path

import pytest
from PIL import Image

from gallery.readers.registry import open_faces
from generator.runs.request import CPU
from retrieval import demo
from tests.running import Mindseye


def test_the_demonstration_runs_to_its_end(
    mindseye: Mindseye, holiday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a smaller part of the packaged gallery."""
    monkeypatch.setattr(demo, "PEOPLE", 2)
    monkeypatch.setattr(demo, "LIGHTS", ("17",))
    monkeypatch.setattr(demo, "WISHES", ("pose", "accessory"))
    for _ in range(2):  # and again: nothing is in the way
        ran = mindseye("demo", "--out", "demo", "--device", "cpu")
        assert ran.status == 0, ran.err
        steps = [line[:3] for line in ran.err.splitlines() if line[1:2] == "/"]
        assert steps == ["1/3", "2/3", "3/3"]
    gallery = demo.plan(Path(), CPU).faces
    assert f"1/3  Indexing images of 2 drawn people: {len(gallery)} with pose" in ran.err
    assert "; and images of 6 people on photographs: 108 with pose" in ran.err
    table = ran.out.split("\n\n")[0].splitlines()
    wishes = [row.split("|")[2].strip().split("=")[0] for row in table[2:]]
    assert wishes == [w.card.space.names[0] for w in demo.plan(Path(), CPU).weights for _ in "12"]
    assert (tmp_path / "demo" / "answers.md").read_text("utf-8").splitlines() == table
    results = json.loads((tmp_path / "demo" / "benchmark" / "results.json").read_text("utf-8"))
    found = results["methods"][0]["scores"]["C2"]["R@1"]["value"]
    ours = next(line for line in ran.out.splitlines() if line.startswith("| `ours` |"))
    assert ours.split("|")[6].strip() == f"{100 * found:.1f}"
    for folder in ("demo", "demo/photographs"):
        with Image.open(tmp_path / folder / "answers.png") as sheet:
            assert sheet.width == 7 * 124
        assert (tmp_path / folder / "benchmark" / "report.html").is_file()
    assert "CMU Face Images, Tom Mitchell, 1997, CC BY 4.0" in ran.out
    for line in ran.out.split("Try next:\n")[1].strip().splitlines()[:-1]:
        words = line.replace("PHOTOS", str(holiday)).split()
        assert words[0] == "mindseye"
        assert mindseye(*words[1:]).status == 0, line


def test_the_whole_demonstration_takes_the_whole_gallery() -> None:
    assert len(demo.plan(Path("demo"), CPU, full=True).faces) == len(open_faces("studio-mini"))
