"""Weights: listed, shown, drawn with, and fitted; and what a search makes of the fit."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from generator.zoo import packaged
from tests.retrieval.recognising import tell_by_colours
from tests.running import Mindseye


def test_what_ships_is_listed_and_shown(mindseye: Mindseye) -> None:
    listed = mindseye("weights", "list", "--json").json
    assert [one["name"] for one in listed] == [one.card.name for one in packaged()]
    table = mindseye("weights", "list")
    assert table.status == 0
    for one in listed:
        assert f"{one['name']} " in table.out
        shown = mindseye("weights", "show", one["name"])
        assert one["sha256"] in shown.out
        assert mindseye("weights", "show", one["name"], "--json").json == one


def test_weights_draw_a_sheet_of_strangers(mindseye: Mindseye, tmp_path: Path) -> None:
    ran = mindseye("weights", "show", "pose-60", "--sheet", "drawn.png")
    assert (ran.status, ran.err) == (0, "Sheet: drawn.png\n")
    with Image.open(tmp_path / "drawn.png") as sheet:
        assert sheet.width >= 4 * 128


def test_weights_are_fitted_and_searches_are_fused_with_them(
    mindseye: Mindseye,
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    faces_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tell_by_colours(monkeypatch)
    weights = make_fitted_weights()
    fitted = ("weights", "fit", weights.parent, faces_spec, "--identities", 2, "--queries", 20)
    ran = mindseye(*fitted, "--json")
    assert ran.json["fusion"]["fitted_on"]["people"] == ["p3", "p4"]
    assert f"Card: {weights.with_suffix('.json')}. Spaces take it over" in ran.err
    assert "fitted on 2 people of folder:" in mindseye(*fitted).out
    shown = mindseye("weights", "show", weights.parent)
    assert f", fitted on 2 people of {faces_spec}\n" in shown.out
    told = mindseye("weights", "show", weights.parent, "--json").json
    assert told["fusion"]["fitted_on"]["people"] == 2

    built = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    many = told["fusion"]["hypotheses"]["fused"]["chosen"]
    two = "" if many == "1" else f" with hypotheses {many}"
    assert f"Score: fused{two}, as fitted for fitted-32; --score drawing for less\n" in built.err
    (space,) = mindseye("index", "show", "--json").json["spaces"]
    assert space["hypotheses"] == many
    again = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    assert (again.out, "Score" in again.err) == (
        "fitted-32: 0 images indexed, 30 known already, 0 files left out\n",
        False,
    )
    asked = ("query", faces_dir / "p5-0-left.png", "--wish", "pose=45", "-k", 3)
    ran = mindseye(*asked, "--explain", "why", "--json")
    for hit in ran.json["hits"]:
        assert sorted(hit["parts"]) == ["drawing", "identity", "log_p"]
        assert 0 < hit["confidence"] < 1
    assert ran.err == "Explained: why/sheet.png, why/explain.json\n"
    assert (tmp_path / "why" / "drawings" / "pose=-45.png").is_file()
    told = json.loads((tmp_path / "why" / "explain.json").read_text("utf-8"))
    assert [len(row["hits"]) for row in told["drawings"]] == [3, 3, 3]
    line = mindseye(*asked).out.splitlines()[1]
    assert re.match(r"  1  -?\d+\.\d{3}  +\d+ %  p\d +light=", line)


def test_weights_that_do_not_fit_the_photographs_say_so(
    mindseye: Mindseye,
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    faces_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("generator.reconstruction_error.ENOUGH", 12)
    logistic = {"bias": 0.0, "slopes": [1.0, 1.0]}
    told = {"measures": ["drawing", "lead"], "first": logistic, "others": logistic}
    weights = make_fitted_weights(calibration={"drawing": told})
    ran = mindseye(
        *("weights", "fit", weights.parent, faces_spec, "--identities", 2),
        *("--redrawing-only", "--json"),
    )
    assert ran.json["calibration"] == {"drawing": told}
    assert ran.json["redrawing"]["measured_on"]["people"] == ["p3", "p4"]
    path = weights.with_suffix(".json")
    card = json.loads(path.read_text("utf-8"))
    card["redrawing"]["quantiles"] = dict.fromkeys(("0.5", "0.9", "0.99"), 0.5)
    path.write_text(json.dumps(card), "utf-8")
    built = mindseye("index", "build", faces_spec, "--weights", weights.parent)
    misfit = (
        "fitted-32 does not fit these photographs: 30 of 30 images (100 %) are redrawn worse"
        " than 99 of 100 faces of the kind that the weights know (mean squared error above 0.5)."
    )
    assert f"Warning: {misfit} Answers get no confidence;" in built.err
    assert misfit in mindseye("index", "show").out
    answer = mindseye("query", faces_dir / "p5-0-left.png", "--wish", "pose=45", "--json").json
    assert answer["no_confidence"].startswith(misfit)
    assert {hit["confidence"] for hit in answer["hits"]} == {None}
