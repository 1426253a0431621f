import re
from pathlib import Path

import pytest

from gallery.files import followed, replacing, sync, write_whole


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


def test_a_link_given_by_hand_is_followed_and_nothing_else_is_touched(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"x")
    (tmp_path / "link").symlink_to("a.png")
    (tmp_path / "broken").symlink_to("gone.png")
    (tmp_path / "loop").symlink_to("loop")
    assert followed(tmp_path / "link") == target.resolve()
    assert followed(tmp_path / "broken") == tmp_path.resolve() / "gone.png"
    for path in (target, tmp_path / "none", tmp_path / ("x" * 300), Path("a\0b"), Path("b/../a")):
        assert followed(path) == path
    followed(tmp_path / "loop")  # reading it then says what is wrong


# Where files are written otherwise, and why that is right.
IN_THEIR_OWN_WAY = {
    "gallery/files.py": "the one way",
    "gallery/archives.py": "into a folder that is renamed when it is whole",
    "gallery/studio/assets.py": "likewise",
    "gallery/studio/files.py": "several processes write into one folder",
    "generator/runs/run.py": "the log grows line by line",
    "retrieval/collection/archive.py": "into a folder that is renamed when it is whole",
}


def test_nothing_that_the_product_writes_is_written_in_place() -> None:
    writing = re.compile(
        r"""\.write_(text|bytes)\(|\bopen\([^)]*["'][wax]b?["']|\.savefig\((?!content)"""
    )
    root = Path(__file__).parents[2]
    for package in ("gallery", "generator", "index", "retrieval", "commands"):
        for path in sorted((root / package).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            for line in path.read_text("utf-8").splitlines():
                told = name in IN_THEIR_OWN_WAY or "temporary" in line
                assert told or not writing.search(line), f"{name} writes in place: {line.strip()}"


@pytest.mark.parametrize("folder", [".", "/", "..", ""])
def test_a_file_is_not_written_where_a_folder_is(folder: str) -> None:
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write_whole(Path(folder), b"")
