"""Photographs decoded as small as a build needs them, beside the whole: time, pixels, vectors.

    PYTHONPATH=. .venv/bin/python benchmarks/decoding.py PATH/portraits.tar.gz

Photographs are those of benchmarks/builds.py, weights the packaged ones. A row says for what they
are decoded: for the drawing alone, or for portraits, too (landmarks, recogniser). Processor time is
of one thread, for decoding and cutting out, and for the canonical views, seen by the student or
drawn, in float32. Vectors are the student's and the drawn ones. Results:
benchmarks/results/decoding.json.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from against import machine
from builds import WEIGHTS, make_photographs
from PIL.Image import Image

from gallery import align
from gallery.align import Aligner, Pixels
from gallery.arrays import Floats
from gallery.images import Reduce, decode, decoding_of
from gallery.portraits import WIDE, portrait_aligner
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.student.views import seen_views
from generator.weights_file import find_weights

RESULTS = Path(__file__).parent / "results" / "decoding.json"


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, metavar="PORTRAITS.TAR.GZ")
    parser.add_argument("--photographs", type=int, default=64)
    parser.add_argument("--reserve", type=float, default=align.RESERVE, help="Another reserve.")
    parser.add_argument("--folder", type=Path, help="Keep the photographs there, and use them.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    align.RESERVE = asked.reserve
    with TemporaryDirectory() as place:
        folder = (asked.folder or Path(place)) / "all"
        make_photographs(asked.archive, folder, asked.photographs)
        files = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    engine = Engine.open(find_weights(WEIGHTS), torch.device("cpu"), precision=torch.float32)
    face = engine.card.aligner
    portrait = portrait_aligner(face, WIDE)
    found = {
        "machine": machine(),
        "weights": WEIGHTS,
        "photographs": len(files),
        "reserve": asked.reserve,
        "rows": {
            "the drawing": compared(engine, files, [face]),
            "portraits, too": compared(engine, files, [face, portrait]),
        },
    }
    asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def compared(engine: Engine, files: Sequence[bytes], cutters: Sequence[Aligner]) -> dict[str, Any]:
    """Decode whole, and as small as some aligners need; compare what comes of both."""
    small: list[Image] = []
    cut(files[:1], cutters, None)  # warms up
    whole_ms, whole = cut(files, cutters, None)
    small_ms, less = cut(files, cutters, partial(smallest, cutters), small)
    off = [one.astype(np.float32) - other for one, other in zip(less, whole, strict=True)]
    views_ms, cosines = {}, {}
    for name, made in (("seen", _seen), ("drawn", _drawn)):
        before = made(engine, whole[0])
        began = time.process_time()
        views = made(engine, less[0])
        views_ms[name] = round(1e3 * (time.process_time() - began) / len(files), 2)
        same = (views * before).sum(axis=1)
        cosines[name] = [round(float(value), 5) for value in (same.min(), np.median(same))]
    return {
        "decoded_at": dict(Counter(f"1/{decoding_of(image).reduction}" for image in small)),
        "cpu_ms": {"whole": round(whole_ms, 2), "small": round(small_ms, 2)},
        "grey_levels_rms": [round(float(np.sqrt(np.square(one).mean())), 2) for one in off],
        "views_cpu_ms": views_ms,
        "cosines": cosines,
    }


def smallest(cutters: Sequence[Aligner], size: tuple[int, int]) -> int:
    """Say at which part of its size a photograph may be decoded, as a build does."""
    return min(one.reduction(size) for one in cutters)


def cut(
    files: Sequence[bytes],
    cutters: Sequence[Aligner],
    reduce: Reduce | None,
    images: list[Image] | None = None,
) -> tuple[float, list[Pixels]]:
    """Decode files and cut them out; return milliseconds a file, and what each aligner cut."""
    began = time.process_time()
    made: list[list[Pixels]] = [[] for _ in cutters]
    for content in files:
        image = decode(content, reduce=reduce)
        if images is not None:
            images.append(image)
        for place, one in zip(made, cutters, strict=True):
            place.append(one.align(image))
    took = time.process_time() - began
    return 1e3 * took / len(files), [np.stack(place) for place in made]


def _seen(engine: Engine, pixels: Pixels) -> Floats:
    student = engine.student()
    glance = student.look(pixels)
    return seen_views(student, glance, Rule.of(engine.card), engine.card.space).embeddings


def _drawn(engine: Engine, pixels: Pixels) -> Floats:
    return canonicalise(engine, pixels, Rule.of(engine.card)).embeddings


def table(found: dict[str, Any]) -> str:
    """Return all of it as Markdown."""
    lines = [
        f"{found['photographs']} photographs; CPU ms, grey levels (rms), least and median cosines",
        "",
        "| for | at | whole / small | times less | off | seen | drawn | cosines: seen | drawn |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in found["rows"].items():
        whole, small = row["cpu_ms"].values()
        cells = [
            ", ".join(f"{part}: {count}" for part, count in row["decoded_at"].items()),
            f"{whole:g} / {small:g}",
            f"{whole / small:.1f}",
            " and ".join(f"{one:g}" for one in row["grey_levels_rms"]),
            *(f"{row['views_cpu_ms'][view]:g}" for view in ("seen", "drawn")),
            *(", ".join(f"{one:g}" for one in row["cosines"][view]) for view in ("seen", "drawn")),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
