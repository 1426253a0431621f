"""Sixty mixed photographs, as people have them: find-faces, index build, query; memory and speed.

They are made of portraits and CMU heads on painted walls: as phones take them, turned by EXIF, with
two people, with none, with sunglasses, rolled, with small faces, and of 24 megapixels. Each command
is a process of its own, whose peak memory is measured; every photograph that is left out has to be
named. Faces a second are compared with dlib's detector alone on a quarter of the photographs, in
turn, by processor seconds.

    PYTHONPATH=. python benchmarks/mixed_photographs.py --portraits portraits.tar.gz \
        --cmu cmu-faces.tar.gz
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.against import processor
from benchmarks.landmarks import heads, official
from gallery.detection.geometry import Detector, NoFaceError, find_face
from gallery.detection.registry import AUTO, open_detector
from gallery.images import load

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PHONE, LARGE = (4000, 3000), (6000, 4000)  # 12 and 24 megapixels
EXIF_ORIENTATION = 0x0112
UNTURNED = {3: 180, 6: 90, 8: 270}  # degrees anticlockwise that undo what EXIF asks for
# How many of each kind, and which image a kind is made of.
KINDS = {
    "phone": 14,
    "exif": 9,
    "two": 9,
    "none": 8,
    "sunglasses": 8,
    "rolled": 6,
    "large": 6,
}


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        seconds: Of the processor, all threads.
        megabytes: Most memory that was resident.
        printed: What it said on standard output.
    """

    seconds: float
    megabytes: float
    printed: str


def main() -> None:
    """Measure; print a table; write results/mixed-photographs.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--cmu", type=Path, required=True)
    parser.add_argument("--keep", type=Path, help="make the photographs here and leave them there")
    parser.add_argument("--of", type=int, default=1, help="only every so many photographs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch) / "photos"
        kinds = {kind: -(-count // given.of) for kind, count in KINDS.items()}
        portraits = official(given.portraits, sum(kinds.values()))
        names = make(folder, portraits, sunglasses(given.cmu), kinds)
        report = {
            "processor": processor(),
            "photographs": len(names),
            **walk(folder, Path(scratch) / "collection", names),
            "speed": compared([folder / name for name in names[::4]]),
        }
    (RESULTS / "mixed-photographs.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def make(
    folder: Path,
    portraits: Sequence[Image.Image],
    dark: Sequence[Image.Image],
    kinds: Mapping[str, int],
) -> list[str]:
    """Write so many photographs of each kind, and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    for kind, count in kinds.items():
        for number in range(count):
            place = len(names)
            source = dark[number % len(dark)] if kind == "sunglasses" else portraits[place]
            other = portraits[(place + 7) % len(portraits)]
            name = f"{place:02d}-{kind}.jpg"
            exif = turned(kind, number)
            picture = paint(kind, place, source, other)
            if kind == "exif":
                picture = picture.rotate(UNTURNED[exif[EXIF_ORIENTATION]], expand=True)
            picture.save(folder / name, quality=88, exif=exif)
            names.append(name)
    return names


def paint(kind: str, number: int, face: Image.Image, other: Image.Image) -> Image.Image:
    """Paint one photograph: a wall, and people in front of it."""
    size = LARGE if kind == "large" else PHONE
    picture = wall(size, number)
    if kind == "none":
        return picture
    if kind == "rolled":
        face = face.rotate(25 * (-1) ** number, Image.Resampling.BICUBIC, expand=True)
    hang(picture, face, 0.5 if kind != "two" else 0.45, 0.05)
    if kind == "two":
        hang(picture, other, 0.25, 0.62)
    return picture


def wall(size: tuple[int, int], seed: int) -> Image.Image:
    """Paint a wall: colours that run into each other, and grain."""
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 200, (6, 8, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((size[0] // 4, size[1] // 4), Image.Resampling.BICUBIC)
    grain = random.normal(0, 4, (size[1] // 4, size[0] // 4, 1))
    pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize(size)


def hang(picture: Image.Image, face: Image.Image, height: float, left: float) -> None:
    """Put a portrait into a picture, of a share of its height, at a share of its width."""
    side = int(picture.height * height)
    large = face.resize((side * face.width // face.height, side), Image.Resampling.BICUBIC)
    picture.paste(large, (int(picture.width * left), int(picture.height * 0.2)))


def turned(kind: str, number: int) -> Image.Exif:
    """Return the EXIF data of a photograph: one of three turns, or upright."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = list(UNTURNED)[number % 3] if kind == "exif" else 1
    return exif


def sunglasses(cmu: Path) -> list[Image.Image]:
    """Return CMU heads with sunglasses, seen straight."""
    straight = (photo.image for kind, photo in heads(cmu, 40, "sunglasses") if "straight" in kind)
    return [image.convert("RGB") for image in straight][:: max(1, 80 // KINDS["sunglasses"])]


def walk(folder: Path, collection: Path, names: Sequence[str]) -> dict[str, Any]:
    """Find the faces, build, ask; return peak memory of each and what was left out."""
    spec = f"folder:{folder}"
    found = run("data", "find-faces", spec, "--json")
    built = run("index", "build", spec, "--collection", collection, "--weights", "pose-mindseye-60")
    asked = run(
        *("query", folder / names[0], "--crop", "face", "--wish", "pose=45"),
        *("--collection", collection, "--json"),
    )
    said = json.loads(found.printed)
    steps = {"find-faces": found, "index build": built, "query": asked}
    return {
        "found": said["found"],
        "several": sorted(said["several"]),
        "left out": sorted(said["none"]),
        "should be left out": [name for name in names if "none" in name],
        "steps": {name: {"MB": one.megabytes, "s": one.seconds} for name, one in steps.items()},
        "built": built.printed.strip(),
    }


def run(*arguments: object) -> Ran:
    """Run one mindseye command; raise if it fails."""
    command = [sys.executable, "cli.py", *map(str, arguments)]
    code = "import sys; from cli import main; sys.argv[0] = 'mindseye'; main()"
    command[1:2] = ["-c", code]
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out)  # noqa: S603  our own command
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read().decode()
    if process.returncode:
        raise SystemExit(f"{arguments}: exit status {process.returncode}")
    megabytes = used.ru_maxrss / 1024
    return Ran(round(used.ru_utime + used.ru_stime, 1), round(megabytes), printed)


def compared(paths: Sequence[Path]) -> dict[str, Any]:
    """Let detectors look at the same photographs in turn; return faces a second and their ratio."""
    detectors = {name: open_detector(name) for name in ("dlib", AUTO)}
    seconds, faces = dict.fromkeys(detectors, 0.0), dict.fromkeys(detectors, 0)
    for name, looks in turns(paths, detectors):
        before = time.process_time()
        faces[name] += looks()
        seconds[name] += time.process_time() - before
    rates = {name: faces[name] / seconds[name] for name in detectors}
    return {
        "photographs": len(paths),
        "found": faces,
        "faces a second": {name: round(rate, 2) for name, rate in rates.items()},
        "ratio": round(rates[AUTO] / rates["dlib"], 1),
    }


def turns(
    paths: Sequence[Path], detectors: dict[str, Detector]
) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield each detector with one photograph after the other: decodes and looks."""
    for path in paths:
        for name, detector in detectors.items():
            yield name, lambda path=path, detector=detector: looks_at(path, detector)


def looks_at(path: Path, detector: Detector) -> int:
    """Return 1 if a face is found in a photograph, else 0."""
    try:
        find_face(load(path), detector)
    except NoFaceError:
        return 0
    return 1


if __name__ == "__main__":
    main()
