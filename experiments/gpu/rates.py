"""How fast a device draws and trains, and what share of its matrix product's rate that is.

    PYTHONPATH=. .venv/bin/python -m experiments.gpu.rates --out rates.json [--smoke]

The rate of the matrix product is that of square ones in bfloat16, the best of some; the work of a
drawing is counted by torch (convolutions and products, two operations for a multiplication with its
addition). Drawn are images of the packaged gallery under every value of packaged weights; trained
are networks on `--spec`, as `mindseye train` does with its fast recipe, timed after the first
updates.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from gallery.align import Pixels
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.device import pick_device
from generator.engine import Engine
from generator.runs.request import make_request
from generator.runs.run import train
from generator.weights_file import find_weights

WEIGHTS = ("pose-60", "pose-mindseye-60")
NETWORKS = ("two-stage-60", "mindseye-60")
SET = "studio-mini"


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--spec", help="What to train on; without it nothing is trained.")
    parser.add_argument("--smoke", action="store_true", help="The smallest sizes, to see it run.")
    asked = parser.parse_args()
    device = pick_device(asked.device)
    on_gpu = device.type == "cuda"
    images = 4 if asked.smoke else (16_384 if on_gpu else 128)
    people = "2" if asked.smoke else None
    updates = (1, 2) if asked.smoke else ((20, 120) if on_gpu else (2, 6))
    product = product_rate(device, 256 if asked.smoke or not on_gpu else 8192)
    found = {
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "torch": torch.__version__,
        "product_tflops": round(product / 1e12, 3),
        "drawing": {name: drawing(name, device, images, product) for name in WEIGHTS},
        "training": {
            name: training(name, device, updates, asked.spec, people)
            for name in (NETWORKS if asked.spec else ())
        },
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(found))


def product_rate(device: torch.device, side: int, rounds: int = 5) -> float:
    """Return the operations a second of a product of two square matrices in bfloat16."""
    one = torch.randn(side, side, device=device).to(torch.bfloat16)

    def multiply() -> None:
        torch.mm(one, one)

    return 2 * side**3 / min(seconds(multiply, device) for _ in range(rounds + 1))


def drawing(name: str, device: torch.device, images: int, product: float) -> dict[str, float]:
    """Return images a second that are drawn under every value, and the share of the product's."""
    path = find_weights(name)
    compiled = device.type == "cuda" and images > 1000
    engine = Engine.open(path, device, precision=torch.bfloat16, compiled=compiled)
    pixels = gallery(engine, images)
    values = engine.card.space.size
    codes = np.broadcast_to(np.eye(values, dtype=np.float32), (len(pixels), values, values))

    def draw() -> None:
        engine.closest(pixels, codes)

    seconds(draw, device)  # compiles, and warms up
    rate = images / min(seconds(draw, device) for _ in range(3))
    plain = Engine.open(path, device, precision=torch.bfloat16)
    few = min(images, 4)
    with FlopCounterMode(display=False) as counted:
        plain.closest(pixels[:few], codes[:few])
    work = counted.get_total_flops() / few
    return {
        "images_a_second": round(rate, 1),
        "gflop_an_image": round(work / 1e9, 3),
        "share_of_product": round(rate * work / product, 4),
    }


def training(
    name: str, device: torch.device, updates: tuple[int, int], spec: str, people: str | None
) -> dict[str, float]:
    """Return updates a second of a network's first stage.

    Args:
        name: Of the architecture.
        device: Where it is trained.
        updates: After how many the clock starts, and stops.
        spec: What to train on.
        people: How many of it are trained on; None for all.
    """
    first, last = updates
    with TemporaryDirectory() as folder:
        request = make_request(
            open_faces(spec),
            architecture_name=name,
            attributes=("pose",),
            recipe_name="fast",
            out=Path(folder) / "run",
            device=device,
            steps=last + 1,
            train_identities=people,
        )
        began = took = 0.0
        for progress in train(request):
            if progress.phase in ("reading", "measuring"):
                continue
            if progress.done == first:
                began = clock(device)
            if progress.done == last:
                took = clock(device) - began
                break
    return {"updates_a_second": round((last - first) / took, 3)}


def gallery(engine: Engine, count: int) -> Pixels:
    """Return aligned images of the packaged gallery, again and again, (N, S, S, C)."""
    faces = open_faces(SET)
    wanted = {face.name for face in faces.faces[: min(count, 64)]}
    part = faces.where(lambda face: face.name in wanted)
    pixels = align_all(list(align_each(part, engine.card.aligner)), faces.spec).pixels
    return pixels[np.arange(count) % len(pixels)]


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Return what some work takes until the device has done it."""
    began = clock(device)
    work()
    return clock(device) - began


def clock(device: torch.device) -> float:
    """Return the time when all that the device was asked for is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def table(found: dict[str, Any]) -> str:
    """Return all of it as Markdown."""
    rate = f"{found['product_tflops']:g} TFLOP/s"
    lines = [
        f"{found['device']}, torch {found['torch']}; product of matrices in bfloat16: {rate}",
        "",
        "| weights | images/s | GFLOP an image | share of the product's rate |",
        "|---|---:|---:|---:|",
    ]
    for name, row in found["drawing"].items():
        images, work, share = row.values()
        lines.append(f"| `{name}` | {images:,g} | {work:g} | {100 * share:.1f} % |")
    lines += ["", "| network | updates/s |", "|---|---:|"]
    for name, row in found["training"].items():
        lines.append(f"| `{name}` | {row['updates_a_second']:g} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
