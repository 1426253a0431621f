"""Two writers and four readers of one collection in PostgreSQL; print a line of JSON.

    OMP_NUM_THREADS=1 PYTHONPATH=. python experiments/cluster/together.py --seconds 60

Each is a process of its own, as on six machines. Writers add made-up vectors, offer some again that
were removed, remove one in three images by hand, and publish now and then. When a removal has been
committed, its image is written to a file. A reader looks first which images that file names, then
asks with the very vector of one of them, which would be the best answer, and then with one that is
there: no image that was named before may be among its ten answers. Any error ends its process, and
counts. At the end the database is compared with its catalogue.
"""

import argparse
import hashlib
import json
import multiprocessing
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from experiments.cluster.server import Server
from gallery.catalogue.records import FileRecord
from index.base import Vectors
from index.contract import IndexContract
from index.kinds import Request
from retrieval.collection.bulk import EmbeddedImages, add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish
from retrieval.search.live import open_live

NAME, LONG, TEN = "made-up", 128, 10
AT_FIRST, PORTION, REMOVED = 2000, 60, 20
WRITERS, READERS = 2, 4
PATIENCE_S = 600  # until all have begun
Begin = Callable[[], float]  # waits until all are ready; says until when to work
CONTRACT = IndexContract(
    extractor="experiments/cluster/together.py",
    weights_sha256="00" * 32,
    attribute_space=(("pose", ("0",)),),
    aligner="none",
    canonicalisation="none",
    projection="none",
    dimension=LONG,
)


def vector(number: int) -> Vectors:
    """Return the vector of an image, (D,): of unit length, the same whenever it is asked."""
    made = np.random.default_rng(number).standard_normal(LONG).astype(np.float32)
    unit: Vectors = made / np.linalg.norm(made)
    return unit


def content(number: int) -> str:
    """Return the SHA-256 of the bytes of an image."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def add(collection: Collection, numbers: list[int]) -> None:
    """Add images."""
    offers = tuple(FileRecord(f"/{number}", content(number)) for number in numbers)
    rows = np.stack([vector(number) for number in numbers])
    list(add_embedded(collection, NAME, CONTRACT, [EmbeddedImages(offers, rows)]))


def write(place: Path, url: str, own: int, begin: Begin) -> dict[str, Any]:
    """Add, offer again, remove, publish."""
    done = {"added": 0, "removed": 0, "offered_again": 0, "published": 0}
    collection, there, gone = Collection.open_or_create(place, engine=url), [], []
    number, until = 1_000_000 * (own + 1), begin()
    while time.monotonic() < until:
        numbers = list(range(number, number + PORTION))
        again = random.sample(gone, min(5, len(gone)))
        add(collection, numbers + again)
        there, number = there + numbers, number + PORTION
        chosen = random.sample(there, REMOVED)
        images = collection.catalogue.images.holding([content(one) for one in chosen])
        collection.catalogue.images.remove(sorted(images.values()))
        with (place.parent / "removed").open("a", encoding="ascii") as file:
            file.writelines(f"{images[content(one)]} {one}\n" for one in chosen)
        there, gone = [one for one in there if one not in set(chosen)], gone + chosen
        done["added"] += PORTION
        done["removed"] += REMOVED
        done["offered_again"] += len(again)
        if number % (20 * PORTION) == 0:
            publish(collection, NAME, Request(kind="hnsw"))
            done["published"] += 1
    collection.close()
    return done


def read(place: Path, url: str, own: int, begin: Begin) -> dict[str, Any]:
    """Search; count answers that had been removed before they were asked for."""
    random.seed(own)
    collection, wrong, short, times = Collection.open_or_create(place, engine=url), 0, 0, []
    live = open_live(collection, collection.catalogue.spaces.get(NAME), CONTRACT, "cpu")
    named, gone, read_so_far, until = [], set(), 0, begin()
    while time.monotonic() < until:
        with (place.parent / "removed").open(encoding="ascii") as file:
            file.seek(read_so_far)
            whole = file.read().rpartition("\n")[0]
        for line in whole.splitlines():
            image, number = line.split()
            gone.add(int(image))
            named.append(int(number))
        read_so_far += len(whole) + bool(whole)
        number = random.choice([*named[-200:], random.randrange(AT_FIRST)])  # noqa: S311
        began = time.perf_counter()
        found = live.find(vector(number)[None], TEN).ids[0].tolist()
        live.stored(np.array(sorted(found)))
        times.append(1000 * (time.perf_counter() - began))
        wrong += len(gone.intersection(found))
        short += len(found) < TEN
    collection.close()
    p50, p95 = np.percentile(times, [50, 95]).round(1).tolist()
    return {"searches": len(times), "removed_found": wrong, "short": short, "p50": p50, "p95": p95}


def work(does: Callable[..., dict[str, Any]], told: Any, *given: Any) -> None:  # noqa: ANN401
    """Do it in a process, and tell what came of it, an error too."""
    try:
        told.put(does(*given))
    except BaseException:  # noqa: BLE001  that is what is counted
        told.put({"error": traceback.format_exc()})


def whole(place: Path, url: str) -> dict[str, int]:
    """Compare the vectors that are there with the catalogue."""
    collection = Collection.open_or_create(place, engine=url)
    space = collection.catalogue.spaces.get(NAME)
    indexed = collection.catalogue.spaces.placed_ids(space.id, "indexed")
    rows = collection.vectors(space).ids().tolist()
    collection.close()
    return {
        "indexed": len(indexed),
        "without_vector": len(set(indexed) - set(rows)),
        "vectors_of_others": len(set(rows) - set(indexed)),
        "double": len(rows) - len(set(rows)),
    }


def main() -> None:
    """Let all work for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(WRITERS + READERS, timeout=PATIENCE_S)

    def begin() -> float:
        ready.wait()
        return time.monotonic() + asked.seconds

    with TemporaryDirectory() as folder, Server.started() as server:
        place, url, told = Path(folder), server.database(), context.Queue()
        collection = Collection.open_or_create(place / "first", engine=url)
        add(collection, list(range(AT_FIRST)))
        publish(collection, NAME, Request(kind="hnsw"))
        collection.close()
        (place / "removed").touch()
        jobs = [(write, n) for n in range(WRITERS)] + [(read, n) for n in range(READERS)]
        every = [
            context.Process(
                target=work, args=(does, told, place / f"{does.__name__}{n}", url, n, begin)
            )
            for does, n in jobs
        ]
        for process in every:
            process.start()
        made = [told.get() for _ in every]
        for process in every:
            process.join()
        made.append(whole(place / "first", url))
    sys.stdout.write(json.dumps({"seconds": asked.seconds, "told": made}) + "\n")


if __name__ == "__main__":
    main()
