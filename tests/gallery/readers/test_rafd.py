from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.rafd import read
from gallery.summary import sides_text

Put = Callable[..., Path]

WORDS = {"fearful": "afraid", "contemptuous": "contemptuous", "surprised": "surprised"}


def test_names_are_read(put: Put, photos: Path) -> None:
    put("Rafd180_73_Moroccan_male_surprised_right.jpg")
    put("Rafd090_01_Caucasian_female_angry_frontal.jpg")
    faces = read("rafd:photos", photos)
    assert faces.identities == ("01", "73")
    assert faces.faces[0].condition == {"pose": "0", "expression": "angry", "gaze": "frontal"}
    assert faces.faces[1].condition == {"pose": "90", "expression": "surprised", "gaze": "right"}
    assert faces.traits is not None
    assert faces.traits("73") == {"group": "moroccan", "sex": "male"}
    assert faces.space.names == ("pose", "expression", "gaze")


@pytest.mark.parametrize(
    ("camera", "yaw_deg"),
    [("000", "-90"), ("045", "-45"), ("090", "0"), ("135", "45"), ("180", "90")],
)
def test_camera_045_sees_the_nose_point_right(
    camera: str, yaw_deg: str, put: Put, photos: Path
) -> None:
    put(f"Rafd{camera}_01_Caucasian_female_sad_left.jpg")
    faces = read("rafd:photos", photos)
    assert faces.faces[0].condition["pose"] == yaw_deg
    [said] = sides_text(faces)
    assert "pose=45 is camera 135 of RaFD" in said


@pytest.mark.parametrize(("own", "word"), WORDS.items())
def test_fear_has_the_word_of_the_other_sets(own: str, word: str, put: Put, photos: Path) -> None:
    put(f"Rafd090_02_Kid_female_{own}_frontal.jpg")
    assert read("rafd:photos", photos).faces[0].condition["expression"] == word


@pytest.mark.parametrize(
    "name",
    [
        "Rafd060_01_Caucasian_female_angry_frontal.jpg",
        "Rafd090_1_Caucasian_female_angry_frontal.jpg",
        "Rafd090_01_Caucasian_woman_angry_frontal.jpg",
        "Rafd090_01_Caucasian_female_bored_frontal.jpg",
        "Rafd090_01_Caucasian_female_angry_up.jpg",
        "Rafd090_01_Caucasian_female_angry_frontal_2.jpg",
    ],
)
def test_another_name_is_left_out_with_a_reason(name: str, put: Put, photos: Path) -> None:
    put(name)
    with pytest.raises(DatasetError, match=r"No image of RaFD under .*rafd\.socsci\.ru\.nl"):
        read("rafd:photos", photos)
    put("Rafd090_01_Caucasian_female_angry_frontal.jpg")
    [problem] = read("rafd:photos", photos).problems
    assert (problem.name, problem.reason[:18]) == (name, "not a name of RaFD")
