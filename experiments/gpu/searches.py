"""Kinds of index that FAISS has on a GPU, beside the CPU: the same index, the same probes, in turn.

    PYTHONPATH=. .venv/bin/python -m experiments.gpu.searches --rows 1000000 --out searches.json

Vectors are random directions of 256 numbers: times depend on their number, not on what they mean.
Where FAISS has no GPU, the CPU alone is timed, and that is said. Probes are asked one at a time,
and all at once.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gallery.arrays import Floats, normalise
from index.faiss_library import gpus, on_gpu, require_faiss

WIDTH, K = 256, 10
KINDS = {
    "flat": "Flat",
    "ivf": "IVF{lists},Flat",
    "fp16": "IVF{lists},SQfp16",
    "sq8": "IVF{lists},SQ8",
}
LISTS_READ = 32


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--probes", type=int, default=1_000)
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    rows, probes = (
        normalise(rng.standard_normal((count, WIDTH), dtype=np.float32))
        for count in (asked.rows, asked.probes)
    )
    found = {
        "rows": asked.rows,
        "gpus": gpus(),
        "kinds": {kind: measured(kind, rows, probes) for kind in asked.kinds},
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(found))


def measured(kind: str, rows: Floats, probes: Floats) -> dict[str, Any]:
    """Make an index on the CPU, copy it to the GPU, ask both."""
    faiss = require_faiss()
    lists = max(1, min(4096, len(rows) // 64))
    index = faiss.index_factory(WIDTH, KINDS[kind].format(lists=lists), faiss.METRIC_INNER_PRODUCT)
    index.train(rows[: 64 * lists])
    index.add(rows)
    if hasattr(index, "nprobe"):
        index.nprobe = min(LISTS_READ, lists)
    copy = on_gpu(index)
    if copy is not None and hasattr(copy, "nprobe"):
        copy.nprobe = min(LISTS_READ, lists)
    sides = {"cpu": index} if copy is None else {"cpu": index, "gpu": copy}
    timed = {side: times(one.search, probes) for side, one in sides.items()}
    if copy is not None:
        theirs, ours = (one.search(probes, K)[1] for one in (copy, index))
        same = [len(set(a) & set(b)) / K for a, b in zip(theirs, ours, strict=True)]
        timed["gpu"]["overlap"] = round(float(np.mean(same)), 4)
    return timed


def times(search: Callable[[Floats, int], Any], probes: Floats) -> dict[str, float]:
    """Return the median of single probes, milliseconds, and probes a second all together."""
    search(probes[:1], K)
    alone = []
    for place in range(min(len(probes), 100)):
        began = time.perf_counter()
        search(probes[place : place + 1], K)
        alone.append(time.perf_counter() - began)
    began = time.perf_counter()
    search(probes, K)
    together = time.perf_counter() - began
    return {
        "p50_ms": round(1e3 * median(alone), 3),
        "probes_a_second": round(len(probes) / together),
    }


def table(found: dict[str, Any]) -> str:
    """Return all of it as Markdown."""
    lines = [
        f"{found['rows']:,} rows of {WIDTH} numbers, GPUs that FAISS can use: {found['gpus']}",
        "",
        "| kind | where | p50, ms | probes/s, all at once | overlap @10 with the CPU |",
        "|---|---|---:|---:|---:|",
    ]
    for kind, sides in found["kinds"].items():
        for side, one in sides.items():
            overlap = f"{one['overlap']:.4f}" if "overlap" in one else ""
            rate = f"{one['probes_a_second']:,}"
            lines.append(f"| {kind} | {side} | {one['p50_ms']:g} | {rate} | {overlap} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
