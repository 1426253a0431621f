"""Whole builds of photographs of a megapixel, beside another commit, in turn, in one run.

    PYTHONPATH=. .venv/bin/python benchmarks/builds.py PATH/portraits.tar.gz

Portraits of an archive are enlarged to a megapixel, with a little grain, and written as JPEG files
(quality 90, some 220 KB). Each side builds in a process of its own (benchmarks/against.py), with
the weights of this name that it ships: by the drawing alone, and fused; now also by the student,
and each without landmarks and with them. The other commit knows neither. Fused without landmarks
means that the recogniser is shown a box of the face, as it is there; what was fitted is left as it
is, for no answer is looked at. Results: benchmarks/results/builds.json.

A build is timed from reading the first file to the published index; its process has built once, of
a few, before. Batches are of `--batch` images on both sides, so that a small gallery has as many as
overlap in a large one. The other commit computes in float32 where that is faster.
"""

import argparse
import io
import json
import statistics
import tarfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from against import NOW, THEN, Side, both, machine, quartiles, revision
from PIL import Image

HERE = Path(__file__).parent
PIXELS, QUALITY, GRAIN = 1_000_000, 90, 4.0
WEIGHTS = "pose-mindseye-60"
ROWS = {  # of what is built now: score, who makes canonical views, landmarks; and the aim
    "drawing, drawn": ("drawing", "drawn", False, 2.0),
    "drawing, drawn, landmarks": ("drawing", "drawn", True, None),
    "drawing, student": ("drawing", "student", False, 8.0),
    "drawing, student, landmarks": ("drawing", "student", True, None),
    "fused, drawn": ("fused", "drawn", False, 1.5),
    "fused, drawn, landmarks": ("fused", "drawn", True, None),
    "fused, student": ("fused", "student", False, 3.0),
    "fused, student, landmarks": ("fused", "student", True, None),
}
COMMON = """
import json, resource, sys, tempfile, time
from pathlib import Path
import torch
from gallery.readers.registry import open_faces

asked = json.loads(sys.argv[1])
made = {}
for name, score, more in ASKED:
    for folder in (asked["few"], asked["photographs"]):
        with tempfile.TemporaryDirectory() as place:
            collection = Collection.open_or_create(Path(place))
            faces = open_faces("folder:" + folder)
            used = resource.getrusage(resource.RUSAGE_SELF)
            began, before = time.perf_counter(), used.ru_utime + used.ru_stime
            with collection.writing():
                steps = build(collection, faces, engine_for(name), weights, score=score, **more)
                *_, last = steps
            wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
            assert last.indexed == len(faces), last
            cpu = used.ru_utime + used.ru_stime - before
            made[name] = {"wall_s": wall, "cpu_s": cpu, "images": len(faces)}
            collection.close()
Path(asked["out"]).write_text(json.dumps(made))
"""
THEN_SCRIPT = """
from generator.checkpoint import find_weights
from generator.engine import Engine
from generator.machine import keep_freed_memory
from retrieval import build as builder
from retrieval.build import build
from retrieval.collection import Collection
import json, sys, torch

keep_freed_memory()
asked = json.loads(sys.argv[1])
builder.BATCH = asked["batch"]
weights = find_weights(asked["weights"])
precision = getattr(torch, asked["precision"])
engine = Engine.open(weights, torch.device("cpu"), precision=precision)
ASKED = [(score, score, {}) for score in asked["scores"]]

def engine_for(name):
    return engine
"""
NOW_SCRIPT = """
from dataclasses import replace
from generator.device import keep_freed_memory
from generator.engine import Engine
from generator.weights_file import find_weights
from retrieval.collection import builder
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.recognisers.sface import SFace
import json, sys, torch

keep_freed_memory()
asked = json.loads(sys.argv[1])
builder.BATCH = asked["batch"]
weights = find_weights(asked["weights"])
engine = Engine.open(weights, torch.device("cpu"))
box = {**engine.card.fusion, "recogniser": SFace().fingerprint}
plain = engine.with_card(replace(engine.card, landmarks={}, fusion=box))
ASKED = [(name, row[0], {"canonical": row[1]}) for name, row in asked["rows"].items()]

def engine_for(name):
    return engine if asked["rows"][name][2] else plain
"""


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, metavar="PORTRAITS.TAR.GZ")
    parser.add_argument("--commit", default="40c0497", help="Beside which commit.")
    parser.add_argument("--photographs", type=int, default=192)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--folder", type=Path, help="Keep the photographs there, and use them.")
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), default=list(ROWS))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "builds.json")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="mindseye-builds-") as place:
        folder = asked.folder or Path(place) / "photographs"
        make_photographs(asked.archive, folder / "all", asked.photographs)
        make_photographs(asked.archive, folder / "few", 4)
        sides = both(asked.commit, Path(place))
        taken: dict[str, list[dict[str, Any]]] = {THEN: [], NOW: []}
        for _ in range(asked.rounds):
            for side in sides:
                taken[side.name].append(built(side, folder, Path(place) / "made.json", asked))
    results = {
        "commits": {THEN: asked.commit, NOW: revision()},
        "machine": machine(),
        "weights": WEIGHTS,
        "precision of then": asked.precision,
        "photographs": asked.photographs,
        "batch": asked.batch,
        "rounds": asked.rounds,
        "rows": {name: compared(name, taken) for name in asked.only},
    }
    asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def make_photographs(archive: Path, folder: Path, count: int) -> None:
    """Write portraits of an archive, evenly chosen, as JPEG files of a megapixel."""
    if folder.is_dir() and len(list(folder.glob("*.jpg"))) == count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    grain = np.random.default_rng(0).normal(0, GRAIN, (2048, 2048)).round().astype(np.int16)
    with tarfile.open(archive) as packed:
        names = sorted(name for name in packed.getnames() if name.endswith(".jpg"))
        for number in range(count):
            file = packed.extractfile(names[number * len(names) // count])
            if file is None:
                continue
            small = Image.open(io.BytesIO(file.read())).convert("RGB")
            scale = (PIXELS / (small.width * small.height)) ** 0.5
            size = round(small.width * scale), round(small.height * scale)
            levels = np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.int16)
            grains = np.roll(grain, 37 * number, axis=(0, 1))[: size[1], : size[0], None]
            picture = Image.fromarray((levels + grains).clip(0, 255).astype(np.uint8))
            picture.save(folder / f"{number:05}.jpg", quality=QUALITY)


def built(side: Side, folder: Path, out: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Build all that is asked of a side, in one process; return what each took."""
    what = {
        "photographs": str((folder / "all").absolute()),
        "few": str((folder / "few").absolute()),
        "out": str(out),
        "batch": asked.batch,
        "weights": WEIGHTS,
        "precision": asked.precision,
        "scores": sorted({ROWS[name][0] for name in asked.only}),
        "rows": {name: ROWS[name] for name in asked.only},
    }
    script = (THEN_SCRIPT if side.name == THEN else NOW_SCRIPT) + COMMON
    side.run(["python", "-c", script, json.dumps(what)])
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def compared(name: str, taken: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return images a second and processor time of a row, beside the other commit's."""
    score, _, _, aim = ROWS[name]
    pairs = list(zip((one[score] for one in taken[THEN]), taken[NOW], strict=True))
    then, now = [one for one, _ in pairs], [one[name] for _, one in pairs]
    faster = [a["wall_s"] / b["wall_s"] for a, b in zip(then, now, strict=True)]
    less = [a["cpu_s"] / b["cpu_s"] for a, b in zip(then, now, strict=True)]
    return {
        "images_a_second": {THEN: _rate(then), NOW: _rate(now)},
        "cpu_ms_an_image": {THEN: _cpu(then), NOW: _cpu(now)},
        "times_images_a_second": quartiles(faster),
        "times_less_cpu": quartiles(less),
        "aim": aim,
    }


def _rate(runs: Sequence[dict[str, float]]) -> float:
    return round(statistics.median(one["images"] / one["wall_s"] for one in runs), 1)


def _cpu(runs: Sequence[dict[str, float]]) -> float:
    return round(statistics.median(1e3 * one["cpu_s"] / one["images"] for one in runs), 1)


def table(results: dict[str, Any]) -> str:
    """Return medians, and the quartiles of the ratios of the pairs, as Markdown."""
    said = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    lines = [
        f"{said}; then in {results['precision of then']}",
        "",
        "| build | images/s, then / now | CPU ms an image, then / now | times the images/s | aim |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in results["rows"].items():
        cells = [
            " / ".join(f"{row[what][side]:g}" for side in (THEN, NOW))
            for what in ("images_a_second", "cpu_ms_an_image")
        ]
        first, middle, third = row["times_images_a_second"]
        aim = "" if row["aim"] is None else f"{row['aim']:g}"
        ratio = f"**{middle:.2f}** [{first:.2f}, {third:.2f}]"
        lines.append(f"| {name} | {' | '.join(cells)} | {ratio} | {aim} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
