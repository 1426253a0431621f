"""Workers that are actors of a Ray cluster: one on each processor, or one on each GPU.

An actor is started once. Where it is lost, the pool starts another one: Ray itself may wait for
ever for an actor of a fixed pool that nobody replaces (ray-project/ray #62746).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from gallery.errors import ConfigError
from retrieval.collection.workers.block import Block, EmbeddedBlock
from retrieval.collection.workers.opening import Workers
from retrieval.collection.workers.pool import NoWorkerError, WorkerLostError
from retrieval.collection.workers.recipe import BlockWorker, WorkerRecipe, prepare_process

START_S = 300.0  # that an actor may take until it answers
OBJECTS_BYTES = 256 * 2**20  # of a cluster of our own: blocks are small
PATIENT = {"health_check_timeout_ms": 60_000, "health_check_failure_threshold": 10}


class Actor:
    """What lives in an actor's process."""

    def open(self, recipe: WorkerRecipe) -> bool:
        """Open the weights; return whether the files of the build can be read here."""
        prepare_process(recipe)
        self._worker = BlockWorker(recipe)
        return self._worker.sees_images

    def embed(self, block: Block) -> EmbeddedBlock:
        """Read, decode, cut out, redraw and embed."""
        return self._worker.embed(block)


class RayWorker:
    """An actor.

    Attributes:
        sees_images: Whether it can read the files of the build; known when it is open.
    """

    sees_images = False

    def __init__(self, ray: Any, recipe: Any, resources: dict[str, float]) -> None:  # noqa: ANN401
        """Ask for it.

        Args:
            ray: The module.
            recipe: Reference to a `WorkerRecipe` in Ray's store.
            resources: What it needs: num_cpus, num_gpus.
        """
        self._ray = ray
        self._recipe = recipe
        made = ray.remote(Actor).options(max_restarts=0, max_task_retries=0, **resources)
        self._actor = made.remote()

    def open(self) -> None:
        """Wait until it is ready; see `Worker.open`."""
        try:
            self.sees_images = bool(self._get(self._actor.open.remote(self._recipe), START_S))
        except TimeoutError:
            raise NoWorkerError(
                f"No worker could be started within {START_S:.0f} s: {self._room()}"
            ) from None

    def _room(self) -> str:
        """Say what the cluster has."""
        try:
            every, free = self._ray.cluster_resources(), self._ray.available_resources()
        except Exception as error:  # noqa: BLE001  whatever Ray raises where its head is away
            return f"the cluster does not answer ({_brief(error)})"
        return (
            f"the cluster has {every.get('CPU', 0):g} CPUs and {every.get('GPU', 0):g} GPUs, of"
            f" which {free.get('CPU', 0):g} and {free.get('GPU', 0):g} are free"
        )

    def embed(self, block: Block, limit_s: float) -> EmbeddedBlock:
        """Embed a block; see `Worker.embed`."""
        try:
            made: EmbeddedBlock = self._get(self._actor.embed.remote(block), limit_s)
        except TimeoutError:
            raise WorkerLostError(f"it had not ended after {limit_s:.0f} s") from None
        return made

    def stop(self) -> None:
        """End it, now."""
        with suppress(Exception):  # the cluster may be gone
            self._ray.kill(self._actor)

    def _get(self, reference: Any, limit_s: float) -> Any:  # noqa: ANN401  as it is asked
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference, timeout=limit_s)
        except errors.GetTimeoutError:
            raise TimeoutError from None
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:
            if "No module named" in str(error):
                raise ConfigError(
                    "A machine of the cluster has no mindseye, or not all that it needs; install"
                    f" the same one on every machine ({_brief(error)})"
                ) from error
            raise WorkerLostError(_brief(error)) from None


def _brief(error: Exception) -> str:
    """Say in a line what Ray says in many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    missing = [line for line in lines if "No module named" in line]
    first = (missing or lines or [""])[0]
    return f"{type(error).__name__}: {first}"[:200]


@contextmanager
def actors(asked: Workers, recipe: WorkerRecipe) -> Iterator[tuple[int, Callable[[], RayWorker]]]:
    """Connect with a cluster, or make one; yield how many workers, and what starts one.

    A cluster that the caller is connected with already is used, and left as it is.

    Raises:
        ConfigError: Ray is not installed, there is no such cluster, or it has no room.
    """
    ray, own = connect(asked)
    try:
        resources, count = share(ray.cluster_resources(), asked)
        device = "cuda" if "num_gpus" in resources else "cpu"
        given = ray.put(replace(recipe, device=device))
        yield count, lambda: RayWorker(ray, given, resources)
    finally:
        if own:
            ray.shutdown()


def load() -> Any:  # noqa: ANN401  a module without types
    """Return Ray's module; it reports nothing to its makers.

    Raises:
        ConfigError: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray reports to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of that
    try:
        import ray  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise ConfigError(
            '--ray needs Ray: pip install "mindseye[ray]", on every machine of the cluster'
        ) from None
    return ray


def connect(asked: Workers) -> tuple[Any, bool]:
    """Connect with a cluster, or make one, unless that is done.

    Returns:
        Ray's module, and whether the connection is ours to end.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    ray = load()
    if ray.is_initialized():
        return ray, False
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if asked.ray == "local":
        ray.init(
            address="local",
            num_cpus=asked.count or os.cpu_count() or 1,
            include_dashboard=False,
            object_store_memory=OBJECTS_BYTES,
            _system_config=PATIENT,
            **quiet,
        )
        return ray, True
    try:
        ray.init(address=asked.ray, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).strip().partition("\n")[0][:200]
        raise ConfigError(
            f"There is no Ray cluster at {asked.ray!r} ({why}). Start one with `ray start --head`,"
            " or say --ray local for one of this machine alone"
        ) from error
    return ray, True


def share(cluster: dict[str, float], asked: Workers) -> tuple[dict[str, float], int]:
    """Return what a worker needs of a cluster, and how many workers there are.

    Raises:
        ConfigError: It has no GPU that was asked for, or nothing to work with.
    """
    gpus, cpus = int(cluster.get("GPU", 0)), int(cluster.get("CPU", 0))
    if gpus and asked.device != "cpu":
        return {"num_cpus": 1, "num_gpus": 1}, asked.count or gpus
    if asked.device.startswith("cuda"):
        raise ConfigError("The cluster has no GPU; say --device cpu")
    if not cpus:
        raise ConfigError("The cluster has neither a CPU nor a GPU to work with")
    return {"num_cpus": 1}, asked.count or cpus
