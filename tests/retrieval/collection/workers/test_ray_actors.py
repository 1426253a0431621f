"""Workers that are actors of a Ray cluster; the cluster is one of this machine, and our own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import ConfigError, UserError
from retrieval.collection.workers import ray_actors
from retrieval.collection.workers.opening import Workers
from retrieval.collection.workers.recipe import WorkerRecipe
from tests.retrieval.collection.workers.place import BATCH, Place, shards

ray = pytest.importorskip("ray", reason='needs Ray: pip install "mindseye[ray]"')
pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one node with two CPUs, that no other test shares."""
    ray_actors.connect(Workers(count=2, ray="local"))
    yield ray
    ray.shutdown()


def test_a_killed_actor_is_replaced_and_nothing_is_lost(
    cluster: Any, place: Place, expected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ray_actors.RayWorker] = []

    class Recorded(ray_actors.RayWorker):
        def __init__(self, module: Any, recipe: WorkerRecipe, resources: dict[str, float]) -> None:
            super().__init__(module, recipe, resources)
            made.append(self)

        def open(self) -> None:
            super().open()
            if self is made[0]:
                self.stop()  # before its first block is embedded

    monkeypatch.setattr(ray_actors, "RayWorker", Recorded)
    last = place.build(tmp_path / "made", Workers(count=1, ray="auto"))
    assert (last.indexed, last.skipped) == (12, 0)
    assert len(made) == 2
    assert all(worker.sees_images for worker in made)
    assert shards(tmp_path / "made") == shards(expected)
    assert cluster.is_initialized()  # a cluster of the caller's is left as it is


def test_a_worker_that_cannot_be_made_says_why(
    cluster: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.is_initialized()
    monkeypatch.setattr("retrieval.collection.workers.opening.own_version", lambda: "0.0.1")
    with pytest.raises(UserError, match=r"the build 0\.0\.1; install the same one"):
        place.build(tmp_path / "made", Workers(count=1, ray="auto"))


def test_a_cluster_without_room_is_named(
    cluster: Any, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.is_initialized()
    monkeypatch.setattr(ray_actors, "START_S", 1.0)
    monkeypatch.setattr(ray_actors, "share", lambda *_: ({"num_cpus": 64}, 1))
    with pytest.raises(UserError, match=r"within 1 s: the cluster has 2 CPUs and 0 GPUs"):
        place.build(tmp_path / "made", Workers(count=1, ray="auto"))


@pytest.mark.slow
def test_a_killed_driver_goes_on(place: Place, expected: Path, tmp_path: Path) -> None:
    root = tmp_path / "made"
    arguments = [str(place.photos), str(place.weights), str(root), "1", "local"]
    killed = subprocess.run(
        [sys.executable, "-m", "tests.retrieval.collection.workers.place", *arguments],
        check=False,
        timeout=600,
    )
    assert killed.returncode == -9
    last = place.build(root)
    assert (last.indexed, last.known) == (12 - BATCH, BATCH)
    assert shards(root) == shards(expected)


@pytest.mark.parametrize(
    ("has", "device", "count", "share"),
    [
        ({"CPU": 8.0}, "auto", None, ({"num_cpus": 1}, 8)),
        ({"CPU": 8.0}, "cpu", 3, ({"num_cpus": 1}, 3)),
        ({"CPU": 8.0, "GPU": 2.0}, "auto", None, ({"num_cpus": 1, "num_gpus": 1}, 2)),
        ({"CPU": 8.0, "GPU": 2.0}, "cpu", None, ({"num_cpus": 1}, 8)),
        ({"CPU": 8.0, "GPU": 2.0}, "cuda", 1, ({"num_cpus": 1, "num_gpus": 1}, 1)),
    ],
)
def test_gpus_are_taken_where_there_are_some(
    has: dict[str, float], device: str, count: int | None, share: tuple[dict[str, float], int]
) -> None:
    asked = Workers(count=count, ray="auto", device=device)
    assert ray_actors.share(has, asked) == share


def test_a_gpu_that_is_not_there_is_not_waited_for() -> None:
    with pytest.raises(ConfigError, match="has no GPU"):
        ray_actors.share({"CPU": 8.0}, Workers(ray="auto", device="cuda"))
