"""The demonstration's choices; that it runs to its end is tested in test_cli.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces
from retrieval import demo
from retrieval.collection import Collection
from retrieval.demo import Plan, _is_right, _questions, ask, plan
from retrieval.search import Found

SPACE = AttributeSpace(
    (Attribute("pose", ("left", "right")), Attribute("eyes", ("open", "sunglasses")))
)


def face(who: str, pose: str, eyes: str) -> Face:
    return Face(f"{who}-{pose}-{eyes}.png", who, Condition(pose=pose, eyes=eyes))


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    """Ten people; s8 has a twin of one image only, s9 of none, s10 of all."""
    everybody = [
        face(f"s{n}", pose, eyes)
        for n in range(1, 11)
        for pose in ("left", "right")
        for eyes in ("open", "sunglasses")
    ]
    holes = {"s8-left-sunglasses.png", "s9-left-open.png", "s9-right-sunglasses.png"}
    kept = tuple(one for one in everybody if one.name not in holes)
    return FaceSet(spec="x:y", root=tmp_path, faces=kept, space=SPACE)


def test_seven_of_ten_people_are_trained_on_and_the_others_are_asked_about(
    faces: FaceSet, tmp_path: Path
) -> None:
    planned = plan(faces, tmp_path / "out")
    assert planned.training.train_identities == tuple(f"s{n}" for n in range(1, 8))
    assert planned.strangers.identities == ("s8", "s9", "s10")
    assert planned.test_images == 3 + 2 + 4
    assert planned.weights == tmp_path / "out" / "eyes-demo" / "weights.safetensors"
    assert planned.training.recipe.train.steps == demo.STEPS


def test_only_what_the_gallery_answers_is_asked_and_always_the_same(
    faces: FaceSet, tmp_path: Path
) -> None:
    planned = plan(faces, tmp_path)
    asked = list(_questions(planned))
    assert [source.identity for source, _ in asked] == ["s8", "s10"]
    names = {one.name for one in faces.faces}
    for source, wish in asked:
        assert list(wish) == ["eyes"]
        assert wish["eyes"] != source.condition["eyes"]
        wanted = source.condition.replace(wish)
        assert f"{source.identity}-{wanted['pose']}-{wanted['eyes']}.png" in names
    assert list(_questions(plan(faces, tmp_path))) == asked


def test_right_is_the_same_person_with_the_wish_and_all_else_equal() -> None:
    source = face("s1", "left", "open")
    wanted = Condition(pose="left", eyes="sunglasses")

    def hit(who: str | None, pose: str, eyes: str) -> Found:
        return Found(1, 0.9, "x", who, Condition(eyes=eyes, pose=pose), Condition())

    assert _is_right(hit("s1", "left", "sunglasses"), source, wanted)
    for wrong in (("s2", "left", "sunglasses"), ("s1", "right", "sunglasses")):
        assert not _is_right(hit(*wrong), source, wanted)
    assert not _is_right(hit("s1", "left", "open"), source, wanted)
    assert not _is_right(hit(None, "left", "sunglasses"), source, wanted)


def test_faces_without_eyes_are_refused(faces_spec: str, tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="has no attribute 'eyes', which the demonstration train"
    ):
        plan(open_faces(faces_spec), tmp_path)


def test_where_there_is_nothing_to_ask_that_is_said(faces: FaceSet, tmp_path: Path) -> None:
    lonely = replace(faces, faces=tuple(f for f in faces.faces if f.identity not in ("s8", "s10")))
    planned = Plan(lonely, plan(faces, tmp_path).training, tmp_path)
    Collection.open_or_create(planned.collection).close()
    with pytest.raises(DatasetError, match="Nobody left to ask about is shown under two values"):
        ask(planned)
