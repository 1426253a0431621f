from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.align import Landmarks
from gallery.errors import DatasetError
from gallery.landmarks import Points, beside, read_landmarks, read_pos, read_rows, write_rows

HEADER = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y\n"


def test_without_the_file_there_are_no_landmarks(photos: Path) -> None:
    assert read_landmarks(photos) == {}


def test_the_eyes_are_read_as_their_midpoint(put: Callable[..., Path], photos: Path) -> None:
    put("landmarks.csv", HEADER + "a.png,30,40,50,44,41,90\n")
    assert read_landmarks(photos) == {"a.png": Landmarks((40, 42), (41, 90))}


def test_of_a_profile_one_eye_is_enough(put: Callable[..., Path], photos: Path) -> None:
    put("landmarks.csv", HEADER + "left.png,30,40,,,41,90\nright.png,,,50,44,41,90\n")
    assert read_landmarks(photos) == {
        "left.png": Landmarks((30, 40), (41, 90)),
        "right.png": Landmarks((50, 44), (41, 90)),
    }


def test_columns_may_stand_in_any_order_beside_others(
    put: Callable[..., Path], photos: Path
) -> None:
    put(
        "landmarks.csv",
        "\ufeffchin_y, chin_x ,who,right_eye_y,right_eye_x,left_eye_y,left_eye_x,path\r\n"
        "90,41,Ann,44,50,40,30, sub/a.png \r\n",
    )
    assert read_landmarks(photos) == {"sub/a.png": Landmarks((40, 42), (41, 90))}


@pytest.mark.parametrize("written", ["./sub/a.png", "sub//a.png", "sub\\a.png"])
def test_paths_are_read_as_in_labels(written: str, put: Callable[..., Path], photos: Path) -> None:
    put("landmarks.csv", HEADER + f"{written},30,40,50,44,41,90\n")
    assert list(read_landmarks(photos)) == ["sub/a.png"]


@pytest.mark.parametrize("column", HEADER.strip().split(","))
def test_a_missing_column_is_named(column: str, put: Callable[..., Path], photos: Path) -> None:
    columns = [name for name in HEADER.strip().split(",") if name != column]
    put("landmarks.csv", ",".join(columns) + "\n")
    with pytest.raises(DatasetError, match=rf"landmarks\.csv: no column '{column}'; needed: path,"):
        read_landmarks(photos)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a.png,30,40,50,x,41,90", r"csv:3: 'x' is not a number of pixels"),
        ("a.png,30,40,50,inf,41,90", r"csv:3: 'inf' is not a number of pixels"),
        ("a.png,30,40,50,nan,41,90", r"csv:3: x and y of a point belong together"),
        ("a.png,,,,,41,90", r"csv:3: the chin and at least one eye are needed"),
        ("a.png,30,40,50,44,,", r"csv:3: the chin and at least one eye are needed"),
        ("a.png,30,40,50,44", r"csv:3: the chin and at least one eye are needed"),
        ("a.png,30,,50,44,41,90", r"csv:3: x and y of a point belong together"),
        ("a.png,30,40,50,44,41,20", r"csv:3: the chin must lie below the eyes"),
    ],
)
def test_a_bad_line_is_named(
    line: str, reason: str, put: Callable[..., Path], photos: Path
) -> None:
    put("landmarks.csv", f"{HEADER}good.png,30,40,50,44,41,90\n{line}\n")
    with pytest.raises(DatasetError, match=reason):
        read_landmarks(photos)


def test_a_short_line_without_a_path_is_refused(put: Callable[..., Path], photos: Path) -> None:
    columns = HEADER.strip().split(",")
    put("landmarks.csv", ",".join([*columns[1:], "path"]) + "\n30,40,50,44,41,90\n")
    with pytest.raises(DatasetError, match=r"csv:2: the path is empty"):
        read_landmarks(photos)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", HEADER.encode() + b"\xe9.png,1,2,3,4,5,6"])
def test_another_encoding_is_refused(
    content: bytes, put: Callable[..., Path], photos: Path
) -> None:
    put("landmarks.csv", content)
    with pytest.raises(DatasetError, match=r"landmarks\.csv cannot be read as UTF-8 CSV"):
        read_landmarks(photos)


def test_points_beside_the_image_are_read(put: Callable[..., Path]) -> None:
    path = put("a.pos", "reye 30.5 40\nleye 50.5 44\nnose 40 60\nchin 41 90\n\n")
    assert read_pos(path) == Landmarks((40.5, 42), (41, 90))


def test_one_eye_beside_a_profile_is_enough(put: Callable[..., Path]) -> None:
    assert read_pos(put("a.pos", "leye 50 44\nchin 41 90\n")) == Landmarks((50, 44), (41, 90))


def test_without_points_beside_the_image_there_are_none(photos: Path) -> None:
    assert read_pos(photos / "a.pos") is None


@pytest.mark.parametrize("content", ["", "leye 50 44\n", "chin 41 90\n", "leye x y\nchin 41 90\n"])
def test_points_without_chin_or_eyes_are_refused(content: str, put: Callable[..., Path]) -> None:
    path = put("a.pos", content)
    with pytest.raises(DatasetError, match=r"a\.pos: the chin and at least one eye are needed"):
        read_pos(path)


# Writing


def test_what_is_written_is_read(photos: Path) -> None:
    ann, bob = Points((30, 40), (50, 44), (41.25, 90)), Points((3, 4), (5, 4), (4, 9))
    write_rows(photos / "landmarks.csv", [ann.row("a.png"), bob.row('b, "c".png')])
    assert read_landmarks(photos) == {
        "a.png": Landmarks((40, 42), (41.2, 90)),
        'b, "c".png': Landmarks((4, 4), (4, 9)),
    }
    assert ann.landmarks == Landmarks((40, 42), (41.25, 90))


def test_lines_keep_all_their_columns(put: Callable[..., Path], photos: Path) -> None:
    path = put("landmarks.csv", HEADER.replace("\n", ",who\n") + "./a.png,30,40,,,41,90,Ann\n")
    rows = read_rows(path)
    assert rows["a.png"] == {
        "path": "a.png",
        "left_eye_x": "30",
        "left_eye_y": "40",
        "right_eye_x": "",
        "right_eye_y": "",
        "chin_x": "41",
        "chin_y": "90",
        "who": "Ann",
    }
    write_rows(path, [*rows.values(), Points((3, 4), (5, 4), (4, 9)).row("b.png")])
    again = read_rows(path)
    assert again["a.png"] == rows["a.png"]
    assert again["b.png"]["who"] == ""
    assert path.read_text("utf-8").splitlines()[0] == HEADER.strip() + ",who"
    assert [one.name for one in photos.iterdir()] == ["landmarks.csv"]  # no temporary file is left


def test_without_the_file_there_are_no_lines(photos: Path) -> None:
    assert read_rows(photos / "landmarks.csv") == {}


def test_landmarks_of_an_archive_stand_beside_it() -> None:
    assert beside(Path("/data/faces.tar.gz")) == Path("/data/faces.tar.gz.landmarks.csv")
