"""Images per second of canonicalisation, step by step beside the naive way: benchmarks/draw.py.

The naive way is the papers' network as printed, run eagerly in float32: unpooling writes its zeros,
and every value of the attribute is a pass of its own over the image. Each further row changes one
thing. All rows draw the same images of the packaged gallery with the same packaged weights, in one
process, turn by turn, so that whatever else the machine does meets all of them; agreement is with
the naive way. `mallopt` cannot be undone, so its row and those after it come last.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.checkpoint import load_weights
from generator.device import pick_device
from generator.drawer import Closest
from generator.engine import Engine
from generator.freed_memory import keep_freed_memory
from generator.networks.blocks import UnpoolConv
from generator.networks.two_stage import TwoStage
from generator.weights_file import find_weights

Canonicalise = Callable[[Pixels], Closest]
RESULTS = Path(__file__).parent / "results"
BATCH = {"cpu": 32, "cuda": 2048}  # of the naive way; the engine chooses its own


@dataclass(frozen=True)
class Row:
    """One way to canonicalise.

    Attributes:
        name: In the table.
        run: Images in, closest drawings out.
        images: How many it is given.
    """

    name: str
    run: Canonicalise
    images: int


class Printed(nn.Module):
    """Unpool by writing zeros, then convolve: the layers as the papers print them."""

    def __init__(self, layer: UnpoolConv) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, maps: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, outputs, 2H, 2W)."""
        batch, features, height, width = maps.shape
        blocks = maps.new_zeros(batch, features, height, 2, width, 2)
        blocks[:, :, :, 0, :, 0] = maps
        unpooled = blocks.view(batch, features, 2 * height, 2 * width)
        return functional.conv2d(unpooled, self.layer.weight, self.layer.bias, padding=1)


def as_printed(network: TwoStage) -> TwoStage:
    """Write the zeros of every unpooling; changes the network."""
    for stage in (network.first, network.refiner):
        for name, layer in stage.decoder.named_children():
            if isinstance(layer, UnpoolConv):
                setattr(stage.decoder, name, Printed(layer))
    return network


class Naive:
    """The papers' canonicalisation: value by value, whole network by whole network."""

    def __init__(self, network: TwoStage, engine: Engine) -> None:
        self.network = network.to(engine.device).eval()
        self.device = engine.device
        self.mean = torch.tensor(engine.card.mean, device=self.device).view(-1, 1, 1)
        self.deviation = torch.tensor(engine.card.deviation, device=self.device).view(-1, 1, 1)
        self.values = engine.card.space.size

    @torch.inference_mode()
    def __call__(self, pixels: Pixels) -> Closest:
        """Keep, of the drawings under every value, the closest."""
        size = BATCH[self.device.type]
        parts = [self._batch(pixels[start : start + size]) for start in range(0, len(pixels), size)]
        return Closest(
            np.concatenate([choice for choice, _ in parts]),
            np.zeros(len(pixels), np.float32),
            _drawn(np.concatenate([features for _, features in parts])),
        )

    def _batch(self, pixels: Pixels) -> tuple[Any, Any]:
        levels = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()
        images = (levels - self.mean) / self.deviation
        drawings = []
        for value in range(self.values):
            code = functional.one_hot(torch.tensor(value, device=self.device), self.values).float()
            drawings.append(self.network(images, code.expand(len(images), -1)))
        refined = torch.stack([one.refined for one in drawings], dim=1)  # (B, K, C, S, S)
        drawn = (refined * self.deviation + self.mean).clamp(0, 255)
        choice = (drawn - levels[:, None]).square().flatten(2).mean(dim=2).argmin(dim=1)
        features = torch.stack([one.features for one in drawings], dim=1)
        kept = features[torch.arange(len(images), device=self.device), choice]
        return choice.cpu().numpy(), kept.flatten(1).cpu().numpy()


def _drawn(features: Floats) -> Any:  # noqa: ANN401  only the features are compared
    return type("Drawn", (), {"features": features})()


def main() -> None:
    """Measure; print a table; write results/draw-<device>.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="pose-60")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--images", type=int, default=0, help="0: 256 on a CPU, 8,192 on a GPU")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="Else results/draw-<device>.json")
    given = parser.parse_args()
    device = pick_device(given.device)
    count = given.images or (256 if device.type == "cpu" else 8192)
    path = find_weights(given.weights)
    pixels = gallery(Engine.open(path, device), count)
    rows = measure(before_mallopt(path, device, count), pixels, given.rounds)
    if device.type == "cpu" and keep_freed_memory():
        rows += measure(after_mallopt(path, device, count), pixels, given.rounds)
    report = {
        "weights": given.weights,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "values": load_weights(path)[1].space.size,
        "rows": compared(rows),
    }
    RESULTS.mkdir(exist_ok=True)
    out = given.out or RESULTS / f"draw-{device.type}.json"
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report["rows"]))


def gallery(engine: Engine, count: int) -> Pixels:
    """Align images of the packaged gallery, spread over its people and conditions."""
    faces = open_faces("studio-mini")
    step = max(1, len(faces.faces) // count)
    chosen = faces.faces[::step][:count]
    wanted = {face.name for face in chosen}
    part = faces.where(lambda face: face.name in wanted)
    aligned = align_all(list(align_each(part, engine.card.aligner)), faces.spec).pixels
    return aligned[np.arange(count) % len(aligned)]


def before_mallopt(path: Path, device: torch.device, count: int) -> list[Row]:
    """Return the rows that need no process-wide setting; slow ones get fewer images."""
    full = Engine.open(path, device, precision=torch.float32)
    few = count // 4
    rows = [
        Row("naive: as printed, float32, eager", Naive(as_printed(network(path)), full), few),
        Row("+ unpool and convolve as one", Naive(network(path), full), few),
        Row("+ source encoded once, wishes as maps", partial(closest, full), few),
    ]
    half = Engine.open(path, device, precision=torch.bfloat16)
    rows.append(Row("+ bfloat16, channels last", partial(closest, half), count))
    if device.type == "cuda":
        quick = Engine.open(path, device, precision=torch.bfloat16, compiled=True)
        rows += [
            Row("+ compiled", partial(closest, quick), count),
            Row("+ only the best 2 refined", partial(closest, quick, refine_best=2), count),
        ]
    return rows


def after_mallopt(path: Path, device: torch.device, count: int) -> list[Row]:
    """Return the rows with freed memory kept."""
    half = Engine.open(path, device, precision=torch.bfloat16)
    return [
        Row("+ mallopt", partial(closest, half), count),
        Row("+ only the best 2 refined", partial(closest, half, refine_best=2), count),
    ]


def network(path: Path) -> TwoStage:
    """Load the plain network."""
    return load_weights(path)[0]


def closest(engine: Engine, pixels: Pixels, refine_best: int | None = None) -> Closest:
    """Canonicalise with an engine."""
    values = engine.card.space.size
    codes = np.broadcast_to(np.eye(values, dtype=np.float32), (len(pixels), values, values))
    return engine.closest(pixels, codes, refine_best=refine_best)


def measure(rows: Sequence[Row], pixels: Pixels, rounds: int) -> list[tuple[str, float, Closest]]:
    """Let the rows draw in turn: name, best images per second, what was drawn of the first."""
    found: dict[str, tuple[float, Closest]] = {}
    for round_number in range(rounds + 1):  # the first warms up
        for row in rows:
            images = pixels[: row.images]
            started = time.perf_counter()
            drawn = row.run(images)
            rate = len(images) / (time.perf_counter() - started)
            before = found[row.name][0] if round_number > 1 else 0.0
            found[row.name] = (max(rate, before), drawn)
    return [(name, rate, drawn) for name, (rate, drawn) in found.items()]


def compared(rows: Sequence[tuple[str, float, Closest]]) -> list[dict[str, Any]]:
    """Compare every row with the first."""
    _, naive, exact = rows[0]
    listed = []
    for name, rate, drawn in rows:
        common = min(len(exact.choice), len(drawn.choice))
        alike = exact.choice[:common] == drawn.choice[:common]
        first, second = (one.drawn.features[:common][alike] for one in (exact, drawn))
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        listed.append(
            {
                "way": name,
                "images_per_s": round(rate, 1),
                "times_naive": round(rate / naive, 2),
                "same_choice": round(float(alike.mean()), 4),
                "least_cosine": round(float(((first * second).sum(axis=1) / lengths).min()), 5),
            }
        )
    return listed


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Print the rows in Markdown."""
    lines = [
        "| way | images/s | times naive | same choice | least cosine, of those |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['way']} | {row['images_per_s']:,} | {row['times_naive']} |"
        f" {100 * row['same_choice']:.1f} % | {row['least_cosine']} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
