from pathlib import Path

import pytest

from gallery.files import replacing, sync


def test_a_replaced_file_holds_the_new_content_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")
    with replacing(path) as temporary:
        temporary.write_text("new", "utf-8")
        assert path.read_text("utf-8") == "old"
    assert path.read_text("utf-8") == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_failed_writer_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", "utf-8")
    with pytest.raises(UnicodeEncodeError, match="latin-1"), replacing(path) as temporary:
        temporary.write_text("half …", "latin-1")
    assert path.read_text("utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_content_is_on_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[tuple[str, bool]] = []
    path = tmp_path / "file"
    monkeypatch.setattr("gallery.files.sync", lambda p: events.append((p.name, path.exists())))
    with replacing(path) as temporary:
        temporary.touch()
    assert events == [("file.tmp", False), (tmp_path.name, True)]


def test_files_and_directories_can_be_synchronised(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sync(tmp_path / "file")
    sync(tmp_path)
