"""A gallery takes the profile of its weights' card whose faces are like its own."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import mindseye as front  # noqa: TID251  what users call
from gallery.errors import ConfigError
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.canonical import Rule
from generator.card import Card
from generator.engine import Engine
from generator.reconstruction_error import own_errors, usual_errors
from generator.weights_file import load_card, save_card
from retrieval.collection.profile_choice import FEWEST, choose_profile, likeliest

CPU = torch.device("cpu")


def measured(card: Card, median: float) -> Card:
    """The card with usual errors of this median."""
    errors = np.linspace(0.5 * median, 1.5 * median, 201)
    return replace(card, redrawing=usual_errors(errors, "folder:x", ["a", "b"]))


@pytest.fixture
def own(tmp_path: Path, faces_dir: Path, pose_weights: Path) -> Path:
    """Weights whose card says what is usual of faces twenty times as bad, and of the tiny ones."""
    path = tmp_path / "mine" / pose_weights.name
    path.parent.mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(pose_weights.with_suffix(suffix), path.with_suffix(suffix))
    engine = Engine.open(path, CPU, precision=torch.float32)
    faces = open_faces(f"folder:{faces_dir}")
    pixels = align_all(list(align_each(faces, engine.card.aligner)), faces.spec).pixels
    errors = own_errors(engine, pixels, Rule.of(engine.card))
    assert errors is not None
    median = float(np.median(errors))
    card = measured(load_card(path), 20 * median)
    save_card(path, card.with_profile("drawn", card).with_profile("alike", measured(card, median)))
    return path


def test_of_profiles_alike_in_the_median_the_largest_errors_decide(
    own: Path, faces_dir: Path
) -> None:
    card, faces = load_card(own), open_faces(f"folder:{faces_dir}")
    median = float(card.under("alike").redrawing["quantiles"]["0.5"])
    errors = np.concatenate([np.full(180, median), np.full(20, 400 * median)])
    far = replace(card, redrawing=usual_errors(errors, "folder:x", ["a", "b"]))
    save_card(own, card.with_profile("far", far))
    engine = Engine.open(own, CPU, precision=torch.float32)
    assert choose_profile(engine, faces).profile == "alike"


def test_a_few_hats_do_not_decide_for_a_gallery() -> None:
    usual = {"photographs": (2.78, 5.66, 180.0), "drawn faces": (3.23, 5.24, 37.54)}
    random = np.random.default_rng(0)
    drawn = 3.3 * np.exp(0.35 * random.standard_normal(44))
    assert likeliest(drawn, usual) == "drawn faces"
    hats = np.array([150.0, 160.0, 170.0, 190.0])  # each of them alone is rather a photograph's
    assert likeliest(hats, usual) == "photographs"
    assert likeliest(np.concatenate([drawn, hats]), usual) == "drawn faces"
    heads = 340 * np.exp(random.standard_normal(48))  # of photographs that neither knows
    assert likeliest(heads, usual) == "photographs"


def test_the_profile_with_errors_as_usual_as_the_gallerys_is_chosen(
    own: Path, faces_dir: Path
) -> None:
    engine = Engine.open(own, CPU, precision=torch.float32)
    faces = open_faces(f"folder:{faces_dir}")
    choice = choose_profile(engine, faces)
    assert choice.profile == "alike"
    assert choice.why.startswith("alike: images of this gallery are redrawn with a mean squared")
    few = replace(faces, faces=faces.faces[: FEWEST - 1])
    assert choose_profile(engine, few).profile == engine.card.profile


def test_a_space_keeps_the_profile_that_it_was_made_with(
    own: Path, faces_dir: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    note: Callable[[front.Progress], None] = lambda step: notes.append(step.note or "")  # noqa: E731
    with front.open_gallery(tmp_path / "auto", create=True, device="cpu") as gallery:
        gallery.add(f"folder:{faces_dir}", weights=own, score="drawing", progress=note)
        kept = load_card(tmp_path / "auto" / "spaces" / load_card(own).name / "weights.safetensors")
        assert kept.profile == "alike"
        assert any(one.startswith("Profile: alike") for one in notes)
        gallery.add(f"folder:{faces_dir}", weights=own, score="drawing", profile="drawn")
        gallery.add(f"folder:{faces_dir}", weights=own, score="drawing")  # as before
    kept = load_card(tmp_path / "auto" / "spaces" / load_card(own).name / "weights.safetensors")
    assert kept.profile == "drawn"
    assert "alike" in kept.profiles


def test_a_profile_that_is_not_there_is_told_before_anything_is_made(
    own: Path, faces_dir: Path, tmp_path: Path
) -> None:
    with (
        front.open_gallery(tmp_path / "new", create=True, device="cpu") as gallery,
        pytest.raises(ConfigError, match="no profile 'alke'; did you mean 'alike'"),
    ):
        gallery.add(f"folder:{faces_dir}", weights=own, profile="alke")
    assert not (tmp_path / "new").exists()
