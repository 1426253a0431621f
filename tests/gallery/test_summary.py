import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.align import Crop
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Problem, Unmatched
from gallery.readers.registry import open_faces
from gallery.summary import (
    SHEET_COLUMNS,
    SHEET_ROWS,
    _chosen,
    contact_sheet,
    remarks_text,
    summarise,
    to_text,
)

Put = Callable[..., Path]
SPACE = AttributeSpace(
    (Attribute("pose", ("0", "45"), "degree"), Attribute("eyes", ("open", "sunglasses")))
)


def face_set(*faces: Face, space: AttributeSpace = SPACE, root: Path = Path()) -> FaceSet:
    problems = (Problem("bad.png", "empty file (0 bytes)"),)
    return FaceSet(spec="folder:photos", root=root, faces=faces, space=space, problems=problems)


def full(identity: str, pose: str, eyes: str, name: str = "") -> Face:
    return Face(name or f"{identity}-{pose}-{eyes}.png", identity, Condition(pose=pose, eyes=eyes))


def tile_colours(sheet: Image.Image, rows: int, columns: int, tile_px: int) -> list[list[int]]:
    """Return the gray level in the middle of every tile, below a title of 26 pixels."""
    gray = np.asarray(sheet.convert("L"))
    cell_w, cell_h = tile_px + 12, (sheet.height - 26) // rows
    middle = 6 + tile_px // 2
    return [
        [int(gray[26 + y * cell_h + middle, x * cell_w + middle]) for x in range(columns)]
        for y in range(rows)
    ]


def test_a_set_is_counted_with_its_holes_and_repeats() -> None:
    faces = face_set(
        full("s10", "0", "open"),
        full("s10", "0", "sunglasses"),
        full("s10", "45", "open"),
        full("s10", "45", "sunglasses"),
        full("s2", "0", "open"),
        full("s2", "0", "open", "again.png"),
        full("s2", "45", "open"),
        Face("nobody.png"),
    )
    assert summarise(faces) == {
        "spec": "folder:photos",
        "images": 8,
        "identities": {"s2": 3, "s10": 4},
        "attributes": {"pose": {"0": 4, "45": 3}, "eyes": {"open": 5, "sunglasses": 2}},
        "unlabelled": 1,
        "grid": 8,
        "holes": [
            {"identity": "s2", "condition": {"pose": "0", "eyes": "sunglasses"}},
            {"identity": "s2", "condition": {"pose": "45", "eyes": "sunglasses"}},
        ],
        "repeats": 1,
        "contradictions": [],
        "problems": [{"path": "bad.png", "reason": "empty file (0 bytes)"}],
        "faceless": [],
        "unmatched": [],
        "notes": [],
    }
    assert list(summarise(faces)["identities"]) == ["s2", "s10"]


def test_a_set_without_labels_has_no_grid() -> None:
    faces = face_set(Face("a.png"), Face("b.png"), space=AttributeSpace(()))
    summary = summarise(faces)
    assert (summary["images"], summary["unlabelled"]) == (2, 2)
    assert (summary["identities"], summary["attributes"]) == ({}, {})
    assert (summary["grid"], summary["holes"], summary["repeats"]) == (0, [], 0)


def test_people_without_attributes_have_no_grid_and_repeat_nothing() -> None:
    faces = face_set(Face("a.png", "s1"), Face("b.png", "s1"), space=AttributeSpace(()))
    summary = summarise(faces)
    assert (summary["grid"], summary["holes"], summary["repeats"]) == (0, [], 0)


def test_the_tiny_gallery_is_a_full_grid(faces_spec: str) -> None:
    summary = summarise(open_faces(faces_spec))
    assert (summary["images"], summary["grid"], summary["holes"]) == (30, 30, [])
    assert summary["attributes"]["pose"] == {"-45": 10, "0": 10, "45": 10}


def level(gray: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (20, 20), gray).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_sheet_has_a_row_for_each_person_and_gaps_for_bad_files(photos: Path, put: Put) -> None:
    shades = {"a": 40, "b": 80, "c": 120, "d": 160}
    for name, shade in shades.items():
        put(f"{name}.png", level(shade))
    put("broken.png", b"no image")
    faces = face_set(
        *(Face("c.png", "s10"), Face("broken.png", "s2"), Face("a.png", "s2")),
        *(Face("b.png", "s2"), Face("d.png")),
        root=photos,
    )
    sheet = contact_sheet(faces, tile_px=40)
    white = 255
    assert tile_colours(sheet, rows=3, columns=3, tile_px=40) == [
        [white, 40, 80],
        [120, white, white],
        [160, white, white],
    ]


def test_faces_are_cut_out_as_training_would_cut_them(photos: Path, put: Put) -> None:
    halves = np.repeat([[30] * 10 + [200] * 10], 20, axis=0).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(halves).save(buffer, "PNG")
    put("a.png", buffer.getvalue())
    right = FaceSet(
        spec="x", root=photos, faces=(Face("a.png", "s1"),), space=SPACE, crop=Crop(12, 6, 8, 8)
    )
    assert tile_colours(contact_sheet(right, tile_px=40), 1, 1, 40) == [[200]]


def test_of_many_people_and_images_some_are_shown_by_chance() -> None:
    faces = face_set(*(Face(f"{n}.png", f"s{n % 50}") for n in range(50 * 31)))
    rows = _chosen(faces)
    assert [who for who, _ in rows] == [f"s{n}" for n in range(SHEET_ROWS)]
    assert {len(chosen) for _, chosen in rows} == {SHEET_COLUMNS}
    shown = [[int(face.name.removesuffix(".png")) // 50 for face in row] for _, row in rows]
    assert all(sorted(set(row)) == row for row in shown)
    assert len({tuple(row) for row in shown}) == SHEET_ROWS
    assert rows == _chosen(faces)


def test_images_of_nobody_known_fill_rows_in_order() -> None:
    rows = _chosen(face_set(*(Face(f"{n}.png") for n in range(20))))
    assert [[face.name for face in chosen] for _, chosen in rows] == [
        [f"{n}.png" for n in range(16)],
        [f"{n}.png" for n in range(16, 20)],
    ]


def test_a_sheet_of_nothing_is_refused(photos: Path, put: Put) -> None:
    put("broken.png", b"no image")
    faces = face_set(Face("broken.png", "s1"), Face("gone.png"), root=photos)
    with pytest.raises(
        DatasetError, match="No image of folder:photos can be shown; `mindseye data"
    ):
        contact_sheet(faces)
    with pytest.raises(DatasetError, match="No image of folder:photos can be shown"):
        contact_sheet(face_set(root=photos))


def test_holes_of_a_grid_too_large_are_not_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, faces_spec: str
) -> None:
    faces = open_faces(faces_spec)
    monkeypatch.setattr("gallery.summary.WALKED_CELLS", faces.grid_size() - 1)
    summary = summarise(faces)
    assert summary["holes"] is None
    assert "too large to list its holes" in to_text(summary)


def test_lines_that_name_no_image_are_counted_and_the_first_ones_named() -> None:
    strays = tuple(Unmatched("landmarks.csv", f"{n}.JPG", "names no image") for n in range(25))
    faces = replace(face_set(full("s1", "0", "open")), unmatched=strays, notes=("labels.csv: odd",))
    told = summarise(faces)
    assert len(told["unmatched"]) == 25
    assert told["unmatched"][0] == {
        "file": "landmarks.csv",
        "name": "0.JPG",
        "reason": "names no image",
    }
    assert told["notes"] == ["labels.csv: odd"]
    lines = remarks_text(faces)
    assert lines[:3] == [
        "labels.csv: odd",
        "landmarks.csv: lines that name no image: 25",
        "  0.JPG: names no image",
    ]
    assert lines[-1] == "  … and 5 more; mindseye data show folder:photos --json names all"
    assert len(lines) == 23
