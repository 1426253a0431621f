"""Kill workers, actors and drivers of builds at random instants, and look what is left.

    PYTHONPATH=. python experiments/cluster/kills.py KIND KILLS SEED

KIND is `process` or `actor` (a worker of a build that goes on), `driver` or `ray-driver` (the build
itself, typed again until it is finished). Prints a line of JSON: how many were killed, whether the
collection holds every image once, byte for byte as a build without workers makes it, and how many
blocks were begun more than once.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.cluster.small import Small
from retrieval.collection import builder
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from retrieval.collection.workers import opening, ray_actors
from retrieval.collection.workers.block import Block, EmbeddedBlock
from retrieval.collection.workers.opening import Workers

BATCH, IMAGES, WORKERS = 8, 400, 2
LONGEST_S = 6.0  # between a start and a kill, at most
BEGUN = "MINDSEYE_KILLS_BEGUN"


def watched(worker: Any, begun: Path) -> Any:  # noqa: ANN401  a worker of either kind
    """Note each block that a worker begins with, in a file."""
    embed = worker.embed

    def noted(block: Block, limit_s: float) -> EmbeddedBlock:
        with begun.open("a", encoding="utf-8") as file:
            file.write(f"{block[0][0].face.name}\n")
        made: EmbeddedBlock = embed(block, limit_s)
        return made

    worker.embed = noted
    return worker


def watch_all(begun: Path, alive: list[Any]) -> None:
    """Let every worker that is started be watched, and listed."""
    for module, name in ((opening, "ProcessWorker"), (ray_actors, "RayWorker")):
        made = getattr(module, name)

        def start(*given: Any, made: Any = made) -> Any:  # noqa: ANN401  likewise
            alive.append(watched(made(*given), begun))
            return alive[-1]

        setattr(module, name, start)


def kill_worker(alive: list[Any]) -> None:
    """End some worker's process by SIGKILL; it is no longer listed."""
    worker = alive.pop(random.randrange(len(alive)))  # noqa: S311  no secret
    worker.stop()


def killing(kills: int, kill: Callable[[], None], is_over: threading.Event) -> threading.Thread:
    """Start a thread that kills now and then; return it."""

    def work() -> None:
        left = kills
        while left and not is_over.wait(random.uniform(0.2, LONGEST_S)):  # noqa: S311
            try:
                kill()
            except ValueError:  # none was alive
                continue
            left -= 1

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def kill_workers(small: Small, place: Path, begun: Path, kind: str, kills: int) -> int:
    """Build again and again while workers are killed, until so many were; return how many."""
    alive: list[Any] = []
    killed = 0

    def kill() -> None:
        nonlocal killed
        kill_worker(alive)
        killed += 1

    watch_all(begun, alive)
    asked = Workers(count=WORKERS, ray=None if kind == "process" else "auto")
    if kind != "process":
        ray_actors.connect(Workers(count=WORKERS, ray="local"))
    for number in count(1):
        is_over = threading.Event()
        thread = killing(kills - killed, kill, is_over)
        small.build(place / f"made-{number}", asked)
        is_over.set()
        thread.join()
        alive.clear()
        if killed >= kills:
            return killed
    raise AssertionError


def kill_drivers(small: Small, place: Path, begun: Path, kind: str, kills: int) -> int:
    """Start builds and kill them, so many times, then let one end; return how many were killed."""
    killed, root = 0, place / "made-1"
    command = [sys.executable, __file__, "build", str(small.photos.parent), str(root), kind]
    while True:
        process = subprocess.Popen(  # noqa: S603  ourselves
            command, env={**os.environ, BEGUN: str(begun)}
        )
        if killed == kills:
            process.wait()
            return killed
        before = size(begun)
        while size(begun) == before and process.poll() is None:
            time.sleep(0.05)
        time.sleep(random.uniform(0, LONGEST_S / 2))  # noqa: S311
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        if process.returncode == 0:
            return killed


def size(path: Path) -> int:
    """Return how many blocks were begun."""
    return len(path.read_text("utf-8").splitlines()) if path.exists() else 0


def outcome(root: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Return what verify finds wrong, and the hashes of all shards."""
    collection = Collection.open(root)
    steps = verify(collection)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        wrong = [str(one) for one in end.value]
    (space,) = collection.catalogue.spaces.all()
    shards = collection.catalogue.spaces.shards(space.id)
    counts = collection.catalogue.spaces.state_counts(space.id)
    collection.close()
    if counts["indexed"] != IMAGES:
        wrong.append(f"{counts}")
    return wrong, sorted((one.ids_sha256, one.embeddings_sha256) for one in shards)


def main() -> None:
    """Kill, and print what is left."""
    builder.BATCH = BATCH
    if sys.argv[1] == "build":
        photos, root, kind = sys.argv[2:]
        watch_all(Path(os.environ[BEGUN]), [])
        workers = Workers(count=WORKERS, ray=None if kind == "driver" else "local")
        Small.make(Path(photos), 0).build(Path(root), workers)
        return
    kind, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        small, begun = Small.make(place, IMAGES), place / "begun"
        small.build(place / "expected", None)
        how = kill_drivers if kind.endswith("driver") else kill_workers
        killed = how(small, place, begun, kind, kills)
        expected = outcome(place / "expected")[1]
        made = [outcome(root) for root in sorted(place.glob("made-*"))]
        again = size(begun) - len(made) * IMAGES // BATCH
        told = {
            "kind": kind,
            "killed": killed,
            "builds": len(made),
            "wrong": [what for wrong, _ in made for what in wrong],
            "same_bytes": all(shards == expected for _, shards in made),
            "blocks": len(made) * IMAGES // BATCH,
            "begun_again": again,
            "at_most": killed * (WORKERS if kind.endswith("driver") else 1),
        }
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
