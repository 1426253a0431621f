import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.align import Landmarks
from gallery.attributes import Attribute, Condition
from gallery.errors import DatasetError
from gallery.faces import FaceSet, Problem, Unmatched
from gallery.readers.folder import read

Put = Callable[..., Path]
NFC, NFD = "Jos\u00e9", "Jose\u0301"


@pytest.fixture
def labelled(put: Put, photos: Path) -> Callable[..., FaceSet]:
    """Write labels.csv, and an image for every name given; read the folder."""

    def opened(labels: str | bytes, *names: str) -> FaceSet:
        put("labels.csv", labels)
        for name in names:
            put(name)
        return read("folder:photos", photos)

    return opened


def names(faces: FaceSet) -> list[str]:
    return [face.name for face in faces.faces]


# Without labels


def test_without_labels_every_image_below_is_taken(put: Put, photos: Path) -> None:
    for name in ("s10.png", "s9.JPG", "deep/er/x.webp", ".hidden.png", ".git/a.png"):
        put(name)
    put("notes.txt", "of a journey")
    faces = read("folder:photos", photos)
    assert names(faces) == ["deep/er/x.webp", "s9.JPG", "s10.png"]
    assert all(face.identity is None and not face.condition for face in faces.faces)
    assert faces.space.names == ()
    assert faces.identities == ()
    assert faces.problems == ()
    assert faces.crop is None
    assert faces.spec == "folder:photos"


def test_no_pixel_is_read(put: Put, photos: Path) -> None:
    put("broken.png", "not an image")
    assert names(read("folder:photos", photos)) == ["broken.png"]


def test_what_is_no_regular_file_is_reported(put: Put, photos: Path) -> None:
    (photos / "link.png").symlink_to(put("a.png"))
    os.mkfifo(photos / "pipe.png")
    os.mkfifo(photos / "pipe")
    faces = read("folder:photos", photos)
    assert names(faces) == ["a.png"]
    reason = "not a regular file (a link, pipe or device)"
    assert faces.problems == (Problem("link.png", reason), Problem("pipe.png", reason))


def test_a_folder_without_images_is_refused(put: Put, photos: Path) -> None:
    put("notes.txt", "of a journey")
    with pytest.raises(DatasetError, match=r"No image under .*photos: looked for files named as"):
        read("folder:photos", photos)


def test_landmarks_are_taken_from_their_file(put: Put, photos: Path) -> None:
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\nsub/a.png,3,4,5,4,4,9\ngone.png,3,4,5,4,4,9\n")
    put("sub/a.png")
    put("b.png")
    unlabelled = read("folder:photos", photos)
    put("labels.csv", "path,identity\nsub/a.png,Ann\nb.png,Bob\n")
    for faces in (unlabelled, read("folder:photos", photos)):
        known = {face.name: face.landmarks for face in faces.faces}
        assert known == {"sub/a.png": Landmarks((4, 4), (4, 9)), "b.png": None}


# With labels


def test_with_labels_the_named_images_are_taken_in_the_order_of_the_file(
    labelled: Callable[..., FaceSet],
) -> None:
    faces = labelled(
        "path,identity,eyes\nb.png,Bob,open\nsub/a.png,Ann,closed\n",
        *("b.png", "sub/a.png", "unnamed.png"),
    )
    assert names(faces) == ["b.png", "sub/a.png"]
    assert [face.identity for face in faces.faces] == ["Bob", "Ann"]
    assert [face.condition for face in faces.faces] == [{"eyes": "open"}, {"eyes": "closed"}]
    assert faces.space["eyes"].values == ("closed", "open")


def test_a_spreadsheets_habits_are_understood(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled(
        '\ufeff path , identity ,eyes\r\n a.png , Zoë ,open\r\n\r\nb.png,"Bob, jr.",\r\n',
        *("a.png", "b.png"),
    )
    assert names(faces) == ["a.png", "b.png"]
    assert [face.identity for face in faces.faces] == ["Zoë", "Bob, jr."]


def test_an_empty_cell_is_not_known(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled(
        "path,identity,pose,hat\na.png,,45,\nb.png,Bob,,\nc.png\n", *("a.png", "b.png", "c.png")
    )
    assert [face.identity for face in faces.faces] == [None, "Bob", None]
    assert [face.condition for face in faces.faces] == [{"pose": "45"}, {}, {}]
    assert faces.space.names == ("pose",)  # nobody's hat is known


def test_the_identity_column_may_be_left_out(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("eyes,path\nopen,a.png\n", "a.png")
    assert faces.faces[0].identity is None
    assert faces.faces[0].condition == Condition(eyes="open")


def test_attributes_have_the_order_of_the_columns(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("hat,path,pose,identity,age\nx,a.png,1,Ann,2\n,b.png,2,,\n", "a.png", "b.png")
    assert faces.space.names == ("hat", "pose", "age")


def test_values_have_the_order_of_their_numbers(labelled: Callable[..., FaceSet]) -> None:
    files = [f"{number}.png" for number in range(4)]
    rows = zip(files, ("15", "-45", "0", "100"), ("s10", "s9", "s1", "t"), strict=True)
    faces = labelled("path,pose,wig\n" + "\n".join(map(",".join, rows)), *files)
    assert faces.space["pose"].values == ("-45", "0", "15", "100")
    assert faces.space["wig"].values == ("s1", "s9", "s10", "t")


def test_numbers_of_known_attributes_have_units(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,pose,yaw,age,flash\na.png,45,-5,30,7\n", "a.png")
    assert [a.unit for a in faces.space.attributes] == ["degree", "degree", "year", None]


@pytest.mark.parametrize("other", ["left", "45%", "20_30"])
def test_values_that_are_not_all_numbers_are_names(
    other: str, labelled: Callable[..., FaceSet]
) -> None:
    faces = labelled(f"path,pose\na.png,45\nb.png,{other}\n", "a.png", "b.png")
    assert faces.space["pose"] == Attribute("pose", tuple(sorted(("45", other))))


def test_spellings_of_one_yaw_are_one_value(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,pose\na.png,45\nb.png,45.0\nc.png,+45\n", "a.png", "b.png", "c.png")
    assert faces.space["pose"].values == ("45",)
    assert {face.condition["pose"] for face in faces.faces} == {"45"}
    assert faces.counts() == {"pose": {"45": 3}}


@pytest.mark.parametrize("written", ["./sub/a.png", "sub//a.png", "sub\\a.png", "sub/./a.png"])
def test_a_path_has_one_spelling(written: str, labelled: Callable[..., FaceSet]) -> None:
    assert names(labelled(f"path\n{written}\n", "sub/a.png")) == ["sub/a.png"]
    with pytest.raises(DatasetError, match=r"csv:3: 'sub/a\.png' stands in an earlier line too"):
        labelled(f"path\nsub/a.png\n{written}\n")


@pytest.mark.parametrize("path", ["../a.png", "sub/../../a.png", "sub/../a.png", "/etc/a.png", "."])
def test_a_path_out_of_the_folder_is_reported(
    path: str, labelled: Callable[..., FaceSet], photos: Path
) -> None:
    (photos.parent / "a.png").write_bytes(b"outside")
    faces = labelled(f"identity,path\nAnn,good.png\nBob,{path}\n", "good.png", "sub/x.png")
    assert names(faces) == ["good.png"]
    [problem] = faces.problems
    assert problem.reason == "the path in labels.csv does not stay inside the folder"


def test_files_that_are_not_there_are_reported(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,identity\ngone.png,Ann\ngood.png,Bob\n", "good.png")
    assert names(faces) == ["good.png"]
    assert faces.problems == (
        Problem("gone.png", "named in labels.csv, but there is no such file"),
    )
    assert faces.identities == ("Bob",)


def test_links_pipes_and_folders_are_reported(
    labelled: Callable[..., FaceSet], put: Put, photos: Path
) -> None:
    (photos / "link.png").symlink_to(put("a.png"))
    (photos / "nowhere.png").symlink_to(photos / "gone.png")
    (photos / "folder.png").mkdir()
    os.mkfifo(photos / "pipe.png")
    odd = ("link.png", "nowhere.png", "folder.png", "pipe.png")
    faces = labelled("path\na.png\n" + "\n".join(odd))
    assert names(faces) == ["a.png"]
    reason = "not a regular file (a link, folder, pipe or device)"
    assert faces.problems == tuple(Problem(name, reason) for name in odd)


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "a.png/b.png", "a\0b.png"])
def test_a_path_that_cannot_be_is_reported(name: str, labelled: Callable[..., FaceSet]) -> None:
    faces = labelled(f"path\na.png\n{name}\n", "a.png")
    assert names(faces) == ["a.png"]
    [problem] = faces.problems
    assert problem.name == name


def test_a_set_of_problems_only_is_still_a_set(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,pose\ngone.png,45\n")
    assert len(faces) == 0
    assert faces.space.names == ()
    assert len(faces.problems) == 1


def test_labels_that_name_nothing_are_refused(labelled: Callable[..., FaceSet]) -> None:
    with pytest.raises(DatasetError, match=r"No image under .* in labels\.csv\. Check the folder"):
        labelled("path,identity\n", "a.png")


def test_more_cells_than_columns_are_refused(labelled: Callable[..., FaceSet]) -> None:
    with pytest.raises(DatasetError, match=r"labels\.csv:3: more cells than columns"):
        labelled("path,identity\na.png,Ann\nb.png,Bob,45\n", "a.png", "b.png")


@pytest.mark.parametrize(
    "header",
    ["", "\n", "identity,pose", "path,pose,pose", "path,Pose,pose", "path, path"],
)
def test_the_first_line_names_the_columns_once_each(
    header: str, labelled: Callable[..., FaceSet]
) -> None:
    with pytest.raises(DatasetError, match="the first line must name the columns, once each, like"):
        labelled(f"{header}\na.png,Ann\n", "a.png")


@pytest.mark.parametrize("header", [",path,identity", "path,identity, "])
def test_a_column_without_a_name_is_refused(header: str, labelled: Callable[..., FaceSet]) -> None:
    with pytest.raises(DatasetError, match="the first line must name the columns, once each, like"):
        labelled(f"{header}\n0,a.png,1\n", "a.png")


@pytest.mark.parametrize(
    "data",
    [
        "path,identity\na.png,Zoë\n".encode("latin-1"),
        "path,identity\na.png,Zoë\n".encode("utf-16"),
        b"path\n" + b"x" * 200_000,
    ],
)
def test_what_is_no_utf_8_csv_is_refused(data: bytes, labelled: Callable[..., FaceSet]) -> None:
    with pytest.raises(DatasetError, match=r"labels\.csv cannot be read as UTF-8 CSV"):
        labelled(data, "a.png")


def test_a_picture_is_known_by_what_it_holds_not_by_its_name(put: Put, photos: Path) -> None:
    odd = ("IMG_1.HEIC", "b.HIF", "c.mpo", "d.cr2", "noname", "subject01.happy")
    for name in odd:
        put(name)
    faces = read("folder:photos", photos)
    assert names(faces) == list(odd)
    assert faces.problems == ()
    put("labels.csv", "path,identity\nsubject01.happy,s1\nIMG_1.HEIC,s2\n")
    assert names(read("folder:photos", photos)) == ["subject01.happy", "IMG_1.HEIC"]


UNREAD = {
    "a.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    "b": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
    "c.CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
    "d.nef": (b"MM\0*\0\0\0\x08", "camera raw"),
    "e.xyz": (b"FUJIFILMCCD-RAW 0201", "camera raw"),
    "f.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    "g.jxl": (b"\xff\x0a\xfa", "JPEG XL"),
    "h.psd": (b"8BPS\0\1", "Photoshop"),
}


def test_pictures_that_cannot_be_read_are_listed_with_their_kind(put: Put, photos: Path) -> None:
    put("good.png")
    for name, (content, _) in UNREAD.items():
        put(name, content)
    put("empty.heic", b"")
    put("film.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42")
    put("notes.txt", "P1 is what we call it; BM is the other")
    faces = read("folder:photos", photos)
    assert names(faces) == ["good.png"]
    told = {problem.name: problem.reason for problem in faces.problems}
    assert told.pop("empty.heic").startswith("named as a picture, of a format that is not read")
    wanted = {
        n: f"{kind}, which is not read; convert it to JPEG" for n, (_, kind) in UNREAD.items()
    }
    assert told == wanted


def test_thumbnails_and_deleted_files_are_left_out_and_counted(put: Put, photos: Path) -> None:
    for name in ("a/x.jpg", "@eaDir-mine/y.png"):
        put(name)
    for name in ("@eaDir/x.jpg/THUMB_XL.jpg", "a/@eaDir/x.jpg/THUMB_M.jpg", ".thumbnails/1.png"):
        put(name)
    for name in ("#recycle/old.jpg", "$RECYCLE.BIN/S-1/$RX.JPG", ".Trash-1000/files/b.png"):
        put(name)
    put("__MACOSX/._x.jpg"), put("a/._x.jpg", b"\0\5\x16\7")
    faces = read("folder:photos", photos)
    assert names(faces) == ["@eaDir-mine/y.png", "a/x.jpg"]
    assert sorted(problem.reason for problem in faces.problems) == [
        "deleted files: 3 files in 3 such folders left out",
        "thumbnails: 3 files in 3 such folders left out",
        "what macOS keeps of files: 1 file left out",
    ]
    put("labels.csv", "path,identity\n#recycle/old.jpg,s1\n")
    assert names(read("folder:photos", photos)) == ["#recycle/old.jpg"]  # named by hand


def test_an_image_behind_a_linked_folder_is_refused(photos: Path, put: Callable[..., Path]) -> None:
    outside = photos.parent / "outside"
    outside.mkdir()
    put("a.png").rename(outside / "a.png")
    put("b.png")
    (photos / "link").symlink_to(outside)
    (photos / "labels.csv").write_text("path,identity\nb.png,s1\nlink/a.png,s2\n")
    faces = read(f"folder:{photos}", photos)
    assert [face.name for face in faces.faces] == ["b.png"]
    assert faces.problems == (
        Problem("link/a.png", "lies behind a link to a folder; links are not followed"),
    )


# What spreadsheets and other disks make of labels


def test_empty_lines_of_a_spreadsheet_are_passed_over(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,identity,pose\na.png,Ann,0\n,,\n,,\n", "a.png")
    assert names(faces) == ["a.png"]
    assert (faces.problems, faces.unmatched, faces.notes) == ((), (), ())


def test_a_line_without_a_path_is_told(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,identity\na.png,Ann\n,Bob\nnan,Cid\n", "a.png")
    assert names(faces) == ["a.png"]
    assert faces.unmatched == (
        Unmatched("labels.csv", "line 3", "it has no path"),
        Unmatched("labels.csv", "line 4", "it has no path"),
    )


def test_people_are_known_under_any_case_of_the_header(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("Path,Identity,Pose\na.png,Ann,45\n", "a.png")
    assert faces.identities == ("Ann",)
    assert faces.space["pose"].unit == "degree"
    assert faces.notes[1] == "labels.csv: the column 'Identity' is read as 'identity'"


def test_nobody_is_called_nan(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled(
        "path,identity,pose\nann/1.jpg,nan,0.0\nbob/2.jpg,nan,nan\n", "ann/1.jpg", "bob/2.jpg"
    )
    assert faces.identities == ()
    assert [face.condition for face in faces.faces] == [{"pose": "0.0"}, {}]
    assert faces.notes == ("labels.csv: 'nan' is read as not known, in 3 cells",)


def test_degrees_with_their_sign_are_numbers_and_told(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path,pose\na.png,45°\nb.png,-45 °\nc.png,0\n", "a.png", "b.png", "c.png")
    assert faces.space["pose"] == Attribute("pose", ("-45", "0", "45"), "degree")
    assert faces.notes == (
        "labels.csv: pose '45°' is read as 45, a number of degrees; write it without a sign",
    )


def test_one_pose_that_is_no_number_makes_all_names_and_is_told(
    labelled: Callable[..., FaceSet],
) -> None:
    faces = labelled("path,pose\na.png,45°\nb.png,left\n", "a.png", "b.png")
    assert faces.space["pose"].unit is None
    assert faces.notes == (
        "labels.csv: pose is read as names, not as numbers of degrees: 'left' is no number",
    )


def test_decimal_commas_between_semicolons_are_numbers(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled("path;identity;pose\na.png;Ann;22,5\nb.png;Ann;-5\n", "a.png", "b.png")
    assert faces.space["pose"] == Attribute("pose", ("-5", "22.5"), "degree")


def test_one_person_in_two_spellings_is_one_person(labelled: Callable[..., FaceSet]) -> None:
    faces = labelled(
        f"path,identity,town\n1.jpg,{NFC},{NFD}ville\n2.jpg,{NFD},{NFC}ville\n", "1.jpg", "2.jpg"
    )
    assert faces.identities == (NFC,)
    assert faces.space["town"].values == (f"{NFD}ville",)
    assert faces.notes[0] == (
        f"labels.csv: {NFD + 'ville'!r} is one value of town in two spellings, with letters"
        " composed and not"
    ).replace(NFD + "ville", NFC + "ville")
    assert len(faces.of([NFD])) == 2
    assert len(faces.without([NFD])) == 0


@pytest.mark.parametrize(("written", "on_disk"), [(NFC, NFD), (NFD, NFC)])
def test_labels_and_landmarks_find_files_in_either_spelling(
    written: str, on_disk: str, labelled: Callable[..., FaceSet], put: Put
) -> None:
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\n{written}/1.jpg,3,4,5,4,4,9\n")
    faces = labelled(f"path,identity\n{written}/1.jpg,Ann\n", f"{on_disk}/1.jpg")
    assert names(faces) == [f"{on_disk}/1.jpg"]  # as it is called on disk
    assert faces.faces[0].landmarks == Landmarks((4, 4), (4, 9))
    assert (faces.problems, faces.unmatched) == ((), ())


@pytest.mark.parametrize(
    "written", ["Ann/1.JPG", "/photos/ann/1.jpg", "C:\\photos\\ann\\1.jpg", "ann:1.jpg"]
)
def test_lines_that_name_no_image_are_told_with_what_they_may_mean(
    written: str, labelled: Callable[..., FaceSet], put: Put
) -> None:
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\n{written},3,4,5,4,4,9\n")
    faces = labelled("path,identity\nann/1.jpg,Ann\nAnn/2.JPG,Ann\n", "ann/1.jpg", "ann/2.jpg")
    [stray] = faces.unmatched
    assert (stray.file, stray.name) == ("landmarks.csv", written.replace("\\", "/"))
    assert stray.reason == "names no image; did you mean 'ann/1.jpg'?"
    [problem] = faces.problems
    assert problem.reason == (
        "named in labels.csv, but there is no such file; did you mean 'ann/2.jpg'?"
    )


def test_landmarks_of_a_file_that_labels_do_not_name_are_passed_over(
    labelled: Callable[..., FaceSet], put: Put
) -> None:
    columns = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    put("landmarks.csv", f"{columns}\nb.png,3,4,5,4,4,9\n")
    assert labelled("path\na.png\n", "a.png", "b.png").unmatched == ()
