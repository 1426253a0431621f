"""Collections on read-only media: a mount, or for others than root folders without permission."""

import gc
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.retrieval.test_older import make_older
from tests.running import Mindseye, one_line_error

Freeze = Callable[[Path], Path]


def _mount(*arguments: object) -> bool:
    if shutil.which(str(arguments[0])) is None:
        return False
    told = subprocess.run(list(map(str, arguments)), check=False, capture_output=True)
    return told.returncode == 0


@pytest.fixture
def freeze(tmp_path: Path) -> Iterator[Freeze]:
    """Copy a folder to where nobody can write it."""
    place = tmp_path / "media"
    place.mkdir()
    if os.geteuid() == 0 and not _mount("mount", "-t", "tmpfs", "none", place):
        pytest.skip("root writes everywhere, and cannot mount read-only media here")

    def copied(folder: Path) -> Path:
        there = Path(shutil.copytree(folder, place / "mine"))
        if os.geteuid() == 0:
            assert _mount("mount", "-o", "remount,ro", place)
        else:
            assert _mount("chmod", "-R", "a-w", place)
        return there

    yield copied
    if os.geteuid() == 0:
        assert _mount("umount", place)
    else:
        assert _mount("chmod", "-R", "u+w", place)


@pytest.fixture
def mine(collection_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny collection."""
    return Path(shutil.copytree(collection_dir, tmp_path / "mine"))


def test_a_collection_on_read_only_media_is_searched_shown_verified_and_exported(
    mindseye: Mindseye, mine: Path, faces_dir: Path, freeze: Freeze
) -> None:
    query = ("query", faces_dir / "p1-0-left.png", "--wish", "pose=45", "-k", "3", "--json")
    writable = mindseye(*query, "--collection", mine).json["hits"]
    at = ("--collection", freeze(mine))
    assert mindseye(*query, *at).json["hits"] == writable
    assert mindseye("index", "show", *at).status == 0
    assert len(mindseye("index", "show", "--where", "pose=45", *at).out.splitlines()) == 10
    assert mindseye("index", "verify", "--json", *at).json["ok"] is True
    assert mindseye("index", "export", "mine.tar", *at).status == 0
    assert mindseye("index", "import", "mine.tar", "--collection", "other").status == 0
    assert mindseye(*query, "--collection", "other").json["hits"] == writable


@pytest.mark.parametrize(
    "change",
    [
        ("index", "remove", "--id", "1"),
        ("index", "compact"),
        ("index", "verify", "--repair"),
        ("index", "add", "{faces}"),
    ],
)
def test_what_would_change_read_only_media_says_so(
    mindseye: Mindseye, mine: Path, faces_spec: str, freeze: Freeze, change: tuple[str, ...]
) -> None:
    frozen = freeze(mine)
    said = one_line_error(
        mindseye(*(one.format(faces=faces_spec) for one in change), "--collection", frozen)
    )
    assert said.startswith(f"The collection {frozen} cannot be changed: ")
    assert said.endswith("Copy its folder to where it can be written, and change that one")


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",)])
def test_what_a_killed_writer_left_in_the_log_counts_on_read_only_media(
    mindseye: Mindseye, mine: Path, freeze: Freeze, tmp_path: Path, left: tuple[str, ...]
) -> None:
    raw = sqlite3.connect(mine / "catalogue.db")
    raw.execute("UPDATE image SET removed_at = '2026' WHERE id = 1")
    raw.execute("UPDATE placement SET state = 'removed', shard = NULL WHERE image_id = 1")
    raw.commit()  # into the log; the connection is still open
    killed = Path(shutil.copytree(mine, tmp_path / "killed"))
    raw.close()
    for log in ("-wal", "-shm"):
        if log not in left:
            (killed / f"catalogue.db{log}").unlink()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    at = ("--collection", freeze(killed))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tempfile.tempdir", str(temporary))
        assert mindseye("index", "show", "--where", "state=indexed", "--json", *at).out.count(
            "\n"
        ) == (29)
    assert not list(temporary.iterdir())


def test_an_older_catalogue_on_read_only_media_is_read_from_a_migrated_copy(
    mindseye: Mindseye, mine: Path, freeze: Freeze, tmp_path: Path
) -> None:
    make_older(mine / "catalogue.db")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    at = ("--collection", freeze(mine))
    before = (at[1] / "catalogue.db").read_bytes()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tempfile.tempdir", str(temporary))
        assert mindseye("index", "show", *at).status == 0
        found = mindseye("index", "show", "--where", "identity=p1", *at).out
        assert len(found.splitlines()) == 6
        assert mindseye("index", "verify", *at).status == 0
        said = one_line_error(mindseye("index", "remove", "--id", 1, *at))
        assert said.startswith(f"The collection {at[1]} cannot be changed: ")
    assert (at[1] / "catalogue.db").read_bytes() == before
    gc.collect()
    assert not list(temporary.iterdir())


def test_a_catalogue_that_was_never_in_wal_mode_is_read_on_read_only_media(
    mindseye: Mindseye, mine: Path, freeze: Freeze
) -> None:
    raw = sqlite3.connect(mine / "catalogue.db")
    assert raw.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    raw.close()
    assert mindseye("index", "show", "--collection", freeze(mine)).status == 0
