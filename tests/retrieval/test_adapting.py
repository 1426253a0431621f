"""Weights that go on with photographs without labels."""

import shutil
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mindseye as front  # noqa: TID251  what users call
from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.errors import ConfigError, DatasetError
from gallery.faces import FaceSet
from gallery.readers.registry import open_faces
from gallery.studio.lift import writer
from gallery.studio.lift.photographs import Choice, FoundPoints
from generator.weights_file import find_weights, load_card, require_own, save_card
from retrieval.api import adapting


class ByMeanColour:
    """Takes photographs of one mean colour for one person."""

    fingerprint, dimension = "by mean colour", 3

    def embed(self, pixels: Pixels) -> Floats:
        means: Floats = pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32)
        return normalise(means - means.mean(axis=1, keepdims=True))


@pytest.fixture
def coloured(tmp_path: Path) -> FaceSet:
    """Four photographs: red, red again, green, blue."""
    for name, colour in (("a", "red"), ("b", "red"), ("c", "lime"), ("d", "blue")):
        Image.new("RGB", (48, 48), colour).save(tmp_path / f"{name}.png")
    return open_faces(f"folder:{tmp_path}")


def found(faces: FaceSet) -> Choice:
    """All photographs as if a face had been found in the middle of each."""
    points = np.full((468, 3), 24, np.float32)
    points[10], points[152] = (24, 8, 0), (24, 40, 0)
    points[[33, 133, 159, 145]], points[[362, 263, 386, 374]] = (18, 20, 0), (30, 20, 0)
    people = tuple(
        FoundPoints(replace(faces, faces=(face,)), "", points, 0.0) for face in faces.faces
    )
    return Choice(people, ())


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at photographs finds a face in all of them."""

    def look_at(faces: FaceSet, *_: object) -> Generator[Any, None, Choice]:
        yield from ()
        return found(faces)

    monkeypatch.setattr(writer, "look_at", look_at)
    monkeypatch.setattr(adapting, "open_recogniser", ByMeanColour)


@pytest.mark.usefixtures("looked")
def test_too_few_people_are_told_with_the_next_step(
    coloured: FaceSet, pose_weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as told:
        front.adapt(coloured, pose_weights, tmp_path / "run")
    # b.png shows the person of a.png again
    assert "frontal photographs of 3 people, and 8 are needed" in str(told.value)
    assert "b.png: shows the person of a.png" in str(told.value)
    assert "mindseye train --start" in str(told.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("looked")
def test_weights_that_draw_what_cannot_be_lifted_are_refused(
    coloured: FaceSet,
    make_weights: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(adapting, "FEWEST", 2)
    with pytest.raises(ConfigError, match="draws light, and photographs are lifted to pose and"):
        front.adapt(coloured, make_weights("light-32", ("light",), seed=1), tmp_path / "run")


def test_names_that_are_known_are_believed(
    coloured: FaceSet, looked: None, pose_weights: Path, tmp_path: Path
) -> None:
    del looked
    named = replace(
        coloured,
        faces=tuple(replace(face, identity=face.name[0]) for face in coloured.faces),
    )
    with pytest.raises(DatasetError, match="photographs of 4 people, and 8 are needed"):
        front.adapt(named, pose_weights, tmp_path / "run")


def test_weights_that_find_no_more_are_put_aside(
    pose_weights: Path, make_weights: Callable[..., Path], tmp_path: Path
) -> None:
    begun, run = make_weights("pose-32", seed=5), tmp_path / "mine"
    run.mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(pose_weights.with_suffix(suffix), run / f"weights{suffix}")
    made = replace(load_card(run / "weights.safetensors"), name="mine")
    save_card(run / "weights.safetensors", made)
    for _ in range(2):  # again: nothing is lost
        adapting.put_back(begun, run)
        kept = load_card(find_weights(str(run)))
        require_own(run / "weights.safetensors", kept)
        assert (kept.name, kept.sha256) == ("mine", load_card(begun).sha256)
        assert load_card(run / adapting.TRIED) == made
        require_own(run / adapting.TRIED, made)


@pytest.mark.slow
def test_photographs_without_labels_become_weights_with_a_profile(tmp_path: Path) -> None:
    pytest.importorskip("numba", reason='needs pip install "mindseye[studio]"')
    pytest.importorskip("ai_edge_litert", reason='needs pip install "mindseye[faces]"')
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    mini = open_faces("studio-mini")
    frontal = mini.where(
        lambda face: (face.condition["pose"], face.condition["illumination"]) == ("0", "10")
    )
    for number, who in enumerate(frontal.identities):
        picture = frontal.load(frontal.of([who]).faces[0])
        picture.resize((240, 240), Image.Resampling.BICUBIC).save(photographs / f"{number}.png")
    out = tmp_path / "mine"
    spec = f"folder:{photographs}"
    adapted = front.adapt(spec, "pose-mindseye-60", out, steps=2, workers=2)
    assert adapted.people >= adapting.FEWEST
    assert adapted.measured.people == 2  # a fifth
    tried = out / adapting.TRIED
    assert adapted.kept == (not tried.exists())
    begun = load_card(find_weights("pose-mindseye-60"))
    card = load_card(out / "weights.safetensors")
    require_own(out / "weights.safetensors", card)
    assert adapted.kept == (card.sha256 != begun.sha256)
    if not adapted.kept:
        card = load_card(tried)
    assert card.profile == adapting.PROFILE
    assert card.fusion == begun.under(adapting.PROFILE).fusion  # of so few people nothing is fitted
    again = front.adapt(spec, "pose-mindseye-60", out, steps=2)  # finished: nothing is done twice
    assert again.to_json() == adapted.to_json()
