"""Sets of lifted photographs."""

from pathlib import Path

import pytest
from PIL import Image

from gallery.errors import ConfigError, DatasetError
from gallery.faces import FaceSet
from gallery.readers.studio import read
from gallery.studio.lift.photographs import Choice
from gallery.studio.lift.writer import LiftOptions, lift, look_at, request_of
from gallery.studio.request import DrawRequest
from gallery.studio.shards import MANIFEST, SHARDS
from tests.gallery.studio.lift.conftest import SIDE

FEW = LiftOptions(values={"pose": ("-30", "0"), "illumination": ("0", "17")}, size=32)


def chosen(faces: FaceSet, assets: Path) -> Choice:
    steps = look_at(faces, assets)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            choice: Choice = end.value
            return choice


def test_a_lifted_set_has_exact_labels_and_names_what_it_leaves_out(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    (left_out,) = choice.left_out
    assert left_out.name == "wall.png"
    assert "no face was found" in left_out.reason
    request = request_of(choice, FEW)
    steps = list(lift(tmp_path / "lifted", choice, request, assets=assets_folder))
    assert [(step.done, step.total) for step in steps] == [(1, 2), (2, 2)]
    faces = read("studio:lifted", tmp_path / "lifted")
    assert faces.identities == ("Ann", "Bob/2")
    conditions = [str(face.condition["pose"]) for face in faces.faces if face.identity == "Ann"]
    assert conditions == ["-30", "-30", "0", "0"]
    assert faces.load(faces.faces[-1]).size == (32, 32)
    assert faces.traits is None


def test_a_set_that_was_left_in_the_middle_is_finished_alike(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    request = request_of(choice, FEW)
    list(lift(tmp_path / "whole", choice, request, assets=assets_folder))
    for _ in lift(tmp_path / "stopped", choice, request, assets=assets_folder):
        break
    assert len(list((tmp_path / "stopped" / SHARDS).iterdir())) == 1
    list(lift(tmp_path / "stopped", choice, request, assets=assets_folder))
    manifests = [(tmp_path / name / MANIFEST).read_bytes() for name in ("whole", "stopped")]
    assert manifests[0] == manifests[1]


def test_other_photographs_are_another_set(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    list(lift(tmp_path / "lifted", choice, request_of(choice, FEW), assets=assets_folder))
    fewer = Choice(choice.people[:1], ())
    with pytest.raises(DatasetError, match="holds another set"):
        list(lift(tmp_path / "lifted", fewer, request_of(fewer, FEW), assets=assets_folder))


def test_a_photograph_that_changed_meanwhile_is_not_lifted(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    Image.new("RGB", (SIDE, SIDE), "white").save(photographs.root / "ann.png")
    with pytest.raises(DatasetError, match=r"ann\.png changed while it was lifted"):
        list(lift(tmp_path / "lifted", choice, request_of(choice, FEW), assets=assets_folder))


def test_where_no_photograph_can_be_lifted_the_first_reason_is_named(
    photographs: FaceSet, assets_folder: Path
) -> None:
    walls = photographs.where(lambda face: face.name == "wall.png")
    with pytest.raises(DatasetError, match=r"can be lifted; wall\.png: no face was found"):
        chosen(walls, assets_folder)


def test_what_photographs_cannot_be_lifted_to_is_refused(
    photographs: FaceSet, assets_folder: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    with pytest.raises(ConfigError, match="are lifted to pose, illumination, occlusion, not"):
        request_of(choice, LiftOptions(attributes=("age",)))


def test_a_request_with_photographs_survives_json(
    photographs: FaceSet, assets_folder: Path
) -> None:
    request = request_of(chosen(photographs, assets_folder), FEW)
    assert DrawRequest.from_json(request.to_json()) == request
    assert [request.label(number) for number in request.numbers] == ["Ann", "Bob/2"]
    assert "photographs" not in DrawRequest(identities=2).to_json()
