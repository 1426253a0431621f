from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.celeba import read
from gallery.summary import remarks_text

Put = Callable[..., Path]

NAMES = "5_o_Clock_Shadow Bald Black_Hair Blond_Hair Eyeglasses Wearing_Hat Young"
ROWS = {
    "000001": "-1 -1 1 -1 -1 -1 1",
    "000002": "1 -1 -1 1 1 -1 1",
    "000003": "-1 -1 1 1 -1 1 -1",
    "000004": "-1 1 -1 -1 1 1 -1",
}


@pytest.fixture
def celeba(put: Put) -> Put:
    """The set in small: four images, their attributes, people and partitions."""
    lines = "".join(f"{number}.jpg  {signs}\n" for number, signs in ROWS.items())
    put("Anno/list_attr_celeba.txt", f"{len(ROWS)}\n{NAMES} \n{lines}")
    people = {"000001": 2880, "000002": 7, "000003": 7, "000004": 12}
    put("Anno/identity_CelebA.txt", "".join(f"{n}.jpg {who}\n" for n, who in people.items()))
    parts = {"000001": 0, "000002": 1, "000003": 1, "000004": 2}
    put("Eval/list_eval_partition.txt", "".join(f"{n}.jpg {part}\n" for n, part in parts.items()))
    for number in ROWS:
        put(f"Img/img_align_celeba/{number}.jpg")
    return put


@pytest.mark.usefixtures("celeba")
def test_labels_people_and_partitions_are_read(photos: Path) -> None:
    faces = read("celeba:photos", photos)
    assert faces.identities == ("7", "12", "2880")
    assert [face.identity for face in faces.faces] == ["2880", "7", "7", "12"]
    assert faces.faces[0].name == "Img/img_align_celeba/000001.jpg"
    first = faces.faces[0].condition
    assert (first["young"], first["five-o-clock-shadow"]) == ("yes", "no")
    assert [face.condition["partition"] for face in faces.faces] == [
        "train",
        "valid",
        "valid",
        "test",
    ]
    assert (faces.problems, faces.unmatched, faces.notes) == ((), (), ())


@pytest.mark.usefixtures("celeba")
def test_hair_and_accessory_are_put_together_where_they_are_clear(photos: Path) -> None:
    faces = read("celeba:photos", photos)
    assert [face.condition.get("hair") for face in faces.faces] == ["black", "blond", None, "bald"]
    accessories = [face.condition.get("accessory") for face in faces.faces]
    assert accessories == ["none", "glasses", "hat", None]
    assert faces.space["accessory"].values == ("none", "glasses", "hat")
    assert faces.space["eyeglasses"].values == ("no", "yes")


def test_lines_without_an_image_and_images_without_a_line_are_told(
    celeba: Put, photos: Path
) -> None:
    (photos / "Img/img_align_celeba/000003.jpg").unlink()
    celeba("Img/img_align_celeba/000009.jpg")
    celeba("Img/img_align_celeba/holiday.jpg")
    celeba("Img/img_celeba/000001.jpg")
    faces = read("celeba:photos", photos)
    assert len(faces) == 3
    reasons = {problem.name.rpartition("/")[2]: problem.reason for problem in faces.problems}
    assert reasons == {
        "000009.jpg": "list_attr_celeba.txt has no line for it",
        "holiday.jpg": "not a name of CelebA, like Img/img_align_celeba/000001.jpg",
        "000001.jpg": "its number is another image's, too, which is read",
    }
    assert remarks_text(faces) == [
        "list_attr_celeba.txt: lines that name no image: 1",
        "  000003.jpg: names no image",
    ]


def test_files_beside_the_images_and_png_are_read_and_people_may_be_missing(
    put: Put, photos: Path
) -> None:
    put("list_attr_celeba.txt", f"1\n{NAMES}\n000001.jpg {ROWS['000001']}\n")
    put("img_align_celeba_png/000001.png")
    [face] = read("celeba:photos", photos).faces
    assert face.identity is None
    assert "partition" not in face.condition
    assert face.condition["hair"] == "black"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "list_attr_celeba.txt",
            "1\nBald Young\n000001.jpg 1\n",
            ":3: expected an image and 2 times",
        ),
        ("list_attr_celeba.txt", "1\nBald\n000001.jpg 0\n", ":3: expected an image and 1 times"),
        ("list_attr_celeba.txt", "", ": a count and a line of names are expected first"),
        ("identity_CelebA.txt", "000001.jpg\n", ":1: expected an image and a number"),
        ("list_eval_partition.txt", "000001.jpg train\n", ":1: expected an image and a number"),
    ],
)
def test_a_line_of_another_form_is_refused(
    file: str, text: str, said: str, put: Put, photos: Path
) -> None:
    put("list_attr_celeba.txt", f"1\n{NAMES}\n000001.jpg {ROWS['000001']}\n")
    put(file, text)
    put("img_align_celeba/000001.jpg")
    with pytest.raises(DatasetError) as refused:
        read("celeba:photos", photos)
    assert f"{file}{said}" in str(refused.value)


def test_images_without_their_labels_are_refused(put: Put, photos: Path) -> None:
    put("img_align_celeba/000001.jpg")
    with pytest.raises(DatasetError, match=r"There is no list_attr_celeba\.txt in .*Anno"):
        read("celeba:photos", photos)
