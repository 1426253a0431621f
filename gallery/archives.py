"""Collections that come as one archive: unpacked once, into the user's cache.

Members are written one by one: only regular files, only below the target, within limits. What a
name or a link in the archive says can never write elsewhere.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gallery.archive_members import Member, members, open_packed
from gallery.errors import DatasetError
from gallery.files import file_sha256

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold.

    Attributes:
        members: Most files.
        total_bytes: Most bytes, unpacked.
        ratio: Most bytes, unpacked, for each byte of the archive.
        ratio_from: Bytes, unpacked, below which the ratio does not matter.
    """

    members: int = 2_000_000
    total_bytes: int = 50 * 2**30
    ratio: float = 100.0
    ratio_from: int = 2**30


DEFAULT_LIMITS = ArchiveLimits()


def is_archive(path: Path) -> bool:
    """Say whether a path is named as an archive that `unpacked` reads."""
    return path.name.lower().endswith(SUFFIXES)


def default_cache() -> Path:
    """Return the folder below which archives are unpacked."""
    return Path.home() / ".cache" / "mindseye" / "unpacked"


def unpacked(
    archive: Path, cache: Path | None = None, limits: ArchiveLimits = DEFAULT_LIMITS
) -> Path:
    """Return a folder with the files of an archive, unpacking it if that was not done before.

    The folder's name holds the archive's SHA-256, and it appears complete or not at all.

    Raises:
        DatasetError: The archive is missing, damaged, unsafe or too large, or the cache cannot
            be written.
    """
    cache = cache or default_cache()
    try:
        digest = file_sha256(archive)
        target = cache / f"{archive.name.split('.')[0]}-{digest[:16]}"
        if not target.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            _unpack_whole(archive, target, limits)
    except (OSError, ValueError) as error:  # a file that is also a folder, a name that is too long
        raise DatasetError(
            f"Cannot unpack {archive}: {error}. Unpack it by hand and give the folder instead"
        ) from error
    return target


def _unpack_whole(archive: Path, target: Path, limits: ArchiveLimits) -> None:
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with open_packed(archive) as file:
            for member in _safe_members(members(file, limits.ratio_from), archive, limits):
                write_member(member, partial / member.name)
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not target.is_dir():  # another process may have been faster
            raise
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _safe_members(
    found: Iterable[Member], archive: Path, limits: ArchiveLimits
) -> Iterator[Member]:
    """Yield the files of an archive; folders are made as needed, links and devices left out."""
    count = total = 0
    packed = archive.stat().st_size
    for member in found:
        count, total = count + 1, total + member.size
        if count > limits.members or total > limits.total_bytes:
            raise DatasetError(
                f"{archive}: more than {limits.members:,} files or"
                f" {limits.total_bytes / 2**30:.0f} GiB; unpack it by hand and give the folder"
            )
        if total > max(limits.ratio_from, limits.ratio * packed):
            raise DatasetError(
                f"{archive}: unpacks to more than {limits.ratio:g} times its size, as no"
                " collection of images does; unpack it by hand and give the folder"
            )
        if not member.is_file:
            continue
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts or "\\" in member.name:
            raise DatasetError(f"{archive}: the member {member.name[:200]!r} leaves the archive")
        yield member


def write_member(member: Member, path: Path) -> None:
    """Write a file of an archive, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # of a member written twice the last holds, as in tar
        member.copy(file)
    with contextlib.suppress(OSError, OverflowError, ValueError):  # a date may be out of range
        os.utime(path, (member.mtime, member.mtime))
