import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gallery.errors import CatalogueError, WeightsError
from retrieval.collection.collection import Collection, spell_age

HOLD = """
import sys
from pathlib import Path
from retrieval.collection.collection import Collection

with Collection.open(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_collection_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=f"no collection in {tmp_path}; make one with `mindse"):
        Collection.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_collection_is_made_where_there_is_none_and_opened_where_there_is(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "down"
    made = Collection.open_or_create(root)
    made.catalogue.spaces.add("pose-60", "0" * 64)
    made.close()
    for open_it in (Collection.open, Collection.open_or_create):
        opened = open_it(root)
        assert [space.name for space in opened.catalogue.spaces.all()] == ["pose-60"]
        opened.close()


def test_a_collection_can_be_made_by_several_at_once(tmp_path: Path) -> None:
    for number in range(4):
        with ThreadPoolExecutor(4) as threads:
            root = tmp_path / str(number)
            opened = list(threads.map(Collection.open_or_create, [root] * 4))
        for collection in opened:
            assert collection.catalogue.images.count() == 0
            collection.close()


def test_a_collection_cannot_be_made_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatalogueError, match=f"Cannot make the collection {tmp_path}/file"):
        Collection.open_or_create(tmp_path / "file" / "below")


@pytest.mark.parametrize("name", ["pose-60", "a", "Eyes_2.v1", "0", "a" * 64])
def test_a_space_has_a_folder_of_its_name(collection: Collection, name: str) -> None:
    assert collection.space_dir(name) == collection.root / "spaces" / name
    assert collection.weights_path(name).parent == collection.space_dir(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "-rf", ".hidden", "my eyes", "é", "a" * 65, "a\n"]
)
def test_names_that_would_not_do_as_a_folder_are_refused(collection: Collection, name: str) -> None:
    with pytest.raises(WeightsError, match="cannot name a space: only letters, digits, .* change"):
        collection.space_dir(name)


def test_a_second_writer_is_told_who_is_writing(collection: Collection) -> None:
    second = Collection.open(collection.root)
    owner = rf"process {os.getpid()} on .*, since 20.*T.* \(\d+ s\)"
    held = f"{collection.root} is being written to by {owner}"
    with (
        collection.writing(),
        pytest.raises(CatalogueError, match=f"{held}; wait for it, or stop it"),
        second.writing(),
    ):
        raise AssertionError("two writers at once")
    with second.writing():
        pass
    second.close()


def test_a_lock_without_a_readable_owner_still_locks(collection: Collection) -> None:
    lock = collection.root / ".lock"
    with collection.writing():
        owner = json.loads(lock.read_text("utf-8"))
        assert sorted(owner) == ["host", "pid", "since"]
        for content in ("", "{", "[]", '{"pid": 1}'):
            lock.write_text(content, "utf-8")
            with (
                pytest.raises(CatalogueError, match="is being written to by another process; wait"),
                collection.writing(),
            ):
                raise AssertionError("two writers at once")


def test_the_lock_is_given_back_after_an_error(collection: Collection) -> None:
    with pytest.raises(RuntimeError, match="stop"), collection.writing():
        raise RuntimeError("stop")
    with collection.writing():
        pass


def test_a_killed_writer_leaves_no_lock(collection: Collection) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(collection.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        with (
            pytest.raises(CatalogueError, match=f"being written to by process {writer.pid} on"),
            collection.writing(),
        ):
            raise AssertionError("two writers at once")
        writer.kill()
        writer.wait()
        assert (collection.root / ".lock").read_text("utf-8")  # what it left does not lock
        with collection.writing():
            pass


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (200_000, "2 days"),
    ],
)
def test_the_age_of_a_lock_is_said_in_words(seconds: float, said: str) -> None:
    assert spell_age(seconds) == said
