from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError, ImageError
from gallery.faces import Face, FaceSet, first_identities, fold_identities

SPACE = AttributeSpace(
    (Attribute("pose", ("-45", "0", "45"), "degree"), Attribute("eyes", ("open", "sunglasses")))
)


def face_set(*faces: Face, root: Path = Path("photos")) -> FaceSet:
    return FaceSet(spec="folder:photos", root=root, faces=faces, space=SPACE)


def people(count: int) -> FaceSet:
    """One image each of s1, s2, … in an order that is not natural."""
    names = sorted(f"s{number + 1}" for number in range(count))
    return face_set(*(Face(f"{name}.png", name) for name in names))


@pytest.fixture
def five() -> FaceSet:
    return face_set(
        Face("a.png", "s10", Condition(pose="0", eyes="open")),
        Face("b.png", "s10", Condition(pose="45", eyes="open")),
        Face("c.png", "s2", Condition(pose="0", eyes="sunglasses")),
        Face("d.png", "s2", Condition(pose="0")),
        Face("e.png"),
    )


def names(faces: FaceSet) -> list[str]:
    return [face.name for face in faces.faces]


def test_a_set_has_a_length_and_its_people_a_natural_order(five: FaceSet) -> None:
    assert len(five) == 5
    assert five.identities == ("s2", "s10")


def test_a_set_is_parted_by_people_in_its_own_order(five: FaceSet) -> None:
    assert names(five.of(["s2", "nobody"])) == ["c.png", "d.png"]
    assert names(five.without(["s2", "nobody"])) == ["a.png", "b.png", "e.png"]
    assert names(five) == ["a.png", "b.png", "c.png", "d.png", "e.png"]


@given(st.lists(st.sampled_from(["s1", "s2", "s3", None]), max_size=12), st.sets(st.just("s2")))
def test_of_and_without_share_a_set_out(who: list[str | None], wanted: set[str]) -> None:
    faces = face_set(*(Face(f"{number}.png", identity) for number, identity in enumerate(who)))
    parts = names(faces.of(wanted)) + names(faces.without(wanted))
    assert sorted(parts) == sorted(names(faces))


def test_values_get_other_names_and_what_has_none_is_left_out(five: FaceSet) -> None:
    turned = five.renamed({"pose": {"0": "straight", "45": "right"}})
    assert names(turned) == ["a.png", "b.png", "c.png", "d.png"]
    assert [face.condition["pose"] for face in turned.faces] == [
        *("straight", "right", "straight", "straight")
    ]
    assert turned.faces[0].condition["eyes"] == "open"
    assert turned.space["pose"] == Attribute("pose", ("right", "straight"))
    assert turned.space["eyes"] == SPACE["eyes"]


def test_numbers_stay_numbers_of_their_unit(five: FaceSet) -> None:
    assert five.renamed({"pose": {"0": "15"}}).space["pose"].unit == "degree"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"poze": {"0": "1"}}, "no attribute 'poze' with values to rename; did you mean 'pose'"),
        ({"pose": {}}, "no attribute 'pose' with values to rename"),
        ({"eyes": {"opne": "shut"}}, "eyes has no value 'opne'; did you mean 'open'"),
    ],
)
def test_what_is_not_there_cannot_be_renamed(
    five: FaceSet, values: dict[str, dict[str, str]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        five.renamed(values)


def test_the_labelled_have_an_identity_and_every_value(five: FaceSet) -> None:
    assert names(five.labelled(["pose"])) == ["a.png", "b.png", "c.png", "d.png"]
    assert names(five.labelled(["pose", "eyes"])) == ["a.png", "b.png", "c.png"]


def test_a_set_without_labels_says_what_is_missing(five: FaceSet) -> None:
    unlabelled = face_set(Face("e.png", None, Condition(pose="0", eyes="open")))
    with pytest.raises(DatasetError, match="no image with an identity and pose and eyes; labels"):
        unlabelled.labelled(["pose", "eyes"])
    with pytest.raises(DatasetError, match="folder:photos has no image with an identity and hat"):
        five.labelled(["hat"])


def test_images_are_counted_by_value_even_where_there_is_none(five: FaceSet) -> None:
    assert five.counts() == {
        "pose": {"-45": 0, "0": 3, "45": 1},
        "eyes": {"open": 2, "sunglasses": 1},
    }
    assert list(five.counts()["pose"]) == ["-45", "0", "45"]


def test_holes_are_the_cells_that_no_image_fills(five: FaceSet) -> None:
    assert five.grid_size() == 2 * 3 * 2
    holes = five.holes()
    assert len(holes) == 12 - 3
    assert holes[0] == ("s2", Condition(pose="-45", eyes="open"))
    assert ("s2", Condition(pose="0", eyes="open")) in holes  # d.png does not say its eyes
    assert ("s10", Condition(pose="45", eyes="open")) not in holes


def test_without_attributes_there_are_no_holes() -> None:
    bare = FaceSet(spec="x", root=Path(), faces=(Face("a.png", "s1"),), space=AttributeSpace(()))
    assert bare.holes() == []


def test_pixels_are_read_when_asked_for(put: Callable[..., Path], photos: Path) -> None:
    put("a.png")
    faces = face_set(Face("a.png"), Face("gone.png"), root=photos)
    assert faces.path(faces.faces[0]) == photos / "a.png"
    assert faces.read(faces.faces[0]) == (photos / "a.png").read_bytes()
    assert faces.load(faces.faces[0]).size == (12, 10)
    with pytest.raises(ImageError, match="No such file"):
        faces.load(faces.faces[1])


def test_a_reader_may_keep_its_images_elsewhere(put: Callable[..., Path]) -> None:
    data = put("a.png").read_bytes()
    faces = FaceSet(
        spec="drawn", root=Path(), faces=(Face("1"),), space=SPACE, reader=lambda _face: data
    )
    assert faces.read(faces.faces[0]) == data
    assert faces.load(faces.faces[0]).size == (12, 10)


# Splits


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ("1", 1),
        ("20", 20),
        ("0.7", 14),
        ("1.0", 20),
        ("0.06", 1),
        ("0.04", 1),
        ("0.98", 20),
        ("07", 7),
    ],
)
def test_the_first_people_in_natural_order_are_trained_on(wanted: str, count: int) -> None:
    chosen = first_identities(people(20), wanted)
    assert chosen == tuple(f"s{number + 1}" for number in range(count))


@pytest.mark.parametrize(
    "wanted", ["0", "21", "0.0", "0.01", "1.01", "-1", "-0.5", "x", "", "nan", "inf", "²"]
)
def test_what_chooses_nobody_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError, match=r"--train-identities takes 1\.\.20 or a share like 0\.7"):
        first_identities(people(20), wanted)


def test_of_20_people_3_folds_train_on_14_and_14_and_12() -> None:
    faces = people(20)
    assert [len(fold_identities(faces, f"{k}/3")) for k in (1, 2, 3)] == [14, 14, 12]
    assert fold_identities(faces, "1/3")[0] == "s7"
    assert fold_identities(faces, "3/3") == tuple(f"s{number + 1}" for number in range(12))


@given(st.integers(2, 25), st.data())
def test_the_folds_partition_the_people(count: int, data: st.DataObject) -> None:
    faces = people(count)
    total = data.draw(st.integers(2, count))
    kept = [set(fold_identities(faces, f"{k + 1}/{total}")) for k in range(total)]
    left_out = [who for fold in kept for who in faces.identities if who not in fold]
    assert left_out == list(faces.identities)  # each once, fold after fold in natural order
    assert all(len(fold) < count for fold in kept)
    runs = [count - len(fold) for fold in kept]
    assert runs[:-1] == [int(Fraction(count, total))] * (total - 1)


def test_a_fold_may_be_written_with_zeros() -> None:
    assert fold_identities(people(20), "03/3") == fold_identities(people(20), "3/3")


@pytest.mark.parametrize(
    "fold", ["", "1", "0/3", "4/3", "1/1", "1/21", "a/3", "1/b", "-1/3", "1/3/2"]
)
def test_what_is_no_fold_is_refused(fold: str) -> None:
    with pytest.raises(ConfigError, match=r"--fold takes K/N, 2 <= N <= 20 people, like 1/3"):
        fold_identities(people(20), fold)


def test_people_are_chosen_in_either_spelling_of_their_names() -> None:
    nfc, nfd = "Jos\u00e9", "Jose\u0301"
    faces = face_set(Face("1.jpg", nfd), Face("2.jpg", "Joseph"), Face("3.jpg"))
    assert [face.name for face in faces.of([nfc]).faces] == ["1.jpg"]
    assert [face.name for face in faces.without([nfc]).faces] == ["2.jpg", "3.jpg"]
    other = face_set(Face("1.jpg", nfc), Face("2.jpg", "Joseph"))
    assert [who != "Joseph" for who in faces.identities] == [
        who != "Joseph" for who in other.identities
    ]  # one natural order, and so the same people to train on
