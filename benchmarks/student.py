"""Building with drawn canonical views and with a student's: images a second, in turns.

    PYTHONPATH=. .venv/bin/python benchmarks/student.py SPEC [--images N] [--rounds N] [--weights W]

Images of the set are written as JPEG files of 256 x 256 pixels first. Every build is whole, from
reading them to publishing the index, in a collection of its own; drawn and seen take turns, and the
median of the rounds counts. CPU seconds are those of all threads of the process, and change little
on a busy machine. With --landmarks poses are read off them, too, which costs as much either way;
the fused score's recogniser needs them in any case. Results: benchmarks/results/student.json.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from gallery.faces import FaceSet
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.freed_memory import keep_freed_memory
from generator.precision_cache import processor
from generator.weights_file import find_weights
from retrieval.collection.build import build
from retrieval.collection.canonical_choice import DRAWN, STUDENT
from retrieval.collection.collection import Collection
from retrieval.scoring.terms import DRAWING, FUSED

SIDE = 256
RESULTS = Path(__file__).parent / "results" / "student.json"


def main() -> None:
    """Measure, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", default="pose-mindseye-60")
    parser.add_argument("--score", choices=(DRAWING, FUSED), action="append")
    parser.add_argument("--profile", default="drawn faces", help="of the card; '' for its first")
    parser.add_argument("--landmarks", action="store_true", help="read poses off them, too")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    keep_freed_memory()
    faces = open_faces(given.spec)
    weights = find_weights(given.weights)
    engine = open_engine(weights, given.precision)
    if given.profile:
        engine = engine.under(given.profile)
    if not given.landmarks:
        engine = engine.with_card(replace(engine.card, landmarks={}))
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        part = as_photographs(faces, given.images, Path(folder))
        for _, score, way in itertools.product(
            range(given.rounds), given.score or (DRAWING, FUSED), (DRAWN, STUDENT)
        ):
            rows.setdefault(score, {}).setdefault(way, []).append(
                measured(part, engine, weights, score, way)
            )
    found = {
        "spec": given.spec,
        "images": len(part),
        "weights": engine.card.name,
        "profile": engine.card.profile,
        "landmarks": bool(engine.card.landmarks),
        "runtime": f"{engine.runtime}, {engine.precision}",
        "processor": processor().get("model name", ""),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "scores": {score: _summary(ways, len(part)) for score, ways in rows.items()},
    }
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(_table(found))


def as_photographs(faces: FaceSet, images: int, folder: Path) -> FaceSet:
    """Write some images of a set as JPEG files of SIDE pixels, evenly chosen, and read them."""
    step = max(1, len(faces) // images)
    for number, face in enumerate(faces.faces[::step][:images]):
        picture = faces.load(face).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:06}.jpg", quality=90)
    return open_faces(f"folder:{folder}")


def open_engine(weights: Path, precision: str | None) -> Engine:
    """Open weights, and their student, in a precision, or in the faster one."""
    dtype = None if precision is None else getattr(torch, precision)
    engine = Engine.open(weights, torch.device("cpu"), precision=dtype)
    engine.student()
    return engine


def measured(
    faces: FaceSet, engine: Engine, weights: Path, score: str, way: str
) -> dict[str, float]:
    """Build once; return the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection.open_or_create(Path(folder))
        began, worked = time.perf_counter(), time.process_time()
        with collection.writing():
            list(build(collection, faces, engine, weights, score=score, canonical=way))
        took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - worked}
        collection.close()
    return took


def _summary(ways: dict[str, list[dict[str, float]]], images: int) -> dict[str, Any]:
    each = {
        way: {
            "cpu_ms_an_image": [round(1e3 * one["cpu"] / images, 2) for one in rounds],
            "images_a_second": [round(images / one["wall"], 1) for one in rounds],
        }
        for way, rounds in ways.items()
    }
    cpu = {way: statistics.median(found["cpu_ms_an_image"]) for way, found in each.items()}
    return {**each, "times_less_cpu": round(cpu[DRAWN] / cpu[STUDENT], 2)}


def _table(found: dict[str, Any]) -> str:
    on = f"{found['processor']} ({found['instructions']}), {found['threads']} threads"
    lines = [
        f"{found['images']} images, {found['weights']}, {found['runtime']}, {on}",
        "",
        "| score | canonical views | CPU ms an image | images/s | CPU, times less |",
        "|---|---|---:|---:|---:|",
    ]
    for score, ways in found["scores"].items():
        for way in (DRAWN, STUDENT):
            cpu, rate = (statistics.median(each) for each in ways[way].values())
            less = ways["times_less_cpu"] if way == STUDENT else 1
            lines.append(f"| {score} | {way} | {cpu:.1f} | {rate:.0f} | {less:g} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
