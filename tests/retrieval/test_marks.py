"""Labels and landmarks belong to bytes: what becomes of them when files are edited or swapped."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gallery.align import Landmarks
from gallery.files import file_sha256
from gallery.landmarks import Points, faceless_row, read_rows, write_rows
from retrieval.collection.leftovers import stray_files
from retrieval.collection.show import describe
from tests.retrieval.conftest import Gallery

HEADER = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
ONE = Points((22, 10), (14, 10), (18, 28))
OTHER = Points((20, 12), (12, 12), (16, 30))


def swap(folder: Path, one: str, other: str) -> None:
    (folder / one).rename(folder / "aside")
    (folder / other).rename(folder / one)
    (folder / "aside").rename(folder / other)


def known(gallery: Gallery) -> dict[str, tuple[str | None, dict[str, str], Landmarks | None]]:
    """Return what the catalogue knows of each image, by its file's name."""
    ids = gallery.collection.catalogue.images.matching("id > 0", removed=False).tolist()
    rows = gallery.collection.catalogue.images.rows(gallery.space.id, ids)
    return {
        Path(row.path).name: (row.identity, dict(row.condition), row.landmarks)
        for row in rows.values()
    }


def reasons(gallery: Gallery) -> dict[str, str]:
    (space,) = describe(gallery.collection)["spaces"]
    return {Path(one["path"]).name: one["reason"] for one in space["skipped"]}


@pytest.mark.parametrize("pair", [("0.png", "2.png"), ("0.png", "1.png"), ("1.png", "7.png")])
def test_files_that_swapped_contents_have_their_own_labels_after_one_build(
    gallery: Gallery, pair: tuple[str, str]
) -> None:
    before = known(gallery)
    swap(gallery.photos, *pair)
    last = gallery.build()
    assert (last.done, last.duplicates, last.skipped) == (8, 0, 0)
    assert known(gallery) == before  # labels are those of the path, whatever lies there
    assert gallery.states() == {"indexed": 8}
    again = gallery.build()
    assert (again.indexed, again.known) == (0, 8)
    assert known(gallery) == before


def test_contents_swapped_with_a_file_that_is_read_later_and_was_known_before(
    gallery: Gallery,
) -> None:
    before = known(gallery)
    header, *lines = (gallery.photos / "labels.csv").read_text("utf-8").splitlines()
    (gallery.photos / "labels.csv").write_text("\n".join([header, *reversed(lines)]))
    write_rows(gallery.photos / "landmarks.csv", [ONE.row("6.png")])
    swap(gallery.photos, "0.png", "6.png")
    last = gallery.build()
    assert (last.done, last.duplicates, last.skipped) == (8, 0, 0)
    before["6.png"] = (*before["6.png"][:2], ONE.landmarks)
    assert known(gallery) == before
    again = gallery.build()
    assert (again.indexed, again.known) == (0, 8)


@pytest.mark.parametrize("pair", [("0.png", "1.png"), ("0.png", "6.png")])
def test_files_that_swapped_contents_keep_the_landmarks_that_were_found_in_them(
    gallery: Gallery, pair: tuple[str, str]
) -> None:
    points = dict(zip(pair, (ONE, OTHER), strict=True))
    rows = [of.row(name, file_sha256(gallery.photos / name)) for name, of in points.items()]
    write_rows(gallery.photos / "landmarks.csv", rows)
    gallery.build()
    swap(gallery.photos, *pair)
    last = gallery.build()
    assert (last.skipped, last.edited) == (0, ())
    first, second = pair
    assert known(gallery)[first][2] == OTHER.landmarks  # found in the bytes that it holds now
    assert known(gallery)[second][2] == ONE.landmarks
    ids = gallery.collection.catalogue.images.matching("id > 0").tolist()
    assert gallery.collection.catalogue.spaces.cut_anew(gallery.space.id, ids) == set()


def test_files_that_swapped_contents_are_cut_as_was_written_by_hand_for_their_names(
    gallery: Gallery,
) -> None:
    pair = ("0.png", "6.png")
    write_rows(gallery.photos / "landmarks.csv", [ONE.row(pair[0]), OTHER.row(pair[1])])
    gallery.build()
    swap(gallery.photos, *pair)
    last = gallery.build()
    assert known(gallery)[pair[0]][2] == ONE.landmarks
    assert known(gallery)[pair[1]][2] == OTHER.landmarks
    ids = gallery.collection.catalogue.images.matching("id > 0").tolist()
    assert gallery.collection.catalogue.spaces.cut_anew(gallery.space.id, ids) == set()
    assert sorted(Path(path).name for path in last.edited) == list(pair)


def test_images_that_are_cut_anew_leave_no_file_that_belongs_to_nothing(gallery: Gallery) -> None:
    write_rows(gallery.photos / "landmarks.csv", [ONE.row("0.png")])
    gallery.build()
    opened = gallery.open()
    found = gallery.names(opened)
    write_rows(gallery.photos / "landmarks.csv", [OTHER.row("0.png")])
    gallery.build()
    assert stray_files(gallery.collection, gallery.space) == []
    assert sorted(gallery.names(opened)) == sorted(found)  # what is open goes on


def edited(path: Path) -> None:
    Image.open(path).rotate(90).save(path)


def test_a_photograph_edited_in_place_is_not_cut_by_the_points_of_its_old_bytes(
    gallery: Gallery,
) -> None:
    path = gallery.photos / "3.png"
    write_rows(gallery.photos / "landmarks.csv", [ONE.row("3.png", file_sha256(path))])
    gallery.build()
    assert known(gallery)["3.png"][2] == ONE.landmarks
    edited(path)
    last = gallery.build()
    assert (last.indexed, last.skipped) == (0, 1)
    assert "find its face again: mindseye data find-faces" in reasons(gallery)["3.png"]
    assert "3.png" not in gallery.names(gallery.open())
    write_rows(gallery.photos / "landmarks.csv", [OTHER.row("3.png", file_sha256(path))])
    last = gallery.build()
    assert (last.indexed, last.skipped) == (1, 0)
    assert known(gallery)["3.png"][2] == OTHER.landmarks
    assert "3.png" in gallery.names(gallery.open())


def test_a_photograph_edited_under_landmarks_by_hand_is_cut_by_them_and_told(
    gallery: Gallery,
) -> None:
    path = gallery.photos / "3.png"
    write_rows(gallery.photos / "landmarks.csv", [ONE.row("3.png")])
    assert gallery.build().edited == ()
    edited(path)
    for _ in range(2):  # as long as the line says the same
        last = gallery.build()
        assert (last.skipped, last.edited) == (0, (str(path),))
    write_rows(gallery.photos / "landmarks.csv", [OTHER.row("3.png")])
    assert gallery.build().edited == ()
    assert known(gallery)["3.png"][2] == OTHER.landmarks


def test_images_that_hold_no_face_are_left_out_with_that_reason(gallery: Gallery) -> None:
    names = ("2.png", "5.png")
    rows = [faceless_row(name, file_sha256(gallery.photos / name)) for name in names]
    write_rows(gallery.photos / "landmarks.csv", rows)
    last = gallery.build()  # they were indexed before
    assert (last.indexed, last.known, last.skipped) == (0, 6, 2)
    assert gallery.states() == {"indexed": 6, "skipped": 2}
    assert reasons(gallery).keys() == set(names)
    assert "none was found in it" in reasons(gallery)["2.png"]
    assert not {"2.png", "5.png"} & set(gallery.names(gallery.open()))
    kept = gallery.build(keep_faceless=True)
    assert (kept.indexed, kept.skipped) == (2, 0)
    assert gallery.states() == {"indexed": 8}
    shutil.copy(gallery.photos / "0.png", gallery.photos / "2.png")
    edited(gallery.photos / "2.png")  # of other bytes nobody knows
    assert gallery.build().indexed == 1
    assert "2.png" in gallery.names(gallery.open())


def test_a_space_remembers_that_it_keeps_images_without_a_face(gallery: Gallery) -> None:
    rows = [faceless_row("2.png", file_sha256(gallery.photos / "2.png"))]
    write_rows(gallery.photos / "landmarks.csv", rows)
    gallery.build(keep_faceless=True)
    again = gallery.build()
    assert (again.known, again.skipped) == (8, 0)
    assert gallery.build(keep_faceless=False).skipped == 1
    assert gallery.build().skipped == 1
    assert gallery.states() == {"indexed": 7, "skipped": 1}


def test_a_picture_without_a_face_does_not_come_back_from_another_folder(
    gallery: Gallery, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(gallery.photos / "2.png", elsewhere / "copy.png")
    rows = [faceless_row("2.png", file_sha256(gallery.photos / "2.png"))]
    write_rows(gallery.photos / "landmarks.csv", rows)
    gallery.build()
    for photos in (elsewhere, gallery.photos, elsewhere):
        last = gallery.build(photos)
        assert (last.indexed, gallery.states()) == (0, {"indexed": 7, "skipped": 1})
    assert gallery.build(elsewhere, keep_faceless=True).indexed == 1


def test_a_face_that_is_marked_by_hand_in_a_faceless_line_is_taken_in(gallery: Gallery) -> None:
    sha256 = file_sha256(gallery.photos / "2.png")
    write_rows(gallery.photos / "landmarks.csv", [faceless_row("2.png", sha256)])
    gallery.build()
    write_rows(gallery.photos / "landmarks.csv", [ONE.row("2.png", sha256)])
    last = gallery.build()
    assert (last.indexed, last.skipped) == (1, 0)
    assert read_rows(gallery.photos / "landmarks.csv")["2.png"]["chin_y"] == "28.0"


def test_one_person_in_two_spellings_is_found_filtered_and_removed_as_one(
    gallery: Gallery, photograph: Callable[..., Path]
) -> None:
    nfc, nfd = "Jos\u00e9", "Jose\u0301"
    images = gallery.collection.catalogue.images
    for number, name in enumerate((nfd, nfc)):  # two SPECs, one spelling each
        shutil.rmtree(gallery.photos)
        photograph(gallery.photos / f"{name}.png", seed=50 + number)
        (gallery.photos / "labels.csv").write_text(f"path,identity,pose\n{name}.png,{name},0\n")
        gallery.build()
    people = {row[0] for row in known(gallery).values()}
    assert nfd in people  # as it was first given
    assert nfc not in people
    for asked in (nfc, nfd):
        assert len(images.matching(f"identity = '{asked}'")) == 2
        assert len(images.matching(f"identity in ('{asked}', x)")) == 2
        assert len(images.matching(f"identity ~ '{asked[:3]}*'")) == 2
        assert len(images.matching(f"identity != '{asked}' and identity is known")) == 8
        assert images.at(str(gallery.photos / f"{asked}.png")) is not None
    assert len(images.below(str(gallery.photos / f"{nfd}.png"))) == 2
