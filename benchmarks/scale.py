"""Every kind of index at scale, beside raw FAISS doing the same in the same run.

    PYTHONPATH=. python benchmarks/scale.py --n 1e5                       # a quick look
    PYTHONPATH=. python benchmarks/scale.py --n 1e6 --kinds sq8 --parts search  # once it is built
    PYTHONPATH=. python benchmarks/scale.py --n 1e6 --missing             # what is not measured yet
    PYTHONPATH=. python benchmarks/scale.py --n 1e7 --kinds pq            # 10 GB on disk
    PYTHONPATH=. python benchmarks/scale.py --table
    PYTHONPATH=. python benchmarks/scale.py --fill        # writes the tables of README and docs

Embeddings: `scale_data.py`, 256 numbers each, in shards of 65,536 rows (`--shard-rows`). For each
kind, three processes: one builds, one searches, one adds and removes 1,000. The results go into
`--out` as soon as a part is done, one entry for each N and kind; `--table` prints them as Markdown.
A space holds one index at a time: a part but `build` belongs to the kind that was built last.

- *peak* is the largest resident memory while building, sampled every 10 ms from outside, less that
  of the same process before it began; mapped files (the shards) are not counted.
- *resident* is what opening and 1,000 searches add to the memory of a process, mapped shards not
  counted, the mapped index counted.
- *raw* is FAISS called directly with the same file read into memory, the same effort and threads;
  with `IndexRefine` over all embeddings in memory where we compare again with the shards. Queries
  alternate between ours and raw, one at a time, each of the two first for every other probe.
  *ratio* is the median of the ratios of these pairs.
- *first answer*: opening and the first search, with the libraries loaded and used before.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from numpy.typing import NDArray
from scale_data import BLOCK, Model
from scale_tables import fill, is_whole, short_table, table

from index import store
from index.approximate import TUNED_FOR, search_parameters
from index.base import GalleryRows
from index.contract import IndexContract
from index.scan import best_rows

Search = Callable[[Any], Any]
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
PROBES = 300
CHANGED = 1000
ROUNDS = 2  # of all probes
KEY = ("n", "kind", "dimension", "shard_rows", "accuracy")
NOTHING = np.empty(0, dtype=np.int64)


def contract(dimension: int) -> IndexContract:
    """Return the terms of made-up embeddings."""
    return IndexContract(
        extractor="benchmarks/scale_data.py",
        weights_sha256="00" * 32,
        attribute_space=(("pose", ("0",)),),
        aligner="none",
        canonicalisation="none",
        projection="none",
        dimension=dimension,
    )


def make_space(space: Path, model: Model, shard_rows: int) -> None:
    """Write shards, probes and their true neighbours, unless they are there."""
    if (space / "truth.npz").exists():
        return
    shutil.rmtree(space, ignore_errors=True)
    store.write_contract(space, contract(model.dimension))
    probes = model.probes(PROBES)
    best_scores = np.empty((PROBES, 0), np.float32)
    best = np.empty((PROBES, 0), np.int64)
    shards: list[dict[str, Any]] = []
    for first, block in model.blocks():
        for start in range(0, len(block), shard_rows):
            part = np.ascontiguousarray(block[start : start + shard_rows])
            ids = np.arange(first + start, first + start + len(part))
            shard = store.append_shard(space, len(shards) + 1, ids, part)
            shards.append(asdict(shard))
        scores, places = faiss.knn(probes, block, 10, metric=faiss.METRIC_INNER_PRODUCT)
        best_scores = np.concatenate([best_scores, scores], axis=1)
        best = np.concatenate([best, places + first], axis=1)
        order = np.argsort(-best_scores, axis=1, kind="stable")[:, :10]
        best_scores = np.take_along_axis(best_scores, order, 1)
        best = np.take_along_axis(best, order, 1)
    (space / "shards.json").write_text(json.dumps(shards), "utf-8")
    np.savez(space / "truth.npz", probes=probes, truth=best)


def read_shards(space: Path) -> list[Any]:
    """Return the shards of a space."""
    return [
        store.ShardId(**shard) for shard in json.loads((space / "shards.json").read_text("utf-8"))
    ]


def resident(*, files: bool) -> int:
    """Return the resident bytes of this process; mapped files count if asked for, shards never."""
    total, counted = 0, True
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        first = line.split(" ", 1)[0]
        if not first.endswith(":"):
            name = line.split(None, 5)[5] if len(line.split(None, 5)) > 5 else ""
            counted = "/embeddings/" not in name and (files or not name.startswith("/"))
        elif first == "Rss:" and counted:
            total += int(line.split()[1]) * 1024
    return total


def build(space: Path, kind: str, accuracy: float) -> dict[str, Any]:
    """Publish generation 1."""
    shards, started = read_shards(space), time.perf_counter()
    notes: list[str] = []
    print("ready", flush=True)
    request = store.Request(kind=kind, accuracy=accuracy)
    dimension = store.read_contract(space).dimension
    for step in store.publishing(space, 1, request, contract(dimension), shards, NOTHING):
        if step.note:
            notes.append(step.note)
            print(step.note, file=sys.stderr, flush=True)
    manifest = store.read_manifest(space, 1)
    main = manifest.main
    return {
        "build_s": time.perf_counter() - started,
        "index_bytes": 0 if main is None else main.bytes + 8 * main.rows,
        "effort": None
        if main is None
        else {n: getattr(main.effort, n) for n in main.effort.__slots__},
        "lists": None if main is None else main.lists,
        "own_overlap": None if main is None else main.measured.overlap,
        "reached": None if main is None else main.measured.reached,
        "notes": notes,
    }


def search(space: Path, kind: str, accuracy: float) -> dict[str, Any]:
    """Open generation 1 and ask it."""
    del accuracy
    warm_up()
    dimension = store.read_contract(space).dimension
    kept = np.load(space / "truth.npz")
    probes, truth = kept["probes"], kept["truth"]
    before, started = resident(files=True), time.perf_counter()
    index = store.open_index(space, 1, contract(dimension))
    opened = time.perf_counter()
    index.search(probes[:1], 10)
    answered = time.perf_counter()
    found = np.concatenate([index.search(probes[i : i + 1], 10).ids for i in range(PROBES)])
    for i in range(PROBES):
        index.search(probes[i : i + 1], 10)
    held = resident(files=True) - before
    overlap = float(np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)]))
    result: dict[str, Any] = {
        "open_s": opened - started,
        "first_answer_s": answered - started,
        "resident_bytes": held,
        "overlap_at_10": overlap,
    }
    raw = None if kind == "exact" else raw_search(space, dimension)
    ours_ms, raw_ms = alternate(lambda probe: index.search(probe, 10), raw, probes)
    result["p50_ms"], result["p99_ms"] = (float(np.percentile(ours_ms, p)) for p in (50, 99))
    if raw_ms:
        result["raw_p50_ms"], result["raw_p99_ms"] = (
            float(np.percentile(raw_ms, p)) for p in (50, 99)
        )
        result["p50_ratio"] = result["p50_ms"] / result["raw_p50_ms"]
        result["paired_ratio"] = float(np.median(np.array(ours_ms) / np.array(raw_ms)))
    allowed = np.arange(0, index.size, 100)
    times = []
    for i in range(30):
        began = time.perf_counter()
        index.search(probes[i : i + 1], 10, allowed=allowed)
        times.append(1000 * (time.perf_counter() - began))
    result["filtered_1_percent_p50_ms"] = float(np.median(times))
    return result


def warm_up() -> None:
    """Load and use the libraries."""
    rows = np.random.default_rng(0).standard_normal((2000, 16), dtype=np.float32)
    for spec in ("Flat", "IVF8,SQ8", "IVF8,PQ4x4fs", "IVF8,RaBitQfs", "HNSW8"):
        index = faiss.index_factory(16, spec, faiss.METRIC_INNER_PRODUCT)
        index.train(rows)
        index.add(rows)
        index.search(rows[:1], 5)
    best_rows(GalleryRows(np.arange(2000), [rows]), rows[:1], 5)


def raw_search(space: Path, dimension: int) -> Search:
    """Return the same search by FAISS alone, everything in memory."""
    main = store.read_manifest(space, 1).main
    index = faiss.read_index(str(space / "index" / "000001" / "index.faiss"))
    if main.effort.depth:
        flat = faiss.IndexFlatIP(dimension)
        for shard in read_shards(space):
            flat.add(store.open_shard(space, shard.number)[1])
        refined = faiss.IndexRefine(index, flat)
        parameters = faiss.IndexRefineSearchParameters(
            k_factor=main.effort.depth,
            base_index_params=search_parameters(index, main.effort, TUNED_FOR),
        )
        held = (index, flat)  # FAISS keeps pointers to them
        return lambda probe: refined.search(probe, 10, params=parameters) if held else None
    parameters = search_parameters(index, main.effort, TUNED_FOR)
    return lambda probe: index.search(probe, 10, params=parameters)


def alternate(
    ours: Search, raw: Search | None, probes: NDArray[np.float32]
) -> tuple[list[float], list[float]]:
    """Time two searches in turn, probe by probe: milliseconds of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):  # the first warms up
        for i in range(PROBES):
            both = list(zip(times, (ours, raw), strict=True))
            for kept, call in both[:: 1 if i % 2 else -1]:
                if call is None:
                    continue
                began = time.perf_counter()
                call(probes[i : i + 1])
                if turn:
                    kept.append(1000 * (time.perf_counter() - began))
    return times


def change(space: Path, kind: str, accuracy: float) -> dict[str, Any]:
    """Add 1,000 images, then remove 1,000; what changed must show, and generation 1 stays."""
    shards = read_shards(space)
    dimension = store.read_contract(space).dimension
    terms, request = contract(dimension), store.Request(kind=kind, accuracy=accuracy)
    total = sum(shard.rows for shard in shards)
    new = Model(total, dimension, seed=8).block(0, CHANGED)
    store.row_ids(space, shards, 1)
    started = time.perf_counter()
    shard = store.append_shard(space, len(shards) + 1, np.arange(total, total + CHANGED), new)
    for _ in store.publishing(space, 2, request, terms, [*shards, shard], NOTHING, previous=1):
        pass
    added = time.perf_counter()
    gone = np.arange(0, total, total // CHANGED)[:CHANGED]
    for _ in store.publishing(space, 3, request, terms, [*shards, shard], gone, previous=2):
        pass
    removed = time.perf_counter()
    index = store.open_index(space, 3, terms)
    found = index.search(new[:50], 1).ids[:, 0]
    require((found == np.arange(total, total + 50)).all(), "an image that was added is not found")
    old = np.load(space / "truth.npz")["probes"]
    seen = index.search(old[:200], 10).ids
    require(not np.isin(seen, gone).any(), "an image that was removed is found")
    times = []
    for i in range(200):
        began = time.perf_counter()
        index.search(old[i : i + 1], 10)
        times.append(1000 * (time.perf_counter() - began))
    for generation in (2, 3):
        shutil.rmtree(space / "index" / f"{generation:06d}")
    for path in (space / "embeddings").glob(f"{len(shards) + 1:06d}*"):
        path.unlink()
    return {
        "add_1000_s": added - started,
        "remove_1000_s": removed - added,
        "p50_ms_after_changes": float(np.median(times)),
    }


PARTS = {"build": build, "search": search, "change": change}


def child(part: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a part in a process of its own; watch its memory from outside."""
    command = [sys.executable, __file__, "--child", part, "--kinds", arguments.kind]
    command += ["--space", str(arguments.space), "--threads", str(arguments.threads)]
    command += ["--accuracy", str(arguments.accuracy)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  this file
    lines = process.stdout or sys.stdin
    before = peak = 0
    if part == "build":
        lines.readline()
        before = anonymous(process.pid)
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(0.01)
    text = lines.read()
    if process.wait():
        raise SystemExit(f"{part} of {arguments.kind} failed")
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    if part == "build":
        result["peak_bytes"] = peak - before
    return result


def require(right: bool, otherwise: str) -> None:
    """End a run whose index does not do what it must."""
    if not right:
        raise SystemExit(otherwise)


def anonymous(pid: int) -> int:
    """Return the resident bytes of a process that belong to no file."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=float, default=1e5)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--kinds", default="exact,flat,ivf,hnsw,fp16,sq8,pq,rabitq")
    parser.add_argument("--accuracy", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shard-rows", type=int, default=BLOCK)
    parser.add_argument("--dir", type=Path, default=Path("/tmp/mindseye-scale"))  # noqa: S108
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--fill", action="store_true", help="write the tables into the documents")
    parser.add_argument("--child", choices=tuple(PARTS))
    parser.add_argument("--space", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure again")
    parser.add_argument("--missing", action="store_true", help="only kinds that lack a part")
    return parser.parse_args()


def main() -> None:
    """Measure, and keep what was measured."""
    arguments = parsed()
    if arguments.table or arguments.fill:
        results = json.loads(arguments.out.read_text("utf-8"))
        print(table(results))
        if arguments.fill:
            fill(ROOT / "benchmarks" / "README.md", table(results))
            fill(ROOT / "docs" / "index.md", short_table(results))
        return
    limit_threads(arguments.threads)
    if arguments.child:
        result = PARTS[arguments.child](arguments.space, arguments.kinds, arguments.accuracy)
        print(json.dumps(result))
        return
    rows = int(arguments.n)
    arguments.space = arguments.dir / f"{rows}x{arguments.dimension}-{arguments.shard_rows}"
    make_space(arguments.space, Model(rows, arguments.dimension), arguments.shard_rows)
    for kind in arguments.kinds.split(","):
        arguments.kind = kind
        entry = {"n": rows, "dimension": arguments.dimension, "kind": kind}
        entry |= {"shard_rows": arguments.shard_rows, "threads": arguments.threads}
        entry |= {"accuracy": arguments.accuracy, "load_before": os.getloadavg()[0]}
        entry = earlier(entry, arguments.out) | entry
        parts = arguments.parts.split(",")
        if arguments.missing and is_whole(entry):
            continue
        for part in parts:
            entry |= child(part, arguments) | {"load_after": os.getloadavg()[0]}
            print(kind, part, json.dumps(entry), file=sys.stderr, flush=True)
            keep(entry, arguments.out)


def earlier(entry: dict[str, Any], out: Path) -> dict[str, Any]:
    """Return what was measured before of the same N and kind."""
    entries = json.loads(out.read_text("utf-8"))["entries"] if out.exists() else []
    found: list[dict[str, Any]] = [e for e in entries if all(e[n] == entry[n] for n in KEY)]
    return found[0] if found else {}


def limit_threads(threads: int) -> None:
    """Let every library use so many threads."""
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)


def keep(entry: dict[str, Any], out: Path) -> None:
    """Put an entry in the place of an older one of the same N and kind."""
    results: dict[str, Any] = {"entries": []}
    if out.exists():
        results = json.loads(out.read_text("utf-8"))
    others = [e for e in results["entries"] if any(e[n] != entry[n] for n in KEY)]
    results["entries"] = sorted([*others, entry], key=lambda e: (e["n"], e["shard_rows"]))
    results["machine"] = {
        "cores": os.cpu_count(),
        "faiss": faiss.__version__,
        "numpy": np.__version__,
    }
    out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
