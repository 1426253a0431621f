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
