"""The members of archives: bounded in every way, nothing followed.

Python's own reader calls itself for every long-name or extended header and reads each of them
whole: a file of a few kilobytes, packed, can hold thousands in a row, or one of gigabytes. Here a
member has at most CHAIN such headers of at most LONGEST bytes. Sparse members, which say that they
are larger than what is stored, are refused; links and devices come as what they are, for the caller
to leave out or refuse. Of ZIP files one member is read at a time, by name.

Source: POSIX.1-2017, pax, "ustar interchange format" and "pax header block"; GNU tar manual,
"Basic tar format".
"""

import bz2
import gzip
import lzma
import math
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHAIN = 16  # headers before a member that only say more of it; tar itself writes at most 4
LONGEST = 2**20  # bytes of one of them
LARGEST = 2**62  # bytes of a member
CHUNK = 2**20
BLOCK = tarfile.BLOCKSIZE
_PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
# What packed data raises that is damaged, or asks for more memory than there is.
_DAMAGE = (OSError, EOFError, ValueError, MemoryError, lzma.LZMAError, zlib.error)
# And what zipfile does: of a member that is lacking, packed by another method, or encrypted.
_ZIP_DAMAGE = (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, struct.error)


class DamagedArchiveError(ValueError):
    """An archive is damaged, or not one that is read; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member.

    Attributes:
        name: As the archive spells it; a caller checks where it leads.
        size: Bytes of its content, which `copy` reads.
        is_file: Whether it is a plain file; else a folder, link, device or something unknown.
        mtime: When it was changed, seconds since 1970.
        stream: That it is read from.
    """

    name: str
    size: int
    is_file: bool
    mtime: float
    stream: "_Stream"

    def copy(self, target: BinaryIO) -> None:
        """Write the content, once, before the next member is asked for.

        Raises:
            DamagedArchiveError: The archive ends before.
            OSError: The disk is full.
        """
        while chunk := self.stream.take(min(CHUNK, self.stream.left)):
            target.write(chunk)

    def read(self) -> bytes:
        """Return the content of a member that is known to be small; see `copy`."""
        return self.stream.take(self.stream.left)


class _Stream:
    """A file, unpacked, and how much of the current member is left in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.left = 0
        self.padding = 0

    def take(self, count: int) -> bytes:
        """Read content of the current member."""
        data = self._read(count)
        self.left -= count
        if len(data) < count:
            raise DamagedArchiveError("it is cut off inside a file")
        return data

    def header(self) -> bytes:
        """Skip what is left of a member, and read the block behind it."""
        while self.left:
            self.take(min(CHUNK, self.left))
        self._read(self.padding)
        self.padding = 0
        return self._read(BLOCK)

    def begin(self, size: int) -> None:
        """Say that so much content follows."""
        self.left, self.padding = size, -size % BLOCK

    def rest(self, most: int) -> None:
        """Read to the end, where what is packed has its checksum."""
        while data := self._read(CHUNK):
            most -= len(data)
            if most < 0:
                raise DamagedArchiveError("much follows where it should end")

    def _read(self, count: int) -> bytes:
        """Read so much, or what there is.

        Not in one go: memory is taken for what there is, not for what a header claims.
        """
        parts = []
        while count:
            try:
                data = self._file.read(min(count, CHUNK))
            except _DAMAGE as error:
                raise DamagedArchiveError(
                    f"it is damaged: {error or type(error).__name__}"
                ) from error
            if not data:
                break
            parts.append(data)
            count -= len(data)
        return b"".join(parts)


def read_zipped(path: Path, name: str, most: int) -> bytes:
    """Return a member of a ZIP file.

    Args:
        path: Path of the file.
        name: Name of the member.
        most: Bytes that it may have.

    Raises:
        DamagedArchiveError: The file is missing, damaged, or no ZIP file, or has no such member.
    """
    try:
        with zipfile.ZipFile(path) as file, file.open(name) as member:
            data = member.read(most + 1)
    except (*_DAMAGE, *_ZIP_DAMAGE) as error:
        why = " ".join(str(error).split())[:200]
        raise DamagedArchiveError(f"it is damaged: {why or type(error).__name__}") from error
    if len(data) > most:
        raise DamagedArchiveError(f"{name!r} has more than {most:,} bytes")
    return data


def open_packed(path: Path) -> BinaryIO:
    """Open a file, unpacked if it is packed by gzip, xz or bzip2, whatever its name.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if magic == b"\xfd7zXZ\0":
        return lzma.open(path, "rb")  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def members(file: BinaryIO, trailing: int = 2**30) -> Iterator[Member]:
    """Yield the members of a tar file; what is left of one's content is skipped.

    Args:
        file: Unpacked, at its beginning.
        trailing: Most bytes that may follow its end.

    Raises:
        DamagedArchiveError: It is damaged, cut off, no tar file, or not one that is read.
    """
    stream = _Stream(file)
    while (head := _head(stream)) is not None:
        told: dict[str, str] = {}
        for _ in range(CHAIN + 1):
            if head.type not in (*_PAX, *_LONG):
                break
            told |= _more(stream, head)
            head = _head(stream)
            if head is None:
                raise DamagedArchiveError("a file is lacking behind its long name")
        else:
            raise DamagedArchiveError(f"more than {CHAIN} headers in a row speak of one file")
        yield _member(stream, head, told)
    stream.rest(trailing)


def _head(stream: _Stream) -> tarfile.TarInfo | None:
    """Read a header, and say how much follows; None where the archive ends."""
    block = stream.header()
    if block == bytes(BLOCK):
        return None
    if len(block) < BLOCK:
        raise DamagedArchiveError("it is cut off or damaged")
    try:
        head = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise DamagedArchiveError(f"it is damaged or no archive: {error}") from error
    if not 0 <= head.size <= LARGEST:
        raise DamagedArchiveError(f"a member claims {head.size} bytes")
    # What has no content may claim a size all the same: only files and unknown kinds are followed.
    stream.begin(head.size if _has_content(head) else 0)
    return head


def _has_content(head: tarfile.TarInfo) -> bool:
    return head.isreg() or head.type not in tarfile.SUPPORTED_TYPES or head.type in (*_PAX, *_LONG)


def _more(stream: _Stream, head: tarfile.TarInfo) -> dict[str, str]:
    """Read what a header says of the next member: long name, size, date."""
    if head.size > LONGEST:
        raise DamagedArchiveError(f"a header of {head.size:,} bytes, expected {LONGEST:,} at most")
    content = stream.take(head.size)
    if head.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    return _records(content) if head.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) else {}


def _records(content: bytes) -> dict[str, str]:
    """Read the records of an extended header, each "LENGTH KEY=VALUE" and a line feed."""
    found: dict[str, str] = {}
    at = 0
    while at < len(content) and content[at]:
        digits, space, _ = content[at : at + 12].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = content[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if not (space and equals and value.endswith(b"\n")) or at + length > len(content):
            raise DamagedArchiveError("an extended header is damaged")
        found[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        at += length
    return found


def _member(stream: _Stream, head: tarfile.TarInfo, told: dict[str, str]) -> Member:
    name = told.get("path", head.name)
    sparse = head.type == tarfile.GNUTYPE_SPARSE or any(k.startswith("GNU.sparse") for k in told)
    if sparse:
        raise DamagedArchiveError(f"{name[:80]!r} is stored with holes (tar --sparse)")
    if "\0" in name or len(name) > LONGEST:
        raise DamagedArchiveError(f"{name[:80]!r} is no name of a file")
    if "size" in told:
        size = told["size"]
        if not size.isascii() or not size.isdigit() or len(size) > 19 or int(size) > LARGEST:
            raise DamagedArchiveError(f"{name[:80]!r} claims {size[:40]!r} bytes")
        stream.begin(int(size) if _has_content(head) else 0)
    return Member(
        name=name.rstrip("/") or name,
        size=stream.left,
        is_file=head.type in _FILES,
        mtime=_date(told.get("mtime"), head.mtime),
        stream=stream,
    )


def _date(told: str | None, otherwise: float) -> float:
    try:
        date = float(otherwise if told is None else told)
    except ValueError:
        return otherwise
    return date if math.isfinite(date) else otherwise
