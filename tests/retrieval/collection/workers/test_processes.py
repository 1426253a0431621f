"""Workers that are processes: the same bytes; nothing is lost when they or a build are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.collection.verify import verify
from retrieval.collection.workers import opening
from retrieval.collection.workers.opening import Workers
from retrieval.collection.workers.processes import ProcessWorker
from retrieval.collection.workers.recipe import WorkerRecipe
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.collection.workers.place import BATCH, Place, opened, shards
from tests.running import Mindseye, one_line_error


def test_a_killed_process_is_replaced_and_nothing_is_lost(
    place: Place, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ProcessWorker] = []

    def start(recipe: WorkerRecipe) -> ProcessWorker:
        made.append(ProcessWorker(recipe))
        if len(made) == 1:
            os.kill(made[0].pid, signal.SIGKILL)  # before its first block is embedded
        return made[-1]

    monkeypatch.setattr(opening, "ProcessWorker", start)
    assert place.build(tmp_path / "made", Workers(count=1)).indexed == 12
    assert len(made) == 2
    assert shards(tmp_path / "made") == shards(expected)
    for worker in made:
        with pytest.raises(ProcessLookupError):
            os.kill(worker.pid, 0)


def test_the_command_says_the_same_with_workers_and_without(
    mindseye: Mindseye, place: Place, tmp_path: Path
) -> None:
    (place.photos / "07.png").write_bytes(b"no picture")
    build = ("index", "build", f"folder:{place.photos}", "--weights", place.weights, "--json")
    here = mindseye(*build, "--collection", tmp_path / "here")
    there = mindseye(*build, "--collection", tmp_path / "there", "--workers", "1")
    assert there.json == here.json
    assert there.json["spaces"][0]["indexed"] == 11
    assert shards(tmp_path / "there") == shards(tmp_path / "here")
    refused = mindseye(*build, "--collection", tmp_path / "none", "--workers", "0")
    assert "--workers takes a number from 1" in one_line_error(refused)
    assert not (tmp_path / "none").exists()


def test_a_killed_build_goes_on(place: Place, expected: Path, tmp_path: Path) -> None:
    root = tmp_path / "made"
    arguments = [str(place.photos), str(place.weights), str(root), "1", "-"]
    killed = subprocess.run(
        [sys.executable, "-m", "tests.retrieval.collection.workers.place", *arguments],
        check=False,
        timeout=600,
    )
    assert killed.returncode == -signal.SIGKILL
    with opened(root) as collection:
        (space,) = collection.catalogue.spaces.all()
        kept = collection.catalogue.spaces.state_counts(space.id)["indexed"]
    assert kept == BATCH
    last = place.build(root)
    assert (last.indexed, last.known) == (12 - BATCH, BATCH)
    assert shards(root) == shards(expected)
    with opened(root) as collection:
        assert finished(verify(collection)) == []
