"""Workers that are actors of a Ray cluster; the cluster is one of this machine, and our own."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gallery.errors import ConfigError, UserError
from retrieval.collection.workers import ray_actors
from retrieval.collection.workers.block import Block, EmbeddedBlock
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


SMALL = {"object_store_memory": 80 * 2**20, "include_dashboard": False}


@pytest.fixture
def nodes() -> Iterator[tuple[Any, list[Any]]]:
    """A cluster: a head that works nothing, and two nodes of one CPU."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415  an extra

    ray.shutdown()  # that of the other tests
    head = {"num_cpus": 0, "_system_config": ray_actors.PATIENT, **SMALL}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        made = [cluster.add_node(num_cpus=1, **SMALL) for _ in range(2)]
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster, made
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.slow
def test_a_build_goes_on_without_a_lost_node_and_ends_without_any(
    nodes: tuple[Any, list[Any]],
    place: Place,
    expected: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, left = nodes
    both, embed = threading.Barrier(2, timeout=120), ray_actors.RayWorker.embed

    def lose_one(worker: ray_actors.RayWorker, block: Block, limit_s: float) -> EmbeddedBlock:
        if len(left) == 2 and both.wait() == 0:
            cluster.remove_node(left.pop(), allow_graceful=False)
        return embed(worker, block, limit_s)

    asked = Workers(count=2, ray="auto")
    with monkeypatch.context() as patch:
        patch.setattr(ray_actors.RayWorker, "embed", lose_one)
        assert place.build(tmp_path / "made", asked).indexed == 12
    assert shards(tmp_path / "made") == shards(expected)
    cluster.remove_node(left.pop(), allow_graceful=False)
    with monkeypatch.context() as patch:
        patch.setattr(ray_actors, "START_S", 10.0)
        with pytest.raises(UserError, match=r"within 10 s.*What was finished is kept.*build again"):
            place.build(tmp_path / "later", asked)
    cluster.add_node(num_cpus=1, **SMALL)
    assert place.build(tmp_path / "later", asked).indexed == 12
    assert shards(tmp_path / "later") == shards(expected)


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
