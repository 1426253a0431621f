"""Sets of lifted photographs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.errors import ConfigError, DatasetError
from gallery.faces import FaceSet, Problem
from gallery.joined import join
from gallery.readers.registry import open_faces
from gallery.readers.studio import read
from gallery.studio.lift.photographs import Choice
from gallery.studio.lift.writer import LiftOptions, agreeing, lift, look_at, request_of
from gallery.studio.request import DrawRequest
from gallery.studio.shards import MANIFEST, SHARDS
from gallery.studio.writer import draw
from tests.gallery.studio.lift.conftest import SIDE

VALUES = {"pose": ("-30", "0"), "illumination": ("0", "17")}
FEW = LiftOptions(values=VALUES, size=32)


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
    with pytest.raises(
        ConfigError, match="are lifted to pose, illumination, accessory, occlusion, not"
    ):
        request_of(choice, LiftOptions(attributes=("age",)))


def test_a_request_with_photographs_survives_json(
    photographs: FaceSet, assets_folder: Path
) -> None:
    request = request_of(chosen(photographs, assets_folder), FEW)
    assert DrawRequest.from_json(request.to_json()) == request
    assert [request.label(number) for number in request.numbers] == ["Ann", "Bob/2"]
    assert "photographs" not in DrawRequest(identities=2).to_json()


def labelled(photographs: FaceSet, *, expression: str, accessory: str = "") -> FaceSet:
    """Say of Ann what her photograph shows."""
    (photographs.root / "labels.csv").write_text(
        f"path,identity,expression,accessory\nann.png,Ann,{expression},{accessory}\nbob.png,Bob,,\n"
    )
    return open_faces(photographs.spec)


def test_labels_are_told_of_all_images_in_the_studio_s_words(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    faces = labelled(photographs, expression="happy", accessory="a wig")
    choice = chosen(faces, assets_folder)
    request = request_of(choice, FEW)
    list(lift(tmp_path / "lifted", choice, request, assets=assets_folder))
    lifted = read("studio:lifted", tmp_path / "lifted")
    ann, bob = (lifted.of([name]).faces for name in ("Ann", "Bob"))
    assert {face.condition.get("expression") for face in ann} == {"happy"}
    assert not any("accessory" in face.condition for face in ann)  # the studio has no wig
    assert not any("expression" in face.condition for face in bob)
    assert lifted.space["expression"].values == ("happy",)
    assert lifted.load(ann[0]).size == (32, 32)
    assert DrawRequest.from_json(request.to_json()) == request


def test_lifted_and_drawn_people_are_joined_with_all_they_show(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    options = replace(
        FEW,
        attributes=("pose", "illumination", "accessory"),
        values={**VALUES, "accessory": ("none", "cap")},
    )
    faces = agreeing(labelled(photographs, expression="happy"), options)
    choice = chosen(faces, assets_folder)
    list(lift(tmp_path / "lifted", choice, request_of(choice, options), assets=assets_folder))
    drawn = DrawRequest(
        identities=1,
        attributes=("pose", "illumination", "accessory", "expression"),
        values={**VALUES, "accessory": ("none", "cap"), "expression": ("happy", "neutral")},
        size=32,
    )
    list(draw(tmp_path / "drawn", drawn, assets=assets_folder))
    both = join([read(f"studio:{name}", tmp_path / name) for name in ("lifted", "drawn")])
    assert both.space["expression"].values == ("happy", "neutral")
    known = both.labelled(drawn.attributes)
    assert known.identities == ("000000", "Ann")
    caps = known.of(["Ann"]).where(lambda face: face.condition["accessory"] == "cap")
    assert dict(caps.faces[-1].condition) == {
        "pose": "0",
        "illumination": "17",
        "accessory": "cap",
        "expression": "happy",
    }


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("accessory", "sunglasses", "accessory=cap, not accessory=none"),
        ("expression", "neutral", "expression=happy, not expression=neutral"),
    ],
)
def test_a_photograph_whose_label_contradicts_what_is_told_is_left_out(
    photographs: FaceSet, attribute: str, value: str, reason: str
) -> None:
    faces = labelled(photographs, expression="happy", accessory="cap")
    options = LiftOptions(attributes=("pose", attribute), values={attribute: (value,)})
    kept = agreeing(faces, options)
    assert [face.name for face in kept.faces] == ["bob.png"]
    assert kept.problems == (Problem("ann.png", f"its label says {reason}"),)


def test_one_expression_can_be_told_of_all_photographs_not_several(
    photographs: FaceSet, assets_folder: Path
) -> None:
    choice = chosen(photographs, assets_folder)
    one = LiftOptions(("pose", "expression"), {"pose": ("0",), "expression": ("neutral",)})
    assert request_of(choice, one).images == 2
    with pytest.raises(ConfigError, match="A lifted head keeps its expression"):
        request_of(choice, LiftOptions(("pose", "expression")))


def test_hats_and_glasses_are_drawn_as_labelled(
    photographs: FaceSet, assets_folder: Path, tmp_path: Path
) -> None:
    worn = ("none", "fedora", "round-glasses")
    values = {"pose": ("0",), "accessory": worn}
    options = LiftOptions(("pose", "accessory"), values, size=32)
    choice = chosen(photographs, assets_folder)
    list(lift(tmp_path / "lifted", choice, request_of(choice, options), assets=assets_folder))
    faces = read("studio:lifted", tmp_path / "lifted").of(["Ann"])
    views = {face.condition["accessory"]: np.asarray(faces.load(face), int) for face in faces.faces}
    assert tuple(views) == worn
    changed = {name: np.abs(views[name] - views["none"]).mean(axis=(1, 2)) for name in worn}
    assert changed["fedora"][:8].mean() > 15  # rows above the brow
    assert changed["round-glasses"][10:16].mean() > changed["round-glasses"][24:].mean()
