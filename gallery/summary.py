"""What a face set holds, in numbers and on a contact sheet."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from gallery.align import Aligner
from gallery.attributes import POSE_SIDE, Condition
from gallery.duplicates import contradictory, equal_files
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Unmatched
from gallery.pixels import align_each
from gallery.sheets import Tile, sheet

SHEET_ROWS, SHEET_COLUMNS = 40, 16
WALKED_CELLS = 1_000_000
PEOPLE_NAMED = 20  # of more people, `to_text` names the first and the last
LINE = 100  # columns


def summarise(faces: FaceSet) -> dict[str, Any]:
    """Count a face set.

    Returns:
        "spec", "images", "identities" (images by person), "attributes" (images by value),
        "unlabelled" (images without an identity), "grid" (cells of the full grid of people and
        values), "holes" (its empty cells, or None where the grid is too large to list them),
        "repeats" (images beyond the first of a cell), "contradictions" (groups of equal files whose
        labels differ), "problems" (files left out, with reasons),
        "faceless" (images in which no face was found), "unmatched" (lines of labels and landmarks
        that name no image), "notes" (what was taken otherwise than it is written).
    """
    people = Counter(face.identity for face in faces.faces if face.identity is not None)
    labelled = [face for face in faces.faces if face.identity is not None]
    cells = {(face.identity, face.condition) for face in labelled}
    holes = faces.holes() if faces.grid_size() <= WALKED_CELLS else None
    return {
        "spec": faces.spec,
        "images": len(faces),
        "identities": {who: people[who] for who in faces.identities},
        "attributes": {name: dict(counted) for name, counted in faces.counts().items()},
        "unlabelled": len(faces) - len(labelled),
        "grid": faces.grid_size() if faces.space.attributes else 0,
        "holes": None if holes is None else [_hole(*hole) for hole in holes],
        "repeats": len(labelled) - len(cells) if faces.space.attributes else 0,
        "contradictions": [
            [{"path": face.name, **_hole(face.identity, face.condition)} for face in group]
            for group in contradictory(equal_files(faces))
        ],
        "problems": [
            {"path": problem.name, "reason": problem.reason} for problem in faces.problems
        ],
        **remarks(faces),
    }


def remarks(faces: FaceSet) -> dict[str, Any]:
    """Return what is to be said of labels and landmarks: "faceless", "unmatched" and "notes"."""
    return {
        "faceless": [face.name for face in faces.faces if face.is_faceless],
        "unmatched": [
            {"file": one.file, "name": one.name, "reason": one.reason} for one in faces.unmatched
        ],
        "notes": list(faces.notes),
    }


def remarks_text(faces: FaceSet, most: int = 20) -> list[str]:
    """Say that for people; of each file's lines that name no image the first few are named."""
    lines = list(faces.notes)
    faceless = [face.name for face in faces.faces if face.is_faceless]
    if faceless:
        named = ", ".join(faceless[:most]) + (", …" if len(faceless) > most else "")
        lines.append(f"images in which no face was found: {len(faceless)}, left out: {named}")
    files: dict[str, list[Unmatched]] = defaultdict(list)
    for one in faces.unmatched:
        files[one.file].append(one)
    for file, strays in files.items():
        lines.append(f"{file}: lines that name no image: {len(strays)}")
        lines += [f"  {one.name}: {one.reason}" for one in strays[:most]]
        if len(strays) > most:
            more = len(strays) - most
            lines.append(f"  … and {more} more; mindseye data show {faces.spec} --json names all")
    return lines


def _hole(who: str | None, condition: Condition) -> dict[str, Any]:
    return {"identity": who, "condition": dict(condition)}


def contact_sheet(faces: FaceSet, tile_px: int = 84) -> Image.Image:
    """Draw a sheet: a row for each person, their images spread over the columns.

    Faces are cut out as training would cut them. Of many people the first 40 are shown, of many
    images of a person 16, chosen by chance; images of nobody known fill rows in order.

    Args:
        faces: What to show.
        tile_px: Side of a tile, pixels.

    Raises:
        DatasetError: There is no image, or not one of those chosen can be used.
    """
    aligner = Aligner(size=tile_px, channels=3, crop=faces.crop)
    varied = tuple(a.name for a in faces.space.attributes if len(a.values) > 1)
    rows = []
    for who, chosen in _chosen(faces):
        part = FaceSet(
            spec=faces.spec,
            root=faces.root,
            faces=tuple(chosen),
            space=faces.space,
            reader=faces.reader,
        )
        tiles = [
            Tile(pixels if isinstance(pixels, np.ndarray) else None, _caption(face, who, varied))
            for face, pixels in align_each(part, aligner)
        ]
        rows.append(tiles)
    if not any(tile.pixels is not None for row in rows for tile in row):
        raise DatasetError(
            f"No image of {faces.spec} can be shown; `mindseye data show --check` says why"
        )
    shown = sum(len(row) for row in rows)
    title = f"{faces.spec}: {shown} of {len(faces)} images, {len(faces.identities)} identities"
    return sheet(rows, tile_px=tile_px, title=title)


def _chosen(faces: FaceSet) -> list[tuple[str, list[Face]]]:
    """Choose who and what is shown: rows of (person or "", images)."""
    by_person: dict[str, list[Face]] = defaultdict(list)
    unknown: list[Face] = []
    for face in faces.faces:
        (by_person[face.identity] if face.identity is not None else unknown).append(face)
    rows = [(who, _some(by_person[who], SHEET_COLUMNS)) for who in faces.identities]
    some = _some(unknown, SHEET_ROWS * SHEET_COLUMNS)
    rows += [("", some[n : n + SHEET_COLUMNS]) for n in range(0, len(some), SHEET_COLUMNS)]
    return rows[:SHEET_ROWS]


def _some(faces: list[Face], most: int) -> list[Face]:
    """Choose by chance, the same each time; every second image would show a pattern of its own."""
    if len(faces) <= most:
        return faces
    chosen = np.random.default_rng(zlib.crc32(faces[0].name.encode())).permutation(len(faces))[
        :most
    ]
    return [faces[n] for n in sorted(chosen.tolist())]


def _caption(face: Face, who: str, names: tuple[str, ...]) -> str:
    values = [f"{name}={face.condition[name]}" for name in names if name in face.condition]
    return "\n".join([who, *values]) if who else face.name.rpartition("/")[2]


def to_text(summary: dict[str, Any]) -> str:
    """Say what `summarise` counted, for people."""
    people = summary["identities"]
    lines = [f"{summary['spec']}: {summary['images']} images of {len(people)} identities"]
    if summary["unlabelled"]:
        lines.append(f"  {summary['unlabelled']} images without an identity")
    for name, counted in summary["attributes"].items():
        lines += _wrapped(f"  {name}: ", [f"{value} {count}" for value, count in counted.items()])
    lines += _people_text(people)
    lines += _holes_text(summary["holes"], summary["grid"])
    if summary["repeats"]:
        lines.append(f"  {summary['repeats']} images repeat a cell")
    for group in summary["contradictions"]:
        said = (f"{one['path']} ({_labels(one)})" for one in group)
        lines.append(f"  equal files with different labels: {' = '.join(said)}")
    lines += [f"  left out: {p['path']}: {p['reason']}" for p in summary["problems"]]
    return "\n".join(lines)


def _people_text(people: Mapping[str, int]) -> list[str]:
    """Count the images of each person, of many people the fewest and the most."""
    if len(people) <= PEOPLE_NAMED:
        return _wrapped("  identities: ", [f"{who} {n}" for who, n in people.items()])
    fewest, most = min(people.values()), max(people.values())
    each = f"{fewest} images" if fewest == most else f"{fewest} to {most} images"
    first, *_, last = people
    return [f"  identities: {len(people)}, {each} of each: {first} … {last}; --json names all"]


def _wrapped(head: str, items: Sequence[str]) -> list[str]:
    """Set items after a head, two spaces apart, in lines that fit a terminal."""
    lines: list[str] = []
    line = head
    for item in items:
        if line.strip() and line != head and len(line) + len(item) + 2 > LINE:
            lines.append(line)
            line = " " * len(head) + item
        else:
            line += item if line == head else f"  {item}"
    return [*lines, line] if items else lines


def _labels(one: dict[str, Any]) -> str:
    values = (f"{name}={value}" for name, value in one["condition"].items())
    return " ".join([one["identity"] or "nobody", *values])


def sides_text(faces: FaceSet) -> list[str]:
    """Say which side a pose is: in the one sentence, or how the set's own words differ."""
    poses = [attribute for attribute in faces.space.attributes if attribute.name == "pose"]
    known = [one.side or (POSE_SIDE if one.unit == "degree" else "") for one in poses]
    return [f"  {text}" for text in known if text]


def _holes_text(holes: list[dict[str, Any]] | None, grid: int) -> list[str]:
    if holes is None:
        return [f"  a grid of {grid:,} cells: too large to list its holes"]
    lines = [f"  {len(holes)} holes in a grid of {grid} cells"] if grid else []
    for hole in holes[:50]:
        values = " ".join(f"{name}={value}" for name, value in hole["condition"].items())
        lines.append(f"    {hole['identity']}: {values}")
    if len(holes) > 50:
        lines.append(f"    … and {len(holes) - 50} more; --json names all")
    return lines
