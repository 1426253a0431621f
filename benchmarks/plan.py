"""What 10^8 and 10^9 images take: computed from what was measured here, with its assumptions.

    PYTHONPATH=. python benchmarks/plan.py [--student 1.5] [--gb 256] [--cores 32]

Prints the tables of docs/scale.md. Measured parts: results/draw-cpu.json (drawing),
results/build.json (reading, hashing, decoding, catalogue, bytes), results/scale.json (indexes of
10^6 x 256). What is assumed: drawing and searching take all of a core and scale with cores; a
gallery is searched in parts of 10^6, each as measured, since a larger part visits a smaller share
of its lists and is never dearer.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SIZES = (10**7, 10**8, 10**9)
KINDS = ("pq", "rabitq", "sq8", "fp16", "hnsw", "ivf")
FLOATS_BYTES, IDS_BYTES = 256 * 4, 8
PART = 10**6


def read(name: str) -> Any:  # noqa: ANN401  JSON is what it is
    """Read a file of results."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def drawing(student_ms: float) -> Iterator[tuple[str, float]]:
    """Yield ways of drawing, with images a second of one core: decoding and aligning included."""
    drawn, build = read("draw-cpu"), read("build")
    decoded_s = 1 / build["stages"]["decode and align, 1 thread"]
    for row, named in ((-2, "all seven poses refined"), (-1, "the best two refined")):
        images = drawn["rows"][row]["images_per_s"] / drawn["cores"]
        yield named, 1 / (1 / images + decoded_s)
    yield "a student instead of drawing", 1 / (student_ms / 1000 + decoded_s)


def one_driver() -> float:
    """Return the images a second that one driver reads, hashes, registers and commits."""
    build = read("build")
    hashed = build["stages"]["read and hash, 1 thread"]
    return 1 / (1 / hashed + 1 / build["given"]["taken_in_per_s"])


def building(student_ms: float, machine_cores: int) -> list[str]:
    """Return the table of builds."""
    limit = one_driver()
    head = (
        "way",
        *("images/s a core", "core hours 10^7", "10^8", "10^9"),
        *("cores that keep one driver busy", f"10^8 by one driver and {machine_cores} cores"),
    )
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, images in drawing(student_ms):
        hours = [f"{n / images / 3600:,.0f}" for n in SIZES]
        days = max(SIZES[1] / (images * machine_cores), SIZES[1] / limit) / 86_400
        lines.append(
            f"| {name} | {images:.0f} | {' | '.join(hours)} | {math.ceil(limit / images)} |"
            f" {days:.1f} days |"
        )
    return lines


def storing() -> list[str]:
    """Return the table of what lies on disks."""
    catalogue = read("build")["given"]["catalogue_mb"] * 1e6 / read("build")["given"]["images"]
    lines = ["| images | vectors, 256 x float32 | catalogue |", "|---:|---:|---:|"]
    lines += [
        f"| 10^{round(math.log10(n))} | {n * (FLOATS_BYTES + IDS_BYTES) / 1e9:,.0f} GB |"
        f" {n * catalogue / 1e9:,.0f} GB |"
        for n in SIZES
    ]
    return lines


def searching(gb: int, cores: int) -> list[str]:
    """Return the table of searches."""
    entries = {e["kind"]: e for e in read("scale")["entries"] if e["n"] == PART}
    head = (
        *("kind", "resident 10^8", "machines 10^8, 10^9", "core ms a search of 10^8"),
        *("searches/s of these machines, 10^8", "10^9"),
    )
    lines = [f"| {' | '.join(head)} |", "|---|---:|---:|---:|---:|---:|"]
    for kind in KINDS:
        entry = entries[kind]
        resident = entry["resident_bytes"] / PART
        core_ms = entry["p50_ms"] * entry["threads"]
        machines = [math.ceil(n * resident / (gb * 1e9)) for n in SIZES[1:]]
        rates = [
            count * cores * 1000 / (core_ms * n / PART)
            for count, n in zip(machines, SIZES[1:], strict=True)
        ]
        lines.append(
            f"| `{kind}` | {SIZES[1] * resident / 1e9:,.0f} GB | {machines[0]}, {machines[1]} |"
            f" {core_ms * SIZES[1] / PART:,.0f} | {rates[0]:.0f} | {rates[1]:.0f} |"
        )
    return lines


def tables(student_ms: float, gb: int, cores: int) -> str:
    """Return all tables as Markdown."""
    parts = (building(student_ms, cores), storing(), searching(gb, cores))
    return "\n\n".join("\n".join(part) for part in parts)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--student", type=float, default=1.5, help="ms of a core for an image")
    parser.add_argument("--gb", type=int, default=256, help="memory of a machine")
    parser.add_argument("--cores", type=int, default=32, help="of a machine")
    asked = parser.parse_args()
    print(tables(asked.student, asked.gb, asked.cores))


if __name__ == "__main__":
    main()
