from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.align import Landmarks
from gallery.errors import DatasetError
from gallery.readers import multipie
from gallery.readers.multipie import read

Put = Callable[..., Path]

CAMERAS = {"080": -45, "130": -30, "140": -15, "051": 0, "050": 15, "041": 30, "190": 45}


def shot(name: str) -> str:
    """Where the collection keeps a file."""
    subject, session, recording, camera, _ = name.removesuffix(".png").split("_")
    folder = f"session{session}/multiview/{subject}/{recording}/{camera[:2]}_{camera[2]}"
    return f"{folder}/{name}"


def test_the_collections_own_folders_are_read(put: Put, photos: Path) -> None:
    put(shot("002_01_01_190_19.png"))
    put(shot("001_01_01_051_07.png"))
    faces = read("multipie:photos", photos)
    assert [face.name for face in faces.faces] == [
        "session01/multiview/001/01/05_1/001_01_01_051_07.png",
        "session01/multiview/002/01/19_0/002_01_01_190_19.png",
    ]
    assert faces.identities == ("001", "002")
    assert faces.faces[0].condition == {"pose": "0", "illumination": "7"}
    assert faces.faces[1].condition == {"pose": "45", "illumination": "19"}
    assert faces.root == photos
    assert faces.crop is None


def test_a_flat_folder_is_read(put: Put, photos: Path) -> None:
    put("001_01_01_051_07.png")
    assert len(read("multipie:photos", photos)) == 1


@pytest.mark.parametrize(("camera", "yaw_deg"), CAMERAS.items())
def test_a_yaw_is_negative_on_the_side_of_camera_080(
    camera: str, yaw_deg: int, put: Put, photos: Path
) -> None:
    put(shot(f"001_01_01_{camera}_00.png"))
    [face] = read("multipie:photos", photos).faces
    assert face.condition["pose"] == str(yaw_deg)


def test_the_space_is_that_of_the_papers(put: Put, photos: Path) -> None:
    put("001_01_01_051_07.png")
    space = read("multipie:photos", photos).space
    assert space.names == ("pose", "illumination")
    assert space["pose"].values == tuple(map(str, CAMERAS.values()))
    assert space["pose"].unit == "degree"
    assert space["illumination"].values == tuple(map(str, range(20)))
    assert space.size == 27
    assert space.check({"pose": "+30°"}) == {"pose": "30"}


@pytest.mark.parametrize(
    "name",
    [
        "001_02_01_051_07.png",  # session 2
        "001_01_02_051_07.png",  # the smile of session 1
        "001_01_01_081_07.png",  # looks down from above
        "001_01_01_191_07.png",
        "001_01_01_090_07.png",  # 60 degrees
        "001_01_01_240_07.png",
        "001_01_01_051_20.png",  # there are flashes 0..19
        "001_01_01_051_7.png",
        "001_01_01_051_07_crop.png",
        "001_01_01_051_07.jpg",
        ".001_01_01_051_07.png",
        "x001_01_01_051_07.png",
        "notes.png",
    ],
)
def test_other_shots_are_passed_over(name: str, put: Put, photos: Path) -> None:
    put(f"session01/{name}")
    with pytest.raises(DatasetError, match=r"No Multi-PIE image of session 1 under .*session01$"):
        read("multipie:photos", photos)
    put("001_01_01_051_00.png")
    assert [face.name for face in read("multipie:photos", photos).faces] == ["001_01_01_051_00.png"]


def test_a_link_is_no_shot(put: Put, photos: Path) -> None:
    put("001_01_01_051_00.png")
    (photos / "001_01_01_051_01.png").symlink_to(photos / "001_01_01_051_00.png")
    assert len(read("multipie:photos", photos)) == 1


def test_a_missing_folder_is_named(photos: Path) -> None:
    with pytest.raises(DatasetError, match="There is no folder .*gone"):
        read("multipie:gone", photos / "gone")


def test_landmarks_lie_beside_the_images_or_in_one_file(put: Put, photos: Path) -> None:
    first, second = shot("001_01_01_051_07.png"), shot("002_01_01_051_07.png")
    for name in (first, second, shot("003_01_01_051_07.png")):
        put(name)
    for name in (first, second):
        put(name.replace(".png", ".pos"), "reye 10 20\nleye 30 20\nchin 20 60\n")
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\n{second},11,22,,,21,66\n")
    known = [face.landmarks for face in read("multipie:photos", photos).faces]
    assert known == [Landmarks((20, 20), (20, 60)), Landmarks((11, 22), (21, 66)), None]


def test_bad_landmarks_are_refused(put: Put, photos: Path) -> None:
    put("001_01_01_051_07.png")
    put("001_01_01_051_07.pos", "leye 10 20\n")
    with pytest.raises(DatasetError, match=r"001_01_01_051_07\.pos: the chin and at least one eye"):
        read("multipie:photos", photos)


def test_the_two_numbers_without_a_flash_are_declared_equal() -> None:
    lights = multipie.SPACE["illumination"]
    assert lights.equal == (("0", "19"),)
    assert lights.alike == (*range(19), 0)
    assert multipie.SPACE["pose"].alike == tuple(range(7))
