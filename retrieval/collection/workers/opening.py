"""Which workers a build is given to: as the user asks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gallery.errors import ConfigError
from gallery.faces import FaceSet
from generator.student.seeing import student_path
from index.contract import IndexContract
from retrieval.collection.workers.block import GalleryEmbedder
from retrieval.collection.workers.pool import WorkerPool
from retrieval.collection.workers.processes import ProcessWorker
from retrieval.collection.workers.recipe import WorkerRecipe, own_version
from retrieval.collection.workers.shipping import Shipping

MOST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Which workers embed the images of a build.

    Attributes:
        count: How many; None for one on each processor or GPU of a cluster.
        ray: The cluster that they are actors of: "local", "auto" or an address; None for processes
            of this machine.
        device: As the user said: "auto", "cpu" or "cuda".
    """

    count: int | None = None
    ray: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.count is not None and not 1 <= self.count <= MOST:
            raise ConfigError(f"--workers takes a number from 1 to {MOST}, got {self.count}")
        if self.count is None and self.ray is None:
            raise ConfigError("Say how many workers, or which cluster")
        if self.ray is not None and not self.ray.strip():
            raise ConfigError("--ray takes local, auto or an address like 10.0.0.1:6379")


def workers_asked(count: int | None, ray: str | None, device: str) -> Workers | None:
    """Return the workers that a user asks for; None where this process does everything."""
    if count is None and ray is None:
        return None
    return Workers(count=count, ray=ray, device=device)


@contextmanager
def open_pool(
    asked: Workers,
    embedder: GalleryEmbedder,
    contract: IndexContract,
    weights: Path,
    faces: FaceSet,
) -> Iterator[WorkerPool]:
    """Open the workers of a build.

    Args:
        asked: Which.
        embedder: How this process would embed.
        contract: Of the space.
        weights: The space's own copy.
        faces: What is built.

    Raises:
        ConfigError: Ray is not installed, or there is no such cluster.
    """
    shipping = Shipping(faces)
    recipe = WorkerRecipe(
        weights=weights.read_bytes(),
        card=weights.with_suffix(".json").read_bytes(),
        contract=contract,
        rule=embedder.rule,
        runtime=f"{embedder.engine.runtime}, {embedder.engine.precision}",
        device=embedder.engine.on,
        threads=1,
        images=len(faces),
        root=faces.root.absolute(),
        witness=shipping.witness,
        version=own_version(),
        student=student_path(weights).read_bytes() if embedder.rule.asks_student else None,
    )
    if asked.ray is None:
        count = asked.count or os.cpu_count() or 1
        with WorkerPool(count, partial(ProcessWorker, recipe), shipping) as pool:
            yield pool
        return
    from retrieval.collection.workers.ray_actors import actors  # noqa: PLC0415  seconds

    with actors(asked, recipe) as (count, start), WorkerPool(count, start, shipping) as pool:
        yield pool
