"""The demonstration's choices; that it runs to its end is tested in test_cli.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from gallery.attributes import Condition
from gallery.errors import WeightsError
from gallery.faces import Face
from generator import weights_file
from generator.runs.request import CPU
from retrieval import demo
from retrieval.demo import is_right, plan, questions_of
from retrieval.search.result import Found


def face(who: str, pose: str, eyes: str) -> Face:
    return Face(f"{who}-{pose}-{eyes}.png", who, Condition(pose=pose, eyes=eyes))


def test_the_gallery_is_a_part_that_all_packaged_wishes_can_be_asked_of(tmp_path: Path) -> None:
    planned = plan(tmp_path, CPU)
    assert len(planned.faces.identities) == demo.PEOPLE
    assert {one.condition["illumination"] for one in planned.faces.faces} == set(demo.LIGHTS)
    assert [one.card.space.names[0] for one in planned.weights] == [
        name for name in demo.WISHES if name in {w.card.space.names[0] for w in planned.weights}
    ]
    assert planned.collection == tmp_path / "collection"


def test_weights_that_redraw_under_every_value_index_frontal_images_unless_all_is_asked_for(
    tmp_path: Path,
) -> None:
    planned = plan(tmp_path, CPU)
    assert planned.part(planned.weights[0]) == planned.faces  # estimated: one redrawing an image
    for weights in planned.weights[1:]:
        part = planned.part(weights)
        assert 2 * demo.PEOPLE * demo.QUESTIONS <= len(part) < len(planned.faces) / 4
        assert {one.condition["pose"] for one in part.faces} == {"0"}
        assert len({one.condition["expression"] for one in part.faces}) == 1
    whole = replace(planned, full=True)
    assert all(whole.part(weights) == planned.faces for weights in planned.weights)


def test_only_what_the_gallery_answers_is_asked_and_always_the_same(tmp_path: Path) -> None:
    planned = plan(tmp_path, CPU)
    shown = {(one.identity, one.condition) for one in planned.faces.faces}
    for weights in planned.weights:
        asked = list(questions_of(planned, weights))
        assert len(asked) == demo.QUESTIONS
        assert list(questions_of(plan(tmp_path, CPU), weights)) == asked
        for source, wish in asked:
            (name,) = wish
            assert name == weights.card.space.names[0]
            assert wish[name] != source.condition[name]
            assert (source.identity, source.condition.replace(wish)) in shown
            assert source in planned.part(weights).faces


def test_right_is_the_same_person_with_the_wish_and_all_else_equal() -> None:
    source = face("s1", "left", "open")
    wanted = Condition(pose="left", eyes="sunglasses")

    def hit(who: str | None, pose: str, eyes: str) -> Found:
        return Found(1, 0.9, "x", who, Condition(eyes=eyes, pose=pose), Condition())

    assert is_right(hit("s1", "left", "sunglasses"), source, wanted)
    for wrong in (("s2", "left", "sunglasses"), ("s1", "right", "sunglasses")):
        assert not is_right(hit(*wrong), source, wanted)
    assert not is_right(hit("s1", "left", "open"), source, wanted)
    assert not is_right(hit(None, "left", "sunglasses"), source, wanted)


def test_without_packaged_weights_there_is_no_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_file, "PACKAGED", tmp_path)
    with pytest.raises(WeightsError, match="The packaged weights are missing; install"):
        plan(tmp_path, CPU)
