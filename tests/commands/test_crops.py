"""Where the face is in a photograph that is asked about."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery.align import Aligner
from gallery.detection.geometry import points_of
from gallery.readers.registry import open_faces
from tests.commands.conftest import ASIDE, IN_THE_MIDDLE
from tests.running import Mindseye, Ran, one_line_error


def test_a_photograph_without_a_crop_is_warned_about_unless_the_gallery_knows_it(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, holiday: Path
) -> None:
    def said(*arguments: object) -> str:
        ran = mindseye("query", *arguments, "--wish", "pose=45", "--collection", collection_dir)
        assert ran.status == 0
        return ran.err

    photo = holiday / "photo 1.png"
    assert f"Warning: {photo} is taken to show a face that fills it" in said(photo)
    assert "--crop X,Y,W,H" in said(photo)
    assert "Warning" not in said(photo, "--crop", "2,2,20,20")
    assert "Warning" not in said(faces_dir / "p1-0-left.png")


def test_a_missing_detector_is_told_of_before_anything_is_opened(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(*_: object) -> None:
        raise AssertionError("the photograph was opened")

    monkeypatch.setattr("gallery.third_party.find_spec", lambda _: None)
    monkeypatch.setattr("retrieval.api.gallery.open_sources", opened)
    ran = mindseye(
        *("query", faces_dir / "p1-0-left.png", "--wish", "pose=0", "--crop", "face"),
        *("--collection", collection_dir),
    )
    assert "pip install 'mindseye[faces]'" in one_line_error(ran)


def test_a_query_can_look_for_the_face(
    mindseye: Mindseye,
    collection_dir: Path,
    holiday: Path,
    sees: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(*more: object) -> Ran:
        return mindseye(
            *("query", holiday / "photo 1.png", "--wish", "pose=0", "--json"),
            *("--collection", collection_dir, *more),
        )

    sees(IN_THE_MIDDLE)
    found = ask("--crop", "face")
    assert found.err == ""
    square = Aligner(size=32, channels=1).crop_by(points_of(IN_THE_MIDDLE).landmarks)
    by_hand = ask("--crop", str(square))
    assert found.json["drawn"] == by_hand.json["drawn"]
    assert found.json["drawn"] != ask().json["drawn"]
    with monkeypatch.context() as changed:
        changed.setattr("retrieval.search.known_faces.KnownFaces.cuts_by_own_crop", lambda _: True)
        told = ask("--crop", "face")
    assert "faces of this gallery are cut by the weights' own crop" in told.err
    assert told.json["hits"] == found.json["hits"]
    sees(IN_THE_MIDDLE, ASIDE)
    assert "photo 1.png: 2 faces; the largest is taken" in ask("--crop", "face").err
    sees()
    message = one_line_error(ask("--crop", "face"))
    assert "photo 1.png: no face was found. Say where the face is: --crop X,Y,W,H" in message


def test_without_the_extra_it_is_named(
    mindseye: Mindseye,
    collection_dir: Path,
    holiday: Path,
    faces_spec: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gallery.third_party.find_spec", lambda _: None)
    photo = holiday / "photo 1.png"
    asked = ("query", photo, "--wish", "pose=0", "--collection", collection_dir, "--crop", "face")
    for command in (asked, ("data", "find-faces", faces_spec)):
        assert "pip install 'mindseye[faces]'" in one_line_error(mindseye(*command))


def test_a_file_of_the_gallery_is_cut_by_its_landmarks_as_it_was_there(
    mindseye: Mindseye,
    faces_dir: Path,
    pose_weights: Path,
    tmp_path: Path,
    sees: Callable[..., None],
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    source, at = album / "p1-0-left.png", ("--collection", "landmarked")
    sees(IN_THE_MIDDLE)
    mindseye("data", "find-faces", f"folder:{album}")
    built = mindseye("index", "build", f"folder:{album}", "--weights", pose_weights, *at)
    assert built.status == 0, built.err
    square = Aligner(size=32, channels=1).crop_by(
        next(face.landmarks for face in open_faces(f"folder:{album}").faces if face.landmarks)
    )

    def drawn(path: Path, *more: object) -> Any:
        return mindseye("query", path, "--wish", "pose=0", "--json", *at, *more).json["drawn"]

    assert drawn(source) == drawn(source, "--crop", str(square))
    assert drawn(source) != drawn(source, "--crop", "0,0,40,40")
    other = Image.open(source).convert("RGB")
    other.putpixel((0, 0), (1, 2, 3))
    other.save("elsewhere.png")
    assert drawn(Path("elsewhere.png")) == drawn(Path("elsewhere.png"), "--crop", "0,0,40,40")
