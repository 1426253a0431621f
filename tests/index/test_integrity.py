"""A file is compared with its hash before anything opens it, and not read twice for nothing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import IndexFileError
from gallery.files import file_sha256
from index import integrity
from index.integrity import CheckedFiles, describe

LONG_AGO = 10**18  # ns


def written(path: Path, content: bytes, changed_ns: int = LONG_AGO) -> str:
    path.write_bytes(content)
    os.utime(path, ns=(changed_ns, changed_ns))
    return file_sha256(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, as they come."""
    names: list[str] = []

    def counted(path: Path) -> str:
        names.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(integrity, "file_sha256", counted)
    return names


def test_a_file_that_was_found_right_is_not_read_again(tmp_path: Path, reads: list[str]) -> None:
    sha256 = written(tmp_path / "a", b"content")
    checked = CheckedFiles(tmp_path)
    for _ in range(3):
        checked.require(tmp_path / "a", sha256, 7)
    os.link(tmp_path / "a", tmp_path / "b")
    checked.require(tmp_path / "b", sha256)
    assert reads == ["a"]


def test_a_file_is_read_again_when_it_may_be_another(tmp_path: Path, reads: list[str]) -> None:
    sha256 = written(tmp_path / "a", b"content")
    checked = CheckedFiles(tmp_path)
    checked.require(tmp_path / "a", sha256)
    written(tmp_path / "a", b"Content", LONG_AGO + 1)
    for _ in range(2):
        with pytest.raises(IndexFileError, match=r"a has SHA-256 .*: it is damaged.*index build"):
            checked.require(tmp_path / "a", sha256)
    assert reads == ["a"] * 3
    with pytest.raises(IndexFileError, match="it is damaged"):
        checked.require(tmp_path / "a", "0" * 64)


def test_a_file_that_was_just_written_is_read_every_time(tmp_path: Path, reads: list[str]) -> None:
    (tmp_path / "a").write_bytes(b"content")
    listed = describe(tmp_path / "a")
    reads.clear()
    checked = CheckedFiles(tmp_path)
    for _ in range(2):
        checked.require(tmp_path / "a", listed.sha256, listed.bytes)
    assert reads == ["a", "a"]


def test_what_was_read_is_noted_for_the_next_process(
    tmp_path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "WORTH", 10)
    sha256 = written(tmp_path / "a", b"content")
    other = written(tmp_path / "b", b"other content")
    checked = CheckedFiles(tmp_path)
    checked.require(tmp_path / "a", sha256)
    assert not (tmp_path / "checked.json").exists()
    checked.require(tmp_path / "b", other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "checked.json"]
    after = CheckedFiles(tmp_path)
    after.require(tmp_path / "a", sha256)
    after.require(tmp_path / "b", other)
    assert reads == ["a", "b"]
    written(tmp_path / "a", b"Content", LONG_AGO + 1)
    with pytest.raises(IndexFileError, match="it is damaged"):
        CheckedFiles(tmp_path).require(tmp_path / "a", sha256)


@pytest.mark.parametrize(
    "note",
    [
        *("", "{", "[]", "{}", "[" * 100_000, '{"format": 2, "files": []}'),
        *('{"format": 1, "files": 3}', '{"format": 1, "files": [[1]]}'),
        '{"format": 1, "files": [[[], 1, 1, 1]]}',
    ],
)
def test_a_note_that_is_none_is_passed_over(tmp_path: Path, reads: list[str], note: str) -> None:
    sha256 = written(tmp_path / "a", b"content")
    (tmp_path / "checked.json").write_text(note, "utf-8")
    CheckedFiles(tmp_path).require(tmp_path / "a", sha256)
    assert reads == ["a"]


def test_where_nothing_can_be_noted_files_are_compared_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Read-only file system")

    monkeypatch.setattr(integrity, "WORTH", 1)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    sha256 = written(tmp_path / "a", b"content")
    CheckedFiles(tmp_path).require(tmp_path / "a", sha256)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.exists, "is missing"),
        (os.mkdir, "no plain file"),
        (os.mkfifo, "no plain file"),
        (lambda path: path.write_bytes(b"conten"), "has 6 bytes, expected 7"),
        (lambda path: path.symlink_to(path), "cannot be read"),
    ],
)
def test_what_is_no_such_file_is_refused_without_reading(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "a")
    with pytest.raises(IndexFileError, match=rf"{message}.*mindseye index build"):
        CheckedFiles(tmp_path).require(tmp_path / "a", "0" * 64, 7)
