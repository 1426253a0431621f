"""Images of a training by whom they show: set aside, and hashed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gallery.attributes import Condition
from gallery.errors import ConfigError
from gallery.faces import FaceSet
from gallery.joined import join, part_of
from gallery.pixels import Aligned
from generator.runs.request import TrainRequest
from generator.training.held_out import data_sha256, people_of, rests_of, split
from tests.generator.conftest import ask_for

Align = Callable[[TrainRequest], Aligned]


def test_the_hash_of_the_data_hangs_on_pixels_names_and_labels(
    tiny: TrainRequest, align: Align
) -> None:
    known = align(tiny)
    first = known.faces[0]
    pixels = known.pixels.copy()
    pixels[0, 0, 0] ^= 1
    others = [
        replace(known, pixels=pixels),
        *(
            replace(known, faces=(replace(first, **change), *known.faces[1:]))
            for change in ({"name": "x"}, {"identity": "x"}, {"condition": Condition(pose="45")})
        ),
    ]
    assert len({data_sha256(one) for one in (known, *others)}) == 5
    assert data_sha256(known) == data_sha256(align(tiny))


def test_of_joined_sets_the_last_people_of_each_are_set_aside(
    make_faces: Callable[..., FaceSet], align: Align
) -> None:
    faces = make_faces(people=4)
    first, second = faces.identities[:2], faces.identities[2:]
    joined = join([faces.of(first), faces.of(second)])
    whole = align(ask_for(joined))
    _, aside = split(whole, 0.1, part_of(joined.spec))
    assert aside is not None
    assert {face.identity for face in aside.faces} == {first[-1], second[-1]}
    _, alone = split(whole, 0.1)
    assert alone is not None
    assert {face.identity for face in alone.faces} == {second[-1]}


def test_the_last_people_are_set_aside(tiny: TrainRequest, align: Align) -> None:
    whole = align(tiny)
    assert split(whole, 0.0) == (whole, None)
    fitted, aside = split(whole, 0.1)
    assert aside is not None
    assert [face.identity for face in fitted.faces] == ["s1", "s1"]
    assert [face.identity for face in aside.faces] == ["s2", "s2"]
    assert (aside.pixels == whole.pixels[2:]).all()
    with pytest.raises(ConfigError, match="validation = 0.9 leaves nobody of 2 people to train on"):
        split(whole, 0.9)


def test_people_and_what_else_is_known_are_numbered(tiny: TrainRequest, align: Align) -> None:
    faces = align(tiny).faces
    assert people_of(faces).tolist() == [0, 0, 1, 1]
    assert rests_of(faces, tiny.faces.space.only(("pose",))).tolist() == [0, 0, 0, 0]
    assert rests_of(faces, tiny.faces.space.only(("light",))).tolist() == [0, 1, 0, 1]
