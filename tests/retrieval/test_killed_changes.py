"""A change that is killed and made again ends as one that was not killed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from retrieval.collection import builder
from tests.retrieval.changes import CHANGES, FEW, fill

DRIVER = Path(__file__).with_name("killed_changes.py")
ROOT = Path(__file__).parents[2]
# Kinds of instants that each change must have been killed at.
WRITES = {
    "build": {"open .tmp", "os.rename .npy", "COMMIT after INSERT"},
    "add": {"open .tmp", "os.rename .npy", "COMMIT after INSERT"},
    "remove": {"COMMIT after UPDATE"},
    "compact": {"open .tmp", "os.rename .npy", "os.remove .npy", "COMMIT after DELETE"},
    "export": {"open .tmp", "os.rename packed.tar.tmp"},
    "import": {"open .npy", "open .db", "os.rename .collection.importing"},
}


@pytest.fixture
def folder(tmp_path: Path, pose_weights: Path, photograph: Callable[..., Path]) -> Iterator[Path]:
    """In memory where there is such a place: the process is killed, not the machine."""
    memory = Path("/dev/shm")  # noqa: S108
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        fill(Path(name), pose_weights.with_suffix(".json"), photograph)
        yield Path(name)


@pytest.fixture
def doubled_folder(folder: Path, pose_weights: Path, photograph: Callable[..., Path]) -> Path:
    """Where some images have second hypotheses."""
    inner = folder / "doubled"
    inner.mkdir()
    fill(inner, pose_weights.with_suffix(".json"), photograph, doubled=True)
    return inner


def kill_again_and_again(folder: Path, change: str, which: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), change, which],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["wrong"] == [], done.stderr
    for ids in told["result"]["ids"]:
        assert len(ids) == len(set(ids)) == told["result"]["states"]["indexed"]
    return told


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_killed_before_a_write_of_any_kind_ends_as_if_nothing_had_happened(
    folder: Path, change: str
) -> None:
    told = kill_again_and_again(folder, change, "some")
    for kind in WRITES[change]:
        assert any(label.startswith(kind) for label in told["instants"]), told["instants"]


@pytest.mark.parametrize("change", ["add", "compact"])
def test_a_killed_change_leaves_no_image_with_half_of_its_vectors(
    doubled_folder: Path, change: str
) -> None:
    told = kill_again_and_again(doubled_folder, change, "some")
    for kind in WRITES[change]:
        assert any(label.startswith(kind) for label in told["instants"]), told["instants"]
    rows = told["result"]["rows"]
    indexed = [row for row in rows["placement"] if "'indexed'" in row]
    doubled = [row for row in indexed if row.count('"pose"') == 2]
    assert 0 < len(doubled) < len(indexed)
    vectors = sum(int(row.split(", ")[2]) for row in rows["shard"])
    assert vectors >= len(indexed) + len(doubled)  # those of removed images are there until then
    assert (vectors == len(indexed) + len(doubled)) or change != "compact"


def test_a_build_leaves_what_it_should(folder: Path) -> None:
    rows = kill_again_and_again(folder, "build", "0")["result"]["rows"]
    assert {name: len(rows[name]) for name in ("image", "file", "placement", "space", "shard")} == {
        "image": 8,
        "file": 10,
        "placement": 8,
        "space": 1,
        "shard": 3,
    }


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_killed_before_any_write_ends_as_if_nothing_had_happened(
    folder: Path, change: str
) -> None:
    assert len(kill_again_and_again(folder, change, "all")["instants"]) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "times"), [("build", "80"), ("add", "40"), ("compact", "50"), ("import", "30")]
)
def test_a_change_killed_at_random_instants_ends_as_if_nothing_had_happened(
    folder: Path, change: str, times: str
) -> None:
    assert kill_again_and_again(folder, change, times)["instants"] > int(times) // 2


def test_the_small_batches_of_these_tests_are_theirs_alone() -> None:
    assert builder.BATCH > 10 * FEW
