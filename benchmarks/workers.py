"""What several workers gain: images a second, and whose processor time it takes.

    PYTHONPATH=. python benchmarks/workers.py --images 512 --workers 1 2 4 [--ray]

Packaged faces are built with `pose-mindseye-60`, score `drawing`, in blocks of 32, each count of
workers in a process of its own, in turn. The rate is taken from the first block that is finished to
the last: starting is not in it, and stands beside. Processor time is of the driver, and of its
workers where they are processes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.weights_file import find_weights
from retrieval.collection import builder
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.workers.opening import Workers

BLOCK = 32
OUT = Path(__file__).parent / "results" / "workers.json"


def measure(images: int, workers: int, ray: str | None) -> dict[str, Any]:
    """Build in this process, and say how fast."""
    builder.BATCH = BLOCK
    began = time.perf_counter()
    weights = find_weights("pose-mindseye-60")
    faces = open_faces("studio-mini")
    wanted = {face.name for face in faces.faces[:images]}
    faces = faces.where(lambda face: face.name in wanted)
    with TemporaryDirectory() as folder:
        collection = Collection.open_or_create(Path(folder) / "made")
        engine = Engine.open(weights, torch.device("cpu"))
        with collection.writing():
            steps = build(
                collection,
                faces,
                engine,
                weights,
                score="drawing",
                workers=Workers(count=workers, ray=ray),
            )
            marks = [(time.perf_counter(), step.indexed) for step in steps if step.phase is None]
        collection.close()
    (first, some), (last, all_) = marks[0], max(marks, key=lambda mark: mark[1])
    own, theirs = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "workers": workers,
        "ray": ray is not None,
        "images_per_s": round((all_ - some) / (last - first), 2),
        "until_first_s": round(first - began, 1),
        "driver_cpu_s": round(own.ru_utime + own.ru_stime, 1),
        "children_cpu_s": round(theirs.ru_utime + theirs.ru_stime, 1),
    }


def main() -> None:
    """Measure each count in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ray", action="store_true", help="actors of a cluster of this machine")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.images, asked.workers[0], "local" if asked.ray else None)))
        return
    rows = []
    for count in asked.workers:
        command = [sys.executable, __file__, "--one", "--images", str(asked.images)]
        command += ["--workers", str(count), *(["--ray"] if asked.ray else [])]
        load = os.getloadavg()[0]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  ourselves
        rows.append(json.loads(done.stdout.splitlines()[-1]) | {"load_before": round(load, 1)})
        print(rows[-1])
    machine = {"cores": os.cpu_count(), "images": asked.images, "block": BLOCK}
    OUT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
