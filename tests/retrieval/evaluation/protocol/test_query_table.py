"""The table of queries lists exactly the images that the criteria call right."""

from pathlib import Path

import numpy as np
import pytest

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError
from gallery.faces import Face, FaceSet
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, all_queries
from retrieval.evaluation.protocol.query_table import (
    about,
    ask,
    describe_gallery,
    describe_people,
    known_space,
    restrict,
)

SPACE = AttributeSpace(
    (
        Attribute("pose", ("-45", "0", "45"), unit="degree"),
        Attribute("light", ("a", "b")),
        Attribute("age", ("20", "50")),
    )
)


def some_faces(seed: int, count: int = 40) -> tuple[Face, ...]:
    random = np.random.default_rng(seed)
    faces = []
    for number in range(count):
        condition = {
            a.name: str(random.choice(a.values)) for a in SPACE.attributes if random.random() < 0.8
        }
        who = str(random.integers(4)) if random.random() < 0.9 else None
        faces.append(Face(f"{number}.png", who, Condition(condition)))
    return tuple(faces)


@pytest.mark.parametrize("seed", range(5))
def test_right_images_are_those_that_the_criteria_name(seed: int) -> None:
    labels = Labels.of(some_faces(seed), SPACE)
    queries = all_queries(labels, {"pose": [0, 1, 2], "light": [0, 1]})
    table = ask(labels, queries, {})
    assert len(table) > 20
    for query in range(len(table)):
        images = table.right[table.right_starts[query] : table.right_starts[query + 1]]
        strict = table.right_strict[table.right_starts[query] : table.right_starts[query + 1]]
        wish = {c: v for c, v in enumerate(table.wished[query].tolist()) if v >= 0}
        wanted = labels.right(int(table.source[query]), wish)
        assert images.tolist() == np.flatnonzero(wanted["C1"]).tolist()
        assert images[strict].tolist() == np.flatnonzero(wanted["C2"]).tolist()
    assert table.measured["C2"].tolist() == queries.strict.tolist()


def test_a_subset_is_chosen_by_the_values_of_the_source() -> None:
    faces = some_faces(0)
    labels = Labels.of(faces, SPACE)
    queries = all_queries(labels, {"pose": [0, 1, 2]})
    table = ask(labels, queries, {"first light": Condition(light="a"), "odd": Condition(hat="x")})
    assert list(table.subsets) == ["first light"]
    having = [faces[source].condition.get("light") == "a" for source in table.source]
    assert table.subsets["first light"].tolist() == having
    assert 0 < sum(having) < len(having)


def test_an_attribute_that_no_image_knows_is_not_asked_for() -> None:
    faces = [Face("1", "a", Condition(pose="0")), Face("2", "a", Condition(light="b"))]
    assert known_space(faces, SPACE).names == ("pose", "light")


def test_a_gallery_can_be_restricted_to_some_values_and_to_unknown_ones() -> None:
    faces = FaceSet(spec="x", root=Path(), faces=some_faces(1), space=SPACE)
    kept = restrict(faces, {"pose": ["45.0", "0"], "age": [""]})
    assert kept
    assert {face.condition["pose"] for face in kept} == {"45", "0"}
    assert not any("age" in face.condition for face in kept)


def test_a_restriction_of_an_unknown_attribute_is_refused() -> None:
    faces = FaceSet(spec="x", root=Path(), faces=some_faces(1), space=SPACE)
    with pytest.raises(ConfigError, match="restricts 'hat'.*it has: pose, light, age"):
        restrict(faces, {"hat": ["none"]})


def test_the_images_a_protocol_is_about_are_renamed_and_then_restricted() -> None:
    faces = FaceSet(spec="x", root=Path(), faces=some_faces(1), space=SPACE)
    names = {"pose": {"45": "turned", "-45": "turned", "0": "straight"}}
    kept = about(faces, Protocol(names=names, gallery={"pose": ("turned",)}))
    assert {face.condition["pose"] for face in kept.faces} == {"turned"}
    assert kept.space["pose"].values == ("turned",)  # what no image may show is no wish
    assert kept.space["light"] == faces.space["light"]
    turned = [face for face in faces.faces if face.condition.get("pose") in ("45", "-45")]
    assert [face.name for face in kept.faces] == [face.name for face in turned]


def test_people_and_gallery_are_described_in_the_order_of_the_labels() -> None:
    faces = some_faces(2)
    labels = Labels.of(faces, SPACE)
    face_set = FaceSet(
        spec="x", root=Path(), faces=faces, space=SPACE, traits=lambda who: {"gender": f"g{who}"}
    )
    people = describe_people(faces, labels, face_set)
    gallery = describe_gallery(faces, labels)
    for face, number in zip(faces, gallery.identity.tolist(), strict=True):
        assert number == -1 if face.identity is None else people.names[number] == face.identity
    assert people.traits["gender"] == tuple(f"g{name}" for name in people.names)
    assert gallery.names == tuple(face.name for face in faces)
