"""Kill workers, nodes and drivers of builds, and databases, at random; see what is left.

    PYTHONPATH=. python experiments/cluster/kills.py KIND KILLS SEED [IMAGES]

KIND is `process`, `actor` or `node` (a worker, or a whole node of a Ray cluster, of a build that
goes on), `driver` or `ray-driver` (the build itself, typed again until it is finished), `backend`
or `server` (the process that serves a connection of PostgreSQL, or all of PostgreSQL, which is
started again; the build says so in a line, and is typed again). Prints a line of JSON: how many
were killed, what is wrong (each image is there once, byte for byte as a build without workers
makes it), and how many blocks were begun more than once.
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
from hashlib import sha256
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from experiments.cluster.nodes import Nodes
from experiments.cluster.server import Server
from experiments.cluster.small import Small
from gallery.errors import UserError
from retrieval.collection import builder
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from retrieval.collection.workers import opening, ray_actors
from retrieval.collection.workers.block import Block, EmbeddedBlock, GalleryEmbedder
from retrieval.collection.workers.opening import Workers
from retrieval.search.live import open_live

BATCH, WORKERS = 8, 2
IMAGES = 400  # a multiple of BATCH
LONGEST_S = 6.0  # between a start and a kill, at most
BEGUN = "MINDSEYE_KILLS_BEGUN"
BUILT_BY_ITSELF = 2  # blocks that a build without workers has in hand: one drawn, one read


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
    if kind == "actor":
        ray_actors.connect(Workers(count=WORKERS, ray="local"))
    nodes = Nodes(WORKERS) if kind == "node" else None
    for number in count(1):
        is_over = threading.Event()
        thread = killing(kills - killed, kill if nodes is None else nodes.kill, is_over)
        small.build(place / f"made-{number}", asked)
        is_over.set()
        thread.join()
        alive.clear()
        killed = killed if nodes is None else nodes.killed
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


def kill_databases(
    small: Small, place: Path, begun: Path, kind: str, kills: int
) -> tuple[int, list[str]]:
    """Build while PostgreSQL is killed; type it again until so many were; return what is wrong."""
    embed, killed, wrong, waited = GalleryEmbedder.embed, 0, [], threading.Event()

    def noted(self: GalleryEmbedder, found: Any) -> EmbeddedBlock:  # noqa: ANN401  as it is
        with begun.open("a", encoding="utf-8") as file:
            file.write("block\n")
        return embed(self, found)

    GalleryEmbedder.embed = noted  # type: ignore[method-assign]
    expected = vectors_by_content(place / "expected", None)
    begun.unlink(missing_ok=True)
    with Server.started() as server:
        for number in count(1):
            root, url, is_over = place / f"made-{number}", server.database(), threading.Event()

            def kill(url: str = url) -> None:
                nonlocal killed
                server.kill_backend(url) if kind == "backend" else server.kill()
                killed += 1

            thread = killing(kills - killed, kill, is_over)
            for _ in count():
                try:
                    small.build(root, None, url)
                    break
                except UserError as error:  # one line, and the build is typed again
                    wrong += [str(error)] if "\n" in str(error) else []
                    waited.wait(0.2)
            is_over.set()
            thread.join()
            made = vectors_by_content(root, url)
            wrong += [] if made == expected else [f"{number}: {len(made)} vectors, or others"]
            wrong += outcome(root, len(expected))[0]
            if killed >= kills:
                return killed, wrong
    raise AssertionError


def vectors_by_content(root: Path, at: str | None) -> dict[str, list[str]]:
    """Return the hashes of the vectors of each image, by the SHA-256 of its bytes."""
    collection = Collection.open_or_create(root, engine=at)
    (space,) = collection.catalogue.spaces.all()
    rows = collection.catalogue.images.rows(
        space.id, collection.catalogue.spaces.placed_ids(space.id, "indexed")
    )
    live = open_live(collection, space, collection.contract(space), "cpu")
    stored = live.stored(np.array(sorted(rows), dtype=np.int64))
    found: dict[str, list[str]] = {}
    for image, vector in zip(stored.ids.tolist(), stored.vectors, strict=True):
        found.setdefault(rows[image].sha256, []).append(sha256(vector.tobytes()).hexdigest())
    collection.close()
    return found


def outcome(root: Path, images: int) -> tuple[list[str], list[tuple[str, str]]]:
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
    if counts["indexed"] != images:
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
    images = int(sys.argv[4]) if len(sys.argv) > 4 else IMAGES
    random.seed(seed)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        small, begun = Small.make(place, images), place / "begun"
        small.build(place / "expected", None)
        if kind in {"backend", "server"}:
            killed, wrong = kill_databases(small, place, begun, kind, kills)
            in_hand = BUILT_BY_ITSELF
        else:
            how = kill_drivers if kind.endswith("driver") else kill_workers
            killed = how(small, place, begun, kind, kills)
            in_hand = WORKERS if kind.endswith("driver") else 1
            expected = outcome(place / "expected", images)[1]
            made = [outcome(root, images) for root in sorted(place.glob("made-*"))]
            wrong = [what for found, _ in made for what in found]
            wrong += [f"other bytes: {n}" for n, (_, s) in enumerate(made, 1) if s != expected]
        blocks = len(list(place.glob("made-*"))) * images // BATCH
        told = {
            "kind": kind,
            "killed": killed,
            "builds": len(list(place.glob("made-*"))),
            "wrong": wrong,
            "blocks": blocks,
            "begun_again": size(begun) - blocks,
            "at_most": killed * in_hand,
        }
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
