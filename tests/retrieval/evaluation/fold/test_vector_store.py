"""Vectors on disk: what is kept is what was made, and what is damaged is made anew."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.evaluation.fold.vector_store import (
    Array,
    Steps,
    Store,
    Timed,
    array_sha256,
    open_store,
)

ROWS = np.arange(20, dtype=np.float32).reshape(10, 2)


def parts() -> Iterator[Array]:
    yield ROWS[:4]
    yield ROWS[4:]


def made(steps: Steps[Timed[Array]]) -> Timed[Array]:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Timed[Array] = stop.value
            return found


def never() -> Iterator[Array]:
    raise AssertionError("made although it was kept")
    yield ROWS


def test_what_was_made_once_is_not_made_again(tmp_path: Path) -> None:
    for make in (parts, never):
        with open_store(tmp_path) as store:
            found = made(store.keep("a/b", {"data": 1}, 10, make))
            assert found.value.tolist() == ROWS.tolist()
            assert isinstance(found.value, np.memmap)


@pytest.mark.parametrize("damage", ["key", "json", "array", "short"])
def test_what_does_not_fit_is_made_anew(tmp_path: Path, damage: str) -> None:
    with open_store(tmp_path) as store:
        made(store.keep("a", {"data": 1}, 10, parts))
        (array,), (entry,) = tmp_path.glob("a-*.npy"), tmp_path.glob("a-*.json")
        if damage == "json":
            entry.write_text("{")
        if damage == "array":
            array.write_bytes(array.read_bytes()[:-1] + b"\7")
        if damage == "short":
            array.write_bytes(array.read_bytes()[:-8])
        key = {"data": 2 if damage == "key" else 1}
        with pytest.raises(AssertionError, match="made although"):
            made(store.keep("a", key, 10, never))
        assert made(store.keep("a", key, 10, parts)).value.tolist() == ROWS.tolist()


def test_a_making_that_was_stopped_leaves_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        steps = store.keep("a", {}, 10, parts)
        next(steps)
        steps.close()
        assert not list(tmp_path.glob("a-*"))
        with pytest.raises(ValueError, match="a made 4 of 10 rows"):
            made(store.keep("a", {}, 10, lambda: iter([ROWS[:4]])))
        assert not list(tmp_path.glob("a-*"))


def test_scratch_files_go_when_the_store_is_closed(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        writer = store.writer("x", 10)
        for part in parts():
            writer.add(part)
        with store.inner() as inner:
            further = inner.writer("x", 3)
            further.add(ROWS[:2])
            assert further.close().tolist() == ROWS[:2].tolist()  # fewer rows than announced
        assert writer.close().tolist() == ROWS.tolist()
        assert len(list(tmp_path.rglob("*.npy"))) == 1
    assert not list(tmp_path.rglob("*"))


def test_what_a_killed_process_left_is_deleted_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"scratch-{gone.pid}-a", f"scratch-{os.getpid()}-b", "scratch-of-somebody", "x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "v.npy").touch()
    with open_store(tmp_path):
        pass
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([f"scratch-{os.getpid()}-b", "scratch-of-somebody", "x"])


def test_an_older_file_of_the_name_stays_readable(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        before = filled(store, ROWS)
        after = filled(store, ROWS + 1)
        assert (before.tolist(), after.tolist()) == (ROWS.tolist(), (ROWS + 1).tolist())


def filled(store: Store, rows: Array) -> Array:
    writer = store.writer("same", len(rows))
    writer.add(rows)
    return writer.close()


def test_nothing_is_an_empty_array(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        assert len(store.writer("x", 5).close()) == 0


def test_a_hash_speaks_of_type_shape_and_content() -> None:
    same = array_sha256(ROWS.copy())
    assert same == array_sha256(ROWS)
    others: list[Array] = [ROWS.reshape(5, 4), ROWS.astype(np.float64), ROWS + 1]
    assert len({same, *(array_sha256(one) for one in others)}) == 4
