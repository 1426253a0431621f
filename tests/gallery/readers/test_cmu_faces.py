import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gallery import archives
from gallery.align import Aligner, Landmarks
from gallery.errors import DatasetError
from gallery.faces import FaceSet
from gallery.pixels import align_all, align_each
from gallery.readers.cmu_faces import CROP, read

Put = Callable[..., Path]

ASCII = b"P2\n3 2\n255\n0 50 100\n150 200 255\n"
BINARY = b"P5\n3 2\n255\n" + bytes([0, 50, 100, 150, 200, 255])
REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "cmu-faces.tar.gz"


def test_names_are_read(put: Put, photos: Path) -> None:
    put("faces/saavik/saavik_up_sad_sunglasses.pgm")
    put("faces/an2i/an2i_left_angry_open.pgm")
    faces = read("cmu-faces:photos", photos)
    assert [face.name for face in faces.faces] == [
        "faces/an2i/an2i_left_angry_open.pgm",
        "faces/saavik/saavik_up_sad_sunglasses.pgm",
    ]
    assert faces.identities == ("an2i", "saavik")
    assert faces.faces[0].condition == {"pose": "left", "expression": "angry", "eyes": "open"}
    assert faces.faces[1].condition == {"pose": "up", "expression": "sad", "eyes": "sunglasses"}
    assert (faces.root, faces.spec, faces.crop) == (photos, "cmu-faces:photos", CROP)


def test_the_space_is_the_whole_grid(put: Put, photos: Path) -> None:
    put("faces/an2i/an2i_left_angry_open.pgm")
    faces = read("cmu-faces:photos", photos)
    assert faces.space.to_json() == [
        {"name": "pose", "values": ["straight", "left", "right", "up"]},
        {"name": "expression", "values": ["neutral", "happy", "sad", "angry"]},
        {"name": "eyes", "values": ["open", "sunglasses"]},
    ]
    assert faces.grid_size() == 32
    assert len(faces.holes()) == 31


@pytest.mark.parametrize("data", [ASCII, BINARY])
def test_ascii_and_binary_files_are_read(data: bytes, put: Put, photos: Path) -> None:
    put("faces/an2i/an2i_left_angry_open.pgm", data)
    faces = read("cmu-faces:photos", photos)
    image = faces.load(faces.faces[0])
    assert image.mode == "L"
    assert np.asarray(image).tolist() == [[0, 50, 100], [150, 200, 255]]


@pytest.mark.parametrize(
    ("sizes", "largest"), [(("", "_2", "_4"), ""), (("_4", "_2"), "_2"), (("_4",), "_4")]
)
def test_of_each_shot_the_largest_size_is_taken(
    sizes: tuple[str, ...], largest: str, put: Put, photos: Path
) -> None:
    for size in sizes:
        put(f"faces/an2i/an2i_left_angry_open{size}.pgm")
    put("faces/an2i/an2i_left_angry_sunglasses_4.pgm")
    assert [face.name for face in read("cmu-faces:photos", photos).faces] == [
        f"faces/an2i/an2i_left_angry_open{largest}.pgm",
        "faces/an2i/an2i_left_angry_sunglasses_4.pgm",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "an2i_left_angry_open.png",
        "an2i_left_angry_open_3.pgm",
        "an2i_left_angry_open_8.pgm",
        "an2i_left_angry.pgm",
        "an2i_down_angry_open.pgm",
        "an2i_left_angry_open.pgm.bak",
        "_left_angry_open.pgm",
        ".an2i_left_angry_open.pgm",
    ],
)
def test_another_folder_is_refused(name: str, put: Put, photos: Path) -> None:
    put(f"faces/an2i/{name}")
    with pytest.raises(
        DatasetError, match=r"No CMU Face Image under .*photos: expected names like faces/an2i/"
    ):
        read("cmu-faces:photos", photos)


def test_a_missing_folder_is_named(photos: Path) -> None:
    with pytest.raises(DatasetError, match="There is no folder .*gone"):
        read("cmu-faces:gone", photos / "gone")


def test_an_archive_is_read_like_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "default_cache", lambda: tmp_path / "cache")
    path = tmp_path / "faces.tgz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("faces/an2i/an2i_left_angry_open.pgm")
        member.size = len(BINARY)
        tar.addfile(member, io.BytesIO(BINARY))
    faces = read(f"cmu-faces:{path}", path)
    assert [face.name for face in faces.faces] == ["faces/an2i/an2i_left_angry_open.pgm"]
    assert faces.read(faces.faces[0]) == BINARY
    assert faces.root.parent == tmp_path / "cache"
    assert read("again", path).root == faces.root


LINE = (
    "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y\n"
    "faces/an2i/an2i_left_angry_open.pgm,30,40,50,44,41,90\n"
)


def test_landmarks_of_an_archive_are_read_from_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "default_cache", lambda: tmp_path / "cache")
    path = tmp_path / "faces.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("left_angry_open", "right_angry_open"):
            member = tarfile.TarInfo(f"faces/an2i/an2i_{name}.pgm")
            member.size = len(BINARY)
            tar.addfile(member, io.BytesIO(BINARY))
    assert {face.landmarks for face in read("cmu-faces:faces.tgz", path).faces} == {None}
    (tmp_path / "faces.tgz.landmarks.csv").write_text(LINE)
    faces = read("cmu-faces:faces.tgz", path)
    assert [face.landmarks for face in faces.faces] == [Landmarks((40, 42), (41, 90)), None]
    assert faces.landmarks_file == tmp_path / "faces.tgz.landmarks.csv"


def test_landmarks_of_a_folder_are_read_from_its_root(put: Put, photos: Path) -> None:
    put("faces/an2i/an2i_left_angry_open.pgm")
    put("landmarks.csv", LINE)
    faces = read("cmu-faces:photos", photos)
    assert faces.faces[0].landmarks == Landmarks((40, 42), (41, 90))
    assert faces.landmarks_file == photos / "landmarks.csv"


def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "default_cache", lambda: tmp_path / "cache")
    path = tmp_path / "holiday.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("beach.pgm"))
    with pytest.raises(DatasetError, match=r"No CMU Face Image under .*holiday\.tar"):
        read(f"cmu-faces:{path}", path)


# The real photographs

SPOILT = 16


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    if not REAL.is_file():
        pytest.skip(f"the real photographs are not here: {REAL}")
    folder = archives.unpacked(REAL, tmp_path_factory.mktemp("cache"))
    return read(f"cmu-faces:{REAL}", folder)


def test_there_are_20_people_in_624_photographs(real: FaceSet) -> None:
    assert len(real.identities) == 20
    assert len(real) == 624
    assert real.grid_size() == 640
    assert real.counts()["eyes"].total() == 624


def test_the_16_spoilt_shots_are_the_holes(real: FaceSet) -> None:
    holes = real.holes()
    assert len(holes) == len(set(holes)) == SPOILT
    filled = {(face.identity, face.condition) for face in real.faces}
    assert filled.isdisjoint(holes)


def test_every_photograph_can_be_cut(real: FaceSet) -> None:
    aligned = align_all(
        list(align_each(real, Aligner(size=32, channels=1, crop=real.crop))), real.spec
    )
    assert aligned.problems == ()
    assert aligned.pixels.shape == (624, 32, 32, 1)
    assert aligned.pixels.std(axis=(1, 2, 3)).min() > 10  # there is something on every one


def test_the_crop_lies_inside_the_frame(real: FaceSet) -> None:
    sizes = {real.load(face).size for face in real.faces[::50]}
    assert sizes == {(128, 120)}
    left, top, side = CROP.square(128, 120)
    assert (left, top, side) == pytest.approx((26, 6, 80))
    assert 0 <= left < left + side <= 128
    assert 0 <= top < top + side <= 120


def test_thumbnails_in_an_archive_are_left_out_and_counted(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "default_cache", lambda: tmp_path / "cache")
    shot = put("an2i_left_angry_open.pgm", BINARY)
    archive = tmp_path / "cmu.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(shot, "faces/an2i/an2i_left_angry_open.pgm")
        tar.add(shot, "faces/an2i/@eaDir/an2i_right_angry_open.pgm")
        tar.add(shot, "__MACOSX/faces/an2i/an2i_up_angry_open.pgm")
        tar.add(shot, "faces/an2i/._an2i_up_angry_open.pgm")
    faces = read("cmu-faces:cmu.tar", archive)
    assert [face.name for face in faces.faces] == ["faces/an2i/an2i_left_angry_open.pgm"]
    assert [problem.reason for problem in faces.problems] == [
        "what macOS keeps of files: 1 file left out",
        "thumbnails: 1 file left out",
    ]
