"""Reading files side by side: hash, decode, align. Pillow and hashlib let other threads run.

What is read is kept in memory until it is aligned, up to a budget; what exceeds it is read again.

Shapes: S side, C channels, P side of a portrait.
"""

import hashlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from gallery.align import Aligner, Landmarks, Pixels
from gallery.catalogue.records import FileRecord
from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from gallery.images import decode, decoding_of
from gallery.marks import FacelessError, OtherBytesError, landmarks_in

KEPT_BYTES = 64 * 2**20
MOST_THREADS = 8


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """A face, cut out.

    Attributes:
        pixels: The face, cut out by the weights' aligner, (S, S, C).
        portrait: The same face for a recogniser, (P, P, 3); None where nobody asks for it.
        notes: What the user should know of the file.
    """

    pixels: Pixels
    portrait: Pixels | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was looked at.

    Attributes:
        face: Whose file.
        offer: What the catalogue is told of it.
        content: Its bytes, if they were read and there was room to keep them.
        refused: Why the face cannot be cut out where nobody knows better where it is: it was looked
            for in vain, or in other bytes.
    """

    face: Face
    offer: FileRecord
    content: bytes | None = None
    refused: ImageError | None = None


class Reading:
    """Threads that read the files of a face set. Used as a context."""

    def __init__(
        self,
        faces: FaceSet,
        aligner: Aligner,
        portraits: Aligner | None = None,
        threads: int | None = None,
    ) -> None:
        """Open them.

        Args:
            faces: Whose files.
            aligner: Cuts faces out.
            portraits: Cuts them out for a recogniser; None where nobody asks.
            threads: How many; None for as many as there are processors, up to eight.
        """
        self._faces = faces
        self._aligner = aligner
        self._portraits = portraits
        self._pool = ThreadPoolExecutor(threads or min(MOST_THREADS, os.cpu_count() or 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def look(
        self, batch: Sequence[Face], known: Mapping[str, tuple[str, int, int]]
    ) -> list[ReadFile]:
        """Read and hash what has changed since the last time.

        Args:
            batch: Faces of the set.
            known: SHA-256, size and time of modification of files read before, by absolute path.
        """
        room = _Room(KEPT_BYTES)

        def look(face: Face) -> ReadFile:
            path = str(self._faces.path(face).absolute())
            return self._look(face, path, known.get(path), room)

        return list(self._pool.map(look, batch))

    def _look(
        self, face: Face, path: str, known: tuple[str, int, int] | None, room: "_Room"
    ) -> ReadFile:
        size, mtime = _stat(path) if self._faces.reader is None else (None, None)
        labels = (face.identity, face.condition, size, mtime)
        if known is not None and known[1:] == (size, mtime):
            return _marked(ReadFile(face, FileRecord(path, known[0], None, *labels)))
        try:
            content = self._faces.read(face)
        except ImageError as error:
            return ReadFile(face, FileRecord(path, None, str(error), *labels))
        offer = FileRecord(path, _sha256(content), None, *labels)
        return _marked(ReadFile(face, offer, content if room.take(len(content)) else None))

    def align(
        self, todo: Sequence[tuple[ReadFile, Landmarks | None]]
    ) -> list[AlignedFace | ImageError]:
        """Cut faces out, or say why one cannot be."""

        def align(one: tuple[ReadFile, Landmarks | None]) -> AlignedFace | ImageError:
            try:
                return self._align(*one)
            except ImageError as error:
                return error

        return list(self._pool.map(align, todo))

    def _align(self, read: ReadFile, landmarks: Landmarks | None) -> AlignedFace:
        content = read.content
        if content is None:
            content = self._faces.read(read.face)
            if _sha256(content) != read.offer.sha256:
                raise ImageError("changed while it was being read; build again")
        image = decode(content, reduce=lambda size: self._reduction(size, landmarks))
        pixels = self._aligner.align(image, landmarks)
        notes = decoding_of(image).notes
        if self._portraits is None:
            return AlignedFace(pixels, None, notes)
        return AlignedFace(pixels, self._portraits.align(image, landmarks), notes)

    def _reduction(self, size: tuple[int, int], landmarks: Landmarks | None) -> int:
        """Return at which part of its size a photograph may be decoded for all that cut it out."""
        cutters = [self._aligner, *([self._portraits] if self._portraits else [])]
        return min(one.reduction(size, landmarks) for one in cutters)


class _Room:
    """Bytes that may still be kept; threads ask for their share."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


def _marked(read: ReadFile) -> ReadFile:
    """Add to an offer where the face is, if that was found in these bytes or written by hand."""
    face = read.face
    try:
        landmarks = landmarks_in(face, read.offer.sha256 or "")
    except (FacelessError, OtherBytesError) as error:
        return replace(read, refused=error)
    by_hand = landmarks is not None and face.looked_at is None
    return replace(read, offer=replace(read.offer, landmarks=landmarks, by_hand=by_hand))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _stat(path: str) -> tuple[int | None, int | None]:
    try:
        status = Path(path).lstat()
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
