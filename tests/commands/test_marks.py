"""From find-faces to an index, a training and a benchmark: which images are left out, and said."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.landmarks import read_marks
from tests.commands.conftest import IN_THE_MIDDLE, Sees
from tests.running import Mindseye, one_line_error

COLUMNS = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"


@pytest.fixture
def album(faces_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny gallery, whose bright pictures hold no face, with two beaches."""
    folder = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    with (folder / "labels.csv").open("a", encoding="utf-8") as labels:
        for number in (1, 2):
            Image.new("RGB", (40, 40), (250, 250, 240 + number)).save(folder / f"beach{number}.png")
            labels.write(f"beach{number}.png,p{number},0,left\n")

    def look(_: Sees, image: Image.Image) -> tuple[Any, ...]:
        return () if np.asarray(image.convert("L")).min() > 200 else (IN_THE_MIDDLE,)

    monkeypatch.setattr("gallery.detection.registry.DETECTORS", {"sees": Sees})
    monkeypatch.setattr(Sees, "look", look)
    return folder


def test_a_beach_does_not_enter_the_gallery_after_it_was_looked_at(
    mindseye: Mindseye, album: Path, pose_weights: Path
) -> None:
    spec, beaches = f"folder:{album}", ["beach1.png", "beach2.png"]
    found = mindseye("data", "find-faces", spec, "--json").json
    assert (found["found"], found["none"]) == (30, beaches)
    build = ("index", "build", spec, "--weights", pose_weights)
    ran = mindseye(*build)
    assert ran.out == "pose-32: 30 images indexed, 0 known already, 2 files left out\n"
    assert "images in which no face was found: 2, left out: beach1.png, beach2.png" in ran.err
    (space,) = mindseye("index", "show", "--json").json["spaces"]
    reasons = {Path(one["path"]).name: one["reason"] for one in space["skipped"]}
    assert list(reasons) == beaches
    assert "holds no face" in reasons["beach1.png"]
    assert "--keep-faceless" in reasons["beach1.png"]
    told = mindseye("index", "add", spec, "--json").json
    assert told["spaces"][0]["skipped"] == 2
    assert told["faceless"] == beaches
    kept = mindseye(*build, "--keep-faceless", "--json").json["spaces"]
    assert [(one["indexed"], one["known"], one["skipped"]) for one in kept] == [(2, 30, 0)]


def test_training_and_benchmark_leave_out_what_holds_no_face(
    mindseye: Mindseye, album: Path, pose_weights: Path, tmp_path: Path
) -> None:
    spec = f"folder:{album}"
    mindseye("data", "find-faces", spec)
    options = ("--architecture", "two-stage-32", "--attribute", "pose", "--steps", 1)
    ran = mindseye("train", spec, *options, "--out", tmp_path / "tiny")
    assert ran.status == 0, ran.err
    assert "images in which no face was found: 2, left out: beach1.png, beach2.png" in ran.err
    assert "Skipped beach1.png: holds no face" in ran.err
    bench = ("bench", spec, "--weights", pose_weights, "--methods", "ours", "--out", tmp_path / "b")
    ran = mindseye(*bench, "--json")
    assert ran.status == 0, ran.err
    assert "images in which no face was found: 2" in ran.err


def test_landmarks_beside_photographs_that_cannot_be_written_are_read_everywhere(
    mindseye: Mindseye, album: Path, pose_weights: Path, tmp_path: Path
) -> None:
    spec, file = f"folder:{album}", tmp_path / "elsewhere" / "marks.csv"
    assert mindseye("data", "find-faces", spec, "--out", file).status == 0
    assert not (album / "landmarks.csv").exists()
    assert len(read_marks(file)) == 32
    build = ("index", "build", spec, "--weights", pose_weights, "--landmarks", file)
    assert mindseye(*build, "--json").json["spaces"][0]["indexed"] == 30
    told = mindseye("index", "add", spec, "--landmarks", file, "--json").json
    assert (told["spaces"][0]["known"], told["spaces"][0]["skipped"]) == (30, 2)
    assert len(mindseye("data", "show", spec, "--landmarks", file, "--json").json["faceless"]) == 2
    options = ("--architecture", "two-stage-32", "--attribute", "pose", "--steps", 1)
    trained = mindseye("train", spec, *options, "--out", tmp_path / "tiny", "--landmarks", file)
    assert "Skipped beach1.png: holds no face" in trained.err
    bench = ("bench", spec, "--weights", pose_weights, "--methods", "ours", "--out", tmp_path / "b")
    assert "no face was found: 2" in mindseye(*bench, "--landmarks", file).err
    missing = mindseye(*build[:-1], tmp_path / "gone.csv")
    assert "There is no landmark file" in one_line_error(missing)
    aligned = mindseye("index", "build", "studio-mini", "--landmarks", file)
    assert "aligned already; leave out --landmarks" in one_line_error(aligned)


def test_photographs_that_cannot_be_written_beside_are_not_searched_in_vain(
    mindseye: Mindseye, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Image.Image] = []
    monkeypatch.setattr(Sees, "look", lambda _, image: looked.append(image))
    (tmp_path / "a file").touch()
    ran = mindseye("data", "find-faces", f"folder:{album}", "--out", tmp_path / "a file" / "x.csv")
    said = one_line_error(ran)
    assert "cannot be written" in said
    assert "--out FILE" in said
    assert "kept" not in said
    assert looked == []


@pytest.mark.parametrize(
    "written", ["P1-0-left.PNG", "{album}/p1-0-left.png", "album:p1-0-left.png"]
)
def test_a_build_names_landmarks_that_name_no_image(
    mindseye: Mindseye, album: Path, pose_weights: Path, written: str
) -> None:
    name = written.format(album=album)
    (album / "landmarks.csv").write_text(f"{COLUMNS}\n{name},22,16,17,16,20,30\n")
    build = ("index", "build", f"folder:{album}", "--weights", pose_weights)
    ran = mindseye(*build)
    assert "landmarks.csv: lines that name no image: 1" in ran.err
    assert f"  {name}: names no image; did you mean 'p1-0-left.png'?" in ran.err
    [told] = mindseye(*build, "--json").json["unmatched"]
    assert told["name"] == name
    found = mindseye("data", "find-faces", f"folder:{album}", "--json")
    assert [one["name"] for one in found.json["unmatched"]] == [name]
    assert "lines that name no image: 1" in found.err


def test_a_build_warns_of_photographs_that_changed_under_landmarks_by_hand(
    mindseye: Mindseye, album: Path, pose_weights: Path
) -> None:
    (album / "landmarks.csv").write_text(f"{COLUMNS}\np1-0-left.png,22,16,17,16,20,30\n")
    build = ("index", "build", f"folder:{album}", "--weights", pose_weights)
    assert "changed" not in mindseye(*build).err
    path = album / "p1-0-left.png"
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    ran = mindseye(*build)
    assert "Warning: 1 photographs have changed since landmarks were written for them" in ran.err
    assert str(path) in ran.err
    assert mindseye(*build, "--json").json["spaces"][0]["edited"] == [str(path)]


def test_one_person_in_two_spellings_is_removed_as_one(
    mindseye: Mindseye, album: Path, pose_weights: Path
) -> None:
    labels = (album / "labels.csv").read_text("utf-8").splitlines()
    text = [one.replace(",p5,", ",Jos\u00e9,", 1) for one in labels]
    text[-3] = text[-3].replace("Jos\u00e9", "Jose\u0301")
    (album / "labels.csv").write_text("\n".join(text) + "\n", "utf-8")
    mindseye("index", "build", f"folder:{album}", "--weights", pose_weights)
    for asked in ("Jose\u0301", "Jos\u00e9"):
        shown = mindseye("index", "show", "--where", f"identity={asked}", "--json")
        assert len(shown.out.splitlines()) == 6, shown
    ran = mindseye("index", "remove", "--identity", "Jose\u0301")
    assert ran.status == 0, ran.err
    left = mindseye("index", "show", "--where", "identity is known", "--json").out
    assert len(left.splitlines()) == 26
    assert "Jos" not in left


def test_a_build_names_labels_that_name_no_image(
    mindseye: Mindseye, album: Path, pose_weights: Path
) -> None:
    labels = (album / "labels.csv").read_text("utf-8")
    (album / "labels.csv").write_text(labels.replace("p1-0-left.png", "P1-0-left.PNG"), "utf-8")
    build = ("index", "build", f"folder:{album}", "--weights", pose_weights)
    ran = mindseye(*build)
    assert "labels.csv: lines that name no image: 1" in ran.err
    assert "no such file; did you mean 'p1-0-left.png'?" in ran.err
    [told] = mindseye(*build, "--json").json["problems"]
    assert told["path"] == "P1-0-left.PNG"
