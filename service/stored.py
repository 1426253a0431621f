"""Uploads that stay: a folder for each request, which appears whole or not at all.

Its images are named by the SHA-256 of their bytes; `labels.csv` says what the request said of them.
A folder without the file `.added` was not taken in yet: the next start does that. Images are known
by their content, so nothing is taken in twice. Faces are looked for where those of the gallery were
found, too, so that all are cut out alike; in `.as-they-are` a request said that they are not to be.
"""

import csv
import hashlib
import io
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mindseye
from gallery.errors import BeingWrittenError, ConfigError
from gallery.files import sync, write_whole
from service.jobs import Job, JobCancelledError
from service.problems import ProblemError, without_paths

ADDED = ".added"
AS_THEY_ARE = ".as-they-are"
PART = ".part-"
LABELS = "labels.csv"
LANDMARKS = "landmarks.csv"
NO_FACE = "holds no face"  # so begins the reason for which such an image is left out
WAIT_S = 0.2  # until it is asked again whether somebody else still writes
_NAME = re.compile(r"[A-Za-z][\w-]{0,63}")
_SUFFIXES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"RIFF", ".webp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


def read_labels(identity: str | None, labels: Sequence[str]) -> dict[str, str]:
    """Read what a request says of its images.

    Args:
        identity: Whose face they show, or None.
        labels: Like "pose=45".

    Returns:
        Cells of `labels.csv` by column.

    Raises:
        ProblemError: It cannot be labels.
    """
    cells = {} if not identity else {"identity": identity}
    for label in labels:
        name, equals, value = (part.strip() for part in label.partition("="))
        if not equals or not value or not _NAME.fullmatch(name) or name in ("path", "identity"):
            raise ProblemError(422, "invalid", "A label is NAME=VALUE, like pose=45")
        cells[name] = value
    if any(not one.isprintable() or len(one) > 255 for one in cells.values()):
        raise ProblemError(422, "invalid", "A label holds at most 255 printable letters")
    return cells


def store(
    folder: Path,
    name: str,
    contents: Sequence[bytes],
    cells: Mapping[str, str],
    *,
    as_they_are: bool = False,
) -> Path:
    """Write images and what is said of them; they are on disk when this returns.

    Args:
        folder: Of the uploads of a collection; made if it is not there.
        name: Of the request.
        contents: Image files.
        cells: What `read_labels` returned.
        as_they_are: Whether no faces are to be looked for in them.

    Returns:
        The folder of the request.

    Raises:
        ProblemError: The disk is full, or the folder cannot be written.
    """
    part, whole = folder / f"{PART}{name}", folder / name
    try:
        part.mkdir(parents=True, mode=0o700)
        named = {file_name(content): content for content in contents}
        for file, content in named.items():
            _write(part / file, content)
        _write(part / LABELS, _table(named, cells))
        if as_they_are:
            _write(part / AS_THEY_ARE, b"")
        sync(part)
        part.rename(whole)
        sync(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        told = f"The upload cannot be kept: {error.strerror}; make room, or ask who runs this"
        raise ProblemError(503, "unavailable", told) from error
    return whole


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield folders of requests that were not taken in yet; sweep up what was half written."""
    if not folder.is_dir():
        return
    for one in sorted(folder.iterdir()):
        if one.name.startswith(PART):
            shutil.rmtree(one, ignore_errors=True)
        elif one.is_dir() and not (one / ADDED).exists():
            yield one


def take_in(
    gallery: mindseye.Gallery, folder: Path, job: Job, weights: str | None
) -> dict[str, Any]:
    """Add a folder of a request to a gallery.

    Args:
        gallery: Open for this thread alone.
        folder: As `store` left it.
        job: Told how far it is.
        weights: For a gallery that has none yet; None for those that fit.

    Returns:
        Counts over all spaces, and "skipped": names of files with reasons.

    Raises:
        UserError: What `Gallery.add` raises.
    """
    try:
        _find_faces(gallery, folder, job)
        added = _add(gallery, folder, job, weights)
    except JobCancelledError:
        if job.for_good:
            _write(folder / ADDED, b"cancelled\n")
        raise
    for one in added:
        job.notes += [str(warning) for warning in one.warnings]
    _write(folder / ADDED, b"")
    counts = ("indexed", "known", "duplicates", "removed")
    told: dict[str, Any] = {name: max(getattr(one, name) for one in added) for name in counts}
    told["skipped"] = _skipped(gallery, folder)
    return told


def _find_faces(gallery: mindseye.Gallery, folder: Path, job: Job) -> None:
    """Have the faces of a folder found, where those of the gallery were, or it holds none yet."""
    if (folder / AS_THEY_ARE).exists() or (gallery.spaces and not gallery.knows_landmarks):
        return
    try:
        mindseye.find_faces(f"folder:{folder}", progress=job)
    except ConfigError as error:  # what finds faces is not installed
        job.notes.append(without_paths(f"No faces were looked for: {error}"))


def _add(
    gallery: mindseye.Gallery, folder: Path, job: Job, weights: str | None
) -> "tuple[mindseye.Added, ...]":
    """Add a folder; wait for whoever else writes."""
    while True:
        chosen = weights if not gallery.spaces else None
        try:
            return gallery.add(f"folder:{folder}", weights=chosen, progress=job)
        except BeingWrittenError:
            job.phase = "waiting for another writer"
            job.wait(WAIT_S)


def _skipped(gallery: mindseye.Gallery, folder: Path) -> list[dict[str, str]]:
    """Return which files of a folder were left out, and why."""
    found = {
        Path(one["path"]).name: _plainly(one["reason"])
        for space in gallery.show()["spaces"]
        for one in space["skipped"]
        if Path(one["path"]).parent == folder.absolute()
    }
    return [{"name": name, "reason": reason} for name, reason in sorted(found.items())]


def _plainly(reason: str) -> str:
    """Say why an image was left out, to somebody who has no landmark files at hand."""
    if reason.startswith(NO_FACE):
        return "no face was found in it; send one on which the face is larger, or seen from before"
    return without_paths(reason)


def forget(folder: Path | None, contents: Collection[str]) -> int:
    """Delete uploads from disk, and what was said of them; of other places nothing is touched.

    Args:
        folder: Of the uploads of a collection, or None.
        contents: SHA-256 of the images, wherever they were uploaded.

    Returns:
        How many files are gone.
    """
    if folder is None or not folder.is_dir():
        return 0
    gone = 0
    for batch in (one for one in folder.iterdir() if one.is_dir()):
        names = [one.name for one in batch.iterdir() if one.stem in contents]
        if names:
            for table in (batch / LABELS, batch / LANDMARKS):
                if table.exists():
                    _drop_lines(table, names)
        for name in names:
            (batch / name).unlink(missing_ok=True)
            gone += 1
    return gone


def _drop_lines(table: Path, names: Collection[str]) -> None:
    """Take what is said of some images out of a table."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    text = io.StringIO()
    csv.writer(text).writerows(row for row in rows if row[0] not in names)
    write_whole(table, text.getvalue().encode())


def file_name(content: bytes) -> str:
    """Name an upload by its content."""
    suffix = next((end for start, end in _SUFFIXES if content.startswith(start)), ".img")
    return hashlib.sha256(content).hexdigest() + suffix


def _table(named: Mapping[str, bytes], cells: Mapping[str, str]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["path", *cells])
    table.writerows([name, *cells.values()] for name in named)
    return text.getvalue().encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file of a folder that nobody else looks at yet; it is on disk when this returns."""
    path.write_bytes(content)
    sync(path)
