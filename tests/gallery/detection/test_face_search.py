import errno
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gallery.detection.face_search import Outcome, SearchedImage, locate, located, to_json, to_text
from gallery.detection.geometry import DetectedFace
from gallery.errors import DatasetError
from gallery.files import file_sha256
from gallery.landmarks import Mark, read_landmarks, read_marks, read_rows
from gallery.readers.registry import open_faces

Put = Callable[..., Path]
FACE = DetectedFace((10, 10, 40, 40), (30, 20), (20, 20), (25, 30))


def photograph(faces: int) -> bytes:
    """A picture as wide as the number of faces that `Counts` sees on it, and 9 more pixels."""
    data = io.BytesIO()
    Image.new("L", (9 + faces, 50), 90).save(data, "PNG")
    return data.getvalue()


class Counts:
    """A detector that sees as many faces as a photograph is wide, less 9 pixels."""

    def __init__(self) -> None:
        self.looked = 0

    def look(self, image: Image.Image) -> list[DetectedFace]:
        self.looked += 1
        return [FACE] * (image.width - 9)


def outcome_of(steps: object) -> tuple[list[SearchedImage], Outcome]:
    seen: list[SearchedImage] = []
    while True:
        try:
            seen.append(next(steps))  # type: ignore[call-overload]
        except StopIteration as end:
            return seen, end.value


@pytest.fixture
def album(put: Put, photos: Path) -> Path:
    """Photographs with one, two and no faces, and one that is damaged."""
    put("ann/one.png", photograph(1))
    put("two.png", photograph(2))
    put("beach.png", photograph(0))
    put("torn.png", b"no picture")
    return photos


def test_faces_are_found_counted_and_written(album: Path) -> None:
    seen, outcome = outcome_of(locate(open_faces(f"folder:{album}"), Counts()))
    assert seen == [SearchedImage(number, 4) for number in (1, 2, 3, 4)]
    assert (outcome.known, outcome.found) == (0, 2)
    assert outcome.several == {"two.png": 2}
    assert outcome.none == ("beach.png",)
    assert [problem.name for problem in outcome.problems] == ["torn.png"]
    assert set(read_landmarks(album)) == {"ann/one.png", "two.png"}
    again = open_faces(f"folder:{album}")
    assert [face.name for face in again.faces if face.landmarks] == ["ann/one.png", "two.png"]
    assert len(located(again, album / "landmarks.csv")) == 2
    text = to_text(outcome)
    assert text.splitlines()[0] == (
        "2 faces found, 0 known already, 1 images without a face, 1 that cannot be read"
    )
    assert "  2 faces, the largest taken: two.png" in text
    assert "  no face: beach.png" in text
    assert "  cannot be read: torn.png: not an image of a known format" in text
    told = to_json(outcome)
    assert (told["found"], told["several"], told["none"]) == (2, {"two.png": 2}, ["beach.png"])
    assert told["problems"][0]["path"] == "torn.png"


def test_files_that_the_reader_leaves_out_are_listed(put: Put, album: Path) -> None:
    put("live.HEIC", b"a photograph of a telephone")
    put("labels.csv", "path,identity\nann/one.png,ann\ngone.png,bob\nlive.HEIC,bob\n")
    faces = open_faces(f"folder:{album}")
    assert faces.problems
    seen, outcome = outcome_of(locate(faces, Counts()))
    assert seen[-1].total == len(faces)
    assert outcome.left_out == faces.problems
    lines = to_text(outcome).splitlines()
    assert lines[0].endswith(f" that cannot be read, {len(faces.problems)} files left out")
    assert "  left out: gone.png: named in labels.csv, but there is no such file" in lines
    told = to_json(outcome)["left_out"]
    for one in faces.problems:
        assert f"  left out: {one.name}: {one.reason}" in lines
        assert {"path": one.name, "reason": one.reason} in told


def test_what_is_known_is_not_looked_at_and_stays_as_it_is(put: Put, album: Path) -> None:
    by_hand = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y,by\n"
    put("landmarks.csv", by_hand + "two.png,1,2,3,2,2,9.25,Ann\ngone.png,1,2,3,2,2,9,Bob\n")
    detector = Counts()
    seen, outcome = outcome_of(locate(open_faces(f"folder:{album}"), detector))
    assert (detector.looked, outcome.known, outcome.found) == (2, 1, 1)
    assert seen[0] == SearchedImage(2, 4)
    rows = read_rows(album / "landmarks.csv")
    assert list(rows) == ["two.png", "gone.png", "ann/one.png", "beach.png"]
    assert (rows["two.png"]["chin_y"], rows["gone.png"]["by"]) == ("9.25", "Bob")
    _, again = outcome_of(locate(open_faces(f"folder:{album}"), detector))
    assert (again.known, again.found, again.none) == (2, 0, ("beach.png",))


def test_a_search_that_is_stopped_goes_on(put: Put, photos: Path) -> None:
    for number in range(40):
        put(f"{number}.png", photograph(1))
    steps = locate(open_faces(f"folder:{photos}"), Counts())
    for _ in range(20):
        next(steps)
    assert len(read_landmarks(photos)) == 16  # what a machine that dies would leave
    steps.close()
    assert len(read_landmarks(photos)) == 20
    detector = Counts()
    _, outcome = outcome_of(locate(open_faces(f"folder:{photos}"), detector))
    assert (detector.looked, outcome.known, outcome.found) == (20, 20, 20)
    assert len(read_landmarks(photos)) == 40


def test_another_file_is_filled_by_itself(album: Path, tmp_path: Path) -> None:
    outcome_of(locate(open_faces(f"folder:{album}"), Counts()))
    other = tmp_path / "new" / "other.csv"
    _, outcome = outcome_of(locate(open_faces(f"folder:{album}"), Counts(), other))
    assert (outcome.known, outcome.found) == (0, 2)
    assert read_rows(other) == read_rows(album / "landmarks.csv")


def test_images_without_a_face_are_written_down_and_looked_at_again(put: Put, photos: Path) -> None:
    for number in range(20):
        put(f"{number}.png", photograph(0))
    _, outcome = outcome_of(locate(open_faces(f"folder:{photos}"), Counts()))
    assert (outcome.found, len(outcome.none)) == (0, 20)
    assert read_landmarks(photos) == {}
    marks = read_marks(photos / "landmarks.csv")
    assert marks == {f"{n}.png": Mark(None, file_sha256(photos / f"{n}.png")) for n in range(20)}
    assert all(mark.is_faceless for mark in marks.values())
    detector = Counts()
    _, again = outcome_of(locate(open_faces(f"folder:{photos}"), detector))
    assert (detector.looked, len(again.none)) == (20, 20)


def test_aligned_faces_are_left_alone() -> None:
    with pytest.raises(DatasetError, match="The faces of studio-mini are aligned already"):
        next(locate(open_faces("studio-mini"), Counts()))


HEADER = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y\n"


def test_a_photograph_that_was_edited_in_place_is_looked_at_again(put: Put, album: Path) -> None:
    outcome_of(locate(open_faces(f"folder:{album}"), Counts()))
    before = read_rows(album / "landmarks.csv")
    put("two.png", photograph(3))
    detector = Counts()
    _, outcome = outcome_of(locate(open_faces(f"folder:{album}"), detector))
    assert (detector.looked, outcome.known, outcome.several) == (2, 1, {"two.png": 3})
    rows = read_rows(album / "landmarks.csv")
    assert rows["two.png"]["sha256"] == file_sha256(album / "two.png")
    assert rows["ann/one.png"] == before["ann/one.png"]
    assert list(rows) == list(before)


def test_lines_written_by_hand_hold_whatever_the_photograph_becomes(put: Put, album: Path) -> None:
    put("landmarks.csv", HEADER + "two.png,1,2,3,2,2,9\nann/one.png,,,,,,\n")
    put("two.png", photograph(3))
    _, outcome = outcome_of(locate(open_faces(f"folder:{album}"), Counts()))
    assert (outcome.known, outcome.found) == (1, 1)
    assert read_rows(album / "landmarks.csv")["two.png"]["chin_y"] == "9"


def test_lines_edited_while_faces_are_looked_for_stay_as_they_are(put: Put, photos: Path) -> None:
    for number in range(40):
        put(f"{number}.png", photograph(1))
    steps = locate(open_faces(f"folder:{photos}"), Counts())
    for _ in range(17):
        next(steps)
    lines = (photos / "landmarks.csv").read_text("utf-8").splitlines()
    assert len(lines) == 17
    lines[1] = "0.png,1,2,3,2,2,9,"  # corrected
    lines = [line for line in lines if not line.startswith("3.png")]  # taken out
    (photos / "landmarks.csv").write_text("\n".join([*lines, "39.png,5,6,7,6,6,9,"]) + "\n")
    _, outcome = outcome_of(steps)
    rows = read_rows(photos / "landmarks.csv")
    assert (rows["0.png"]["chin_y"], rows["39.png"]["chin_y"]) == ("9", "9")
    assert "3.png" not in rows
    assert len(rows) == 39
    assert outcome.by_hand == ("39.png",)
    assert "  written by hand meanwhile, and kept: 39.png" in to_text(outcome)
    assert to_json(outcome)["by_hand"] == ["39.png"]


def test_a_file_that_is_broken_by_hand_while_faces_are_looked_for_loses_nothing(
    put: Put, photos: Path
) -> None:
    for number in range(40):
        put(f"{number}.png", photograph(1))
    steps = locate(open_faces(f"folder:{photos}"), Counts())
    for _ in range(17):
        next(steps)
    whole = (photos / "landmarks.csv").read_text("utf-8")
    put("landmarks.csv", whole + "half a line,1,2\n")
    for _ in range(16):
        next(steps)  # saving is tried in vain, and put off
    with pytest.raises(DatasetError, match=r"landmarks\.found\.csv: mend the first"):
        outcome_of(steps)
    assert len(read_rows(photos / "landmarks.found.csv")) == 24
    put("landmarks.csv", whole)
    steps = locate(open_faces(f"folder:{photos}"), Counts())
    assert outcome_of(steps)[1].known == 16


def test_where_nothing_can_be_written_nothing_is_looked_for(
    put: Put, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = Counts()
    for target in (put("a file") / "landmarks.csv", album / "ann"):
        with pytest.raises(DatasetError, match=r"cannot be written: .*--out FILE; and have them"):
            next(locate(open_faces(f"folder:{album}"), detector, target))

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", read_only)
    with pytest.raises(DatasetError, match=r"landmarks\.csv cannot be written: Read-only file"):
        next(locate(open_faces(f"folder:{album}"), detector))
    assert detector.looked == 0


def test_lines_in_another_spelling_of_a_name_are_the_same_lines(put: Put, photos: Path) -> None:
    nfc, nfd = "Jos\u00e9.png", "Jose\u0301.png"
    put(nfd, photograph(1))
    put("landmarks.csv", HEADER + f"{nfc},1,2,3,2,2,9\n")
    _, outcome = outcome_of(locate(open_faces(f"folder:{photos}"), Counts()))
    assert outcome.known == 1
    assert list(read_rows(photos / "landmarks.csv")) == [nfc]
