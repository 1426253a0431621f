from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.cfee import read

Put = Callable[..., Path]

SHOTS = ("01-04/Images1/01_126_3963.jpg", "01-04/Images1/03_190_8097.jpg")
MORE = ("05-08/Images2/06_126_2638.jpg", "21-26/Images6/23_126_6632.jpg")


def test_without_the_table_expressions_are_called_by_their_numbers_and_that_is_told(
    put: Put, photos: Path
) -> None:
    for shot in SHOTS:
        put(shot)
    faces = read("cfee:photos", photos)
    assert faces.identities == ("126", "190")
    assert [face.condition["expression"] for face in faces.faces] == ["neutral", "03"]
    assert faces.space["expression"].values == ("neutral", "03")
    [note] = faces.notes
    assert note.startswith("expressions called by their numbers: 03; save the sheet")
    assert str(photos / "categories.csv") in note


@pytest.mark.parametrize(
    "table",
    [
        "number,name\n1,Neutral\n3,Sad\n6,Surprise\n23,Happily Surprised\n",
        "id;emotion;AU1\n01;neutral;0\n03;Sadness;1\n06;surprised;1\n23;Happily Surprised;0\n",
        '\ufeff1,neutral\n\n"3","sad"\n6,surprised\n23,happily  surprised\n',
    ],
)
def test_the_sets_own_table_names_them(table: str, put: Put, photos: Path) -> None:
    for shot in (*SHOTS, *MORE):
        put(shot)
    put("categories.csv", table)
    faces = read("cfee:photos", photos)
    words = ("neutral", "sad", "surprised", "happily-surprised")
    assert faces.space["expression"].values == words
    assert tuple(face.condition["expression"] for face in faces.faces) == words
    assert faces.notes == ()


@pytest.mark.parametrize("line", ["27,Happy", "3,", "Happy,3", "3"])
def test_a_line_that_names_nothing_is_refused(line: str, put: Put, photos: Path) -> None:
    put(SHOTS[0])
    put("categories.csv", f"number,name\n1,Neutral\n{line}\n")
    with pytest.raises(DatasetError, match=r"categories\.csv:3: a number from 1 to 26 and a name"):
        read("cfee:photos", photos)


def test_a_table_in_another_code_is_refused(put: Put, photos: Path) -> None:
    put(SHOTS[0])
    put("categories.csv", "1,neutr\xe4l".encode("latin-1"))
    with pytest.raises(DatasetError, match="is not text in UTF-8; save it as CSV UTF-8"):
        read("cfee:photos", photos)


@pytest.mark.parametrize("name", ["00_126_1.jpg", "27_126_1.jpg", "01_26_1.jpg", "01_126.jpg"])
def test_another_name_is_left_out_with_a_reason(name: str, put: Put, photos: Path) -> None:
    put(name)
    with pytest.raises(DatasetError, match=r"No image of CFEE under .*cbcsl\.ece\.ohio-state\.edu"):
        read("cfee:photos", photos)
    put(SHOTS[0])
    [problem] = read("cfee:photos", photos).problems
    assert (problem.name, problem.reason[:18]) == (name, "not a name of CFEE")
