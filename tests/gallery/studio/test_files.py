from pathlib import Path

import pytest

from gallery.studio.files import clear_partial, write_whole


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def no_space(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    write_whole(path, b"one")
    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"two")
    assert path.read_bytes() == b"one"


def test_what_a_killed_writer_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".a.zip.17.partial").write_bytes(b"half")
    (tmp_path / "b.zip").write_bytes(b"whole")
    clear_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]
