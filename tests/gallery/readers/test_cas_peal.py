from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import DatasetError
from gallery.readers.cas_peal import read
from gallery.summary import sides_text

Put = Callable[..., Path]


def name(**parts: str) -> str:
    """Return a name of the set, some parts exchanged."""
    usual = {"L": "IEU+00", "P": "PM+00", "E": "EN", "A": "A0", "D": "D0", "T": "T0", "B": "BB"}
    given = {**usual, "R": "R1", **parts}
    middle = "_".join(given[part] for part in "LPEADTB")
    return f"FO_000270_{middle}_M0_{given['R']}_S0.tif"


def test_every_part_of_a_name_is_read(put: Put, photos: Path) -> None:
    put(f"FRONTAL/Accessory/{name(A='A1')}")
    put("POSE/000001/MY_000001_IEU+00_PD-22_EN_A0_D0_T0_BB_M0_R1_S0.tif")
    faces = read("cas-peal:photos", photos)
    assert faces.identities == ("000001", "000270")
    assert faces.faces[0].condition == {
        "pose": "0",
        "tilt": "level",
        "expression": "neutral",
        "accessory": "hat-1",
        "illumination": "EU+00",
        "distance": "0",
        "session": "0",
        "background": "blue",
    }
    assert (faces.faces[1].condition["pose"], faces.faces[1].condition["tilt"]) == ("22", "down")
    assert faces.traits is not None
    assert faces.traits("000270") == {"sex": "female", "age group": "old"}
    assert faces.traits("000001") == {"sex": "male", "age group": "young"}


@pytest.mark.parametrize(("azimuth", "yaw_deg"), [("+45", "-45"), ("-67", "67"), ("+00", "0")])
def test_the_sign_of_a_pose_turns_over(azimuth: str, yaw_deg: str, put: Put, photos: Path) -> None:
    put(name(P=f"PM{azimuth}"))
    faces = read("cas-peal:photos", photos)
    assert faces.faces[0].condition["pose"] == yaw_deg
    [said] = sides_text(faces)
    assert said.startswith("  pose=45 is PM-45 of CAS-PEAL: the nose points to the left edge")


# Where the eyes of person 000001 are in 360 pixels of width: FaceFP_2.txt of the set.
EYES_X = {"-67": (97, 129), "-45": (99, 157), "+45": (201, 259), "+67": (229, 261)}


@pytest.mark.parametrize("azimuth", EYES_X)
def test_the_sign_is_that_of_the_sets_own_eye_positions(
    azimuth: str, put: Put, photos: Path
) -> None:
    put(name(P=f"PM{azimuth}"))
    [face] = read("cas-peal:photos", photos).faces
    nose_points_right = sum(EYES_X[azimuth]) / 2 > 360 / 2
    assert (int(face.condition["pose"]) < 0) == nose_points_right


@pytest.mark.parametrize(
    ("letter", "word"),
    [("EL", "happy"), ("EF", "frowning"), ("ES", "surprised"), ("EC", "eyes-closed")],
)
def test_expressions_have_words(letter: str, word: str, put: Put, photos: Path) -> None:
    put(name(E=letter))
    assert read("cas-peal:photos", photos).faces[0].condition["expression"] == word


def test_hats_come_first_and_glasses_last(put: Put, photos: Path) -> None:
    for number in range(7):
        put(name(A=f"A{number}"))
    accessories = read("cas-peal:photos", photos).space["accessory"].values
    assert accessories == (
        "none",
        *(f"hat-{n}" for n in (1, 2, 3)),
        *(f"glasses-{n}" for n in (1, 2, 3)),
    )


def test_a_d_may_stand_where_an_r_is_expected(put: Put, photos: Path) -> None:
    put(name(R="D0"))
    faces = read("cas-peal:photos", photos)
    assert (len(faces), faces.problems) == (1, ())


@pytest.mark.parametrize(
    "parts",
    [{"T": "T3"}, {"A": "A7"}, {"P": "PM+44"}, {"P": "PX+00"}, {"L": "IEU+10"}, {"B": "BX"}],
)
def test_what_the_set_does_not_have_is_left_out_with_a_reason(
    parts: dict[str, str], put: Put, photos: Path
) -> None:
    put(name(**parts))
    put("FaceFP_2.txt", "eyes")
    with pytest.raises(DatasetError, match=r"No image of CAS-PEAL-R1 under .*jdl\.ac\.cn/peal"):
        read("cas-peal:photos", photos)
    put(name())
    [problem] = read("cas-peal:photos", photos).problems
    assert (problem.name, problem.reason[:25]) == (name(**parts), "not a name of CAS-PEAL-R1")
