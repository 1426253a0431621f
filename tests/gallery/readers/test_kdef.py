from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.kdef import DAMAGED, read
from gallery.summary import sides_text, summarise

Put = Callable[..., Path]

CODES = ("AF", "AN", "DI", "HA", "NE", "SA", "SU")
WORDS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")


def test_the_sets_own_folders_are_read(put: Put, photos: Path) -> None:
    put("KDEF/BM35/BM35SUHR.JPG")
    put("KDEF/AF01/AF01ANFL.JPG")
    faces = read("kdef:photos", photos)
    assert [face.name for face in faces.faces] == [
        "KDEF/AF01/AF01ANFL.JPG",
        "KDEF/BM35/BM35SUHR.JPG",
    ]
    assert faces.identities == ("F01", "M35")
    assert faces.faces[0].condition == {"pose": "90", "expression": "angry"}
    assert faces.faces[1].condition == {"pose": "-45", "expression": "surprised"}
    assert faces.landmarks_file == photos / "landmarks.csv"


@pytest.mark.parametrize(("code", "word"), [*zip(CODES, WORDS, strict=True)])
def test_expressions_have_the_words_of_the_other_sets(
    code: str, word: str, put: Put, photos: Path
) -> None:
    put(f"af02{code.lower()}s.jpg")  # some have the set in lower case
    [face] = read("kdef:photos", photos).faces
    assert face.condition == {"pose": "0", "expression": word}


@pytest.mark.parametrize(
    ("angle", "yaw_deg"), [("FL", "90"), ("HL", "45"), ("S", "0"), ("HR", "-45"), ("FR", "-90")]
)
def test_a_left_profile_is_seen_from_the_sitters_left(
    angle: str, yaw_deg: str, put: Put, photos: Path
) -> None:
    put(f"AF02NE{angle}.JPG")
    faces = read("kdef:photos", photos)
    assert faces.faces[0].condition["pose"] == yaw_deg
    [said] = sides_text(faces)
    assert "full left profile (FL)" in said
    assert "by the words of the set, not by its pictures" in said


def test_both_sessions_of_a_number_are_one_person_and_a_man_and_a_woman_are_two(
    put: Put, photos: Path
) -> None:
    for name in ("AF07NES", "BF07NES", "AM07NES"):
        put(f"{name}.JPG")
    faces = read("kdef:photos", photos)
    assert faces.identities == ("F07", "M07")
    assert summarise(faces)["repeats"] == 1
    assert faces.traits is not None
    assert faces.traits("F07") == {"sex": "female"}
    assert faces.traits("M07") == {"sex": "male"}


def test_wrong_names_are_read_as_what_they_show_and_told(put: Put, photos: Path) -> None:
    put("AF31/AF31V.JPG")
    put("AM31/AM31H.JPG")
    faces = read("kdef:photos", photos)
    assert [(face.identity, dict(face.condition)) for face in faces.faces] == [
        ("F31", {"pose": "45", "expression": "sad"}),
        ("M31", {"pose": "-45", "expression": "surprised"}),
    ]
    assert faces.notes == (
        "AF31/AF31V.JPG is read as AF31SAHL: its name is known to be wrong",
        "AM31/AM31H.JPG is read as AM31SUHR: its name is known to be wrong",
    )
    assert faces.problems == ()


def test_a_wrong_name_beside_the_right_one_is_left_out(put: Put, photos: Path) -> None:
    put("AF31V.JPG")
    put("AF31SAHL.JPG")
    faces = read("kdef:photos", photos)
    assert [face.name for face in faces.faces] == ["AF31SAHL.JPG"]
    assert faces.notes == ()
    [problem] = faces.problems
    assert (problem.name, problem.reason) == ("AF31V.JPG", "AF31SAHL once more, misnamed")


def test_damaged_files_and_averaged_faces_are_left_out_with_a_reason(
    put: Put, photos: Path
) -> None:
    for stem in sorted(DAMAGED):
        put(f"{stem}.JPG")
    put("AKDEF/FAFFL.JPG")
    put("AF01NES.JPG")
    faces = read("kdef:photos", photos)
    assert [face.name for face in faces.faces] == ["AF01NES.JPG"]
    reasons = {problem.name: problem.reason for problem in faces.problems}
    assert reasons["AF01SUFR.JPG"] == "known to be black, or black in part"
    assert reasons["AM25DIFL.JPG"] == "known to be black, or black in part (and 5 more such files)"
    assert reasons["AKDEF/FAFFL.JPG"] == "an averaged face (AKDEF), which is nobody's"
    assert len(reasons) == 6


@pytest.mark.parametrize(
    "name",
    ["CF01NES", "AX01NES", "AF00NES", "AF36NES", "AF01XXS", "AF01NEX", "AF01NES (1)", "AF01NE"],
)
def test_another_name_is_left_out_with_a_reason(name: str, put: Put, photos: Path) -> None:
    put(f"{name}.JPG")
    put("AF01/thumbs.db")
    with pytest.raises(
        DatasetError, match=r"No image of KDEF under .*photos: .* ask for it at https://kdef\.se"
    ):
        read("kdef:photos", photos)
    put("AF01NES.JPG")
    [problem] = read("kdef:photos", photos).problems
    assert problem.name == f"{name}.JPG"
    assert problem.reason == "not a name of KDEF, like KDEF/AF01/AF01ANFL.JPG"


def test_landmarks_are_read_from_the_root(put: Put, photos: Path) -> None:
    put("AF01NES.JPG")
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\nAF01NES.JPG,11,22,,,21,66\n")
    [face] = read("kdef:photos", photos).faces
    assert face.landmarks is not None
    assert face.landmarks.chin == (21, 66)


def test_a_missing_folder_is_named(photos: Path) -> None:
    with pytest.raises(DatasetError, match="There is no folder .*gone"):
        read("kdef:gone", photos / "gone")
