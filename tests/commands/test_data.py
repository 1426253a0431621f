"""Collections of images: counted, drawn, and the faces in them found."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.attributes import POSE_SIDE
from gallery.detection.geometry import points_of
from gallery.readers.registry import open_faces
from tests.commands.conftest import ASIDE, IN_THE_MIDDLE
from tests.running import Mindseye


def test_a_collection_is_counted_for_people_and_for_programs(
    mindseye: Mindseye, faces_spec: str
) -> None:
    shown = mindseye("data", "show", faces_spec, "--json").json
    assert list(shown) == [
        *("spec", "images", "identities", "attributes", "unlabelled", "grid", "holes"),
        *("repeats", "contradictions", "problems", "faceless", "unmatched", "notes"),
    ]
    assert (shown["images"], shown["grid"], shown["holes"]) == (30, 30, [])
    ran = mindseye("data", "show", faces_spec)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"{faces_spec}: 30 images of 5 identities",
        "  pose: -45 10  0 10  45 10",
        "  light: left 15  right 15",
        "  identities: p1 6  p2 6  p3 6  p4 6  p5 6",
        "  0 holes in a grid of 30 cells",
        f"  {POSE_SIDE}",
    ]


def test_holes_repeats_and_bad_files_are_named(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "faces"
    shutil.copytree(faces_dir, folder)
    (folder / "p2-45-right.png").unlink()
    (folder / "p1-0-left.png").write_bytes(b"no image")
    shutil.copy(folder / "p5-0-left.png", folder / "again.png")
    shutil.copy(folder / "p5-0-left.png", folder / "nobody.png")
    with (folder / "labels.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("again.png", "p5", "0", "left"), ("nobody.png", "", "", "")])
    ran = mindseye("data", "show", f"folder:{folder}", "--check")
    assert ran.out.splitlines()[0] == f"folder:{folder}: 31 images of 5 identities"
    assert "  1 images without an identity" in ran.out
    assert "  1 holes in a grid of 30 cells\n    p2: pose=45 light=right\n" in ran.out
    assert "  1 images repeat a cell\n" in ran.out
    assert (
        "  left out: p2-45-right.png: named in labels.csv, but there is no such file\n" in ran.out
    )
    assert "  left out: p1-0-left.png: not an image of a known format" in ran.out
    unchecked = mindseye("data", "show", f"folder:{folder}", "--json").json
    assert [one["path"] for one in unchecked["problems"]] == ["p2-45-right.png"]


def test_a_contact_sheet_is_drawn(mindseye: Mindseye, faces_spec: str, tmp_path: Path) -> None:
    ran = mindseye("data", "show", faces_spec, "--sheet", "new/sheet.png", "--json")
    assert ran.json["images"] == 30
    assert ran.err == "Contact sheet: new/sheet.png\n"
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        whole = sheet.size
    mindseye("data", "show", faces_spec, "--sheet", "cropped.png", "--crop", "0,0,0.5,0.5")
    with Image.open(tmp_path / "cropped.png") as cropped, Image.open("new/sheet.png") as sheet:
        assert cropped.size == whole
        assert np.asarray(cropped).tolist() != np.asarray(sheet).tolist()


def test_faces_are_found_and_used_from_then_on(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path, sees: Callable[..., None]
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    (album / "torn.png").write_bytes(b"no picture")
    (album / "labels.csv").unlink()
    spec = f"folder:{album}"
    mindseye("data", "show", spec, "--sheet", "before.png")
    sees(IN_THE_MIDDLE, ASIDE)
    ran = mindseye("data", "find-faces", spec, "--sheet", "found.png")
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[0] == (
        "30 faces found, 0 known already, 0 images without a face, 1 that cannot be read"
    )
    assert "  2 faces, the largest taken: p1-0-left.png" in ran.out
    assert f"Landmarks: {album / 'landmarks.csv'}" in ran.err
    assert "Sheet: found.png" in ran.err
    expected = points_of(IN_THE_MIDDLE).landmarks
    for face in open_faces(spec).faces:
        assert face.landmarks is None or face.landmarks.eyes == pytest.approx(expected.eyes)
    mindseye("data", "show", spec, "--sheet", "after.png")
    before, after = (np.asarray(Image.open(f"{name}.png")) for name in ("before", "after"))
    assert before.tolist() != after.tolist()
    told = mindseye("data", "find-faces", spec, "--json").json
    assert (told["known"], told["found"], told["out"]) == (30, 0, str(album / "landmarks.csv"))
    assert [problem["path"] for problem in told["problems"]] == ["torn.png"]


def test_where_no_face_is_found_that_is_said_and_written(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path, sees: Callable[..., None]
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    sees()
    ran = mindseye("data", "find-faces", f"folder:{album}", "--sheet", "found.png")
    assert ran.status == 0, ran.err
    assert ran.out.startswith("0 faces found, 0 known already, 30 images without a face")
    assert "30 images hold no face that could be found: index build, train and bench" in ran.err
    assert f"Landmarks: {album / 'landmarks.csv'}" in ran.err
    assert not Path("found.png").exists()


def test_labels_and_landmarks_that_miss_their_images_are_told(
    mindseye: Mindseye, faces_dir: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(faces_dir, tmp_path / "faces"))
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    (folder / "landmarks.csv").write_text(
        f"{columns}\nP1-0-left.PNG,22,16,17,16,20,30\np2-0-left.png,22,16,17,16,20,30\n"
    )
    hint = "P1-0-left.PNG: names no image; did you mean 'p1-0-left.png'?"
    shown = mindseye("data", "show", f"folder:{folder}")
    assert "  landmarks.csv: lines that name no image: 1\n" in shown.out
    assert hint in shown.out
    [told] = mindseye("data", "show", f"folder:{folder}", "--json").json["unmatched"]
    assert (told["file"], told["name"]) == ("landmarks.csv", "P1-0-left.PNG")


def test_what_was_guessed_of_a_photograph_is_told_by_check(
    mindseye: Mindseye, tmp_path: Path
) -> None:
    deep = np.linspace(0, 4095, 1600).astype(np.uint16).reshape(40, 40)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "odd.jpg", exif=b"Exif\0\0rubbish")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "plain.jpg")
    (tmp_path / "@eaDir").mkdir()
    Image.new("RGB", (40, 40), "red").save(tmp_path / "@eaDir" / "thumb.jpg")
    spec = f"folder:{tmp_path}"
    ran = mindseye("data", "show", spec, "--check")
    assert ran.status == 0
    assert "deep.png: 16 bits of which 12 are used: no value is above 4095" in ran.out
    assert "odd.jpg: its EXIF orientation cannot be read; taken to be upright" in ran.out
    assert "left out: @eaDir/: thumbnails: 1 file left out" in ran.out
    assert "plain.jpg" not in ran.out
    assert len(mindseye("data", "show", spec, "--check", "--json").json["notes"]) == 2
