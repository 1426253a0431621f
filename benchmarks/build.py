"""Speed and memory of building: python benchmarks/build.py [--images N] [--given N] [--weights W].

Stages, each alone: reading and hashing, decoding and aligning (one thread, and as many as a build
uses), drawing, appending. Then the whole build beside a naive loop that does one image after the
other, and the peak memory of both. Then `--given` embeddings are taken in as
`retrieval/collection/bulk.py` does, with the rate of the catalogue alone, filters, removals,
opening, and peak memory.

Images are JPEG files of noise, 256 x 256. Without --weights, a generator with the published 60 x 60
layers that nobody trained draws. Every measurement runs in a process of its own.
Results: benchmarks/results/build.json, after each measurement; --only makes one of them, --table
prints them as Markdown.
"""

import argparse
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from gallery.align import Aligner, Pixels
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.catalogue.records import FileRecord
from gallery.images import decode, read_file
from gallery.readers.registry import open_faces
from generator.canonical import canonicalise
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from index import store
from index.contract import IndexContract
from retrieval.collection.build import build
from retrieval.collection.bulk import EmbeddedImages, add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish

RESULTS = Path(__file__).parent / "results" / "build.json"
DIMENSION = 256
PORTION = 8192
SPACE = AttributeSpace((Attribute("pose", ("-45", "0", "45"), "degree"),))

FILTERS = (
    "identity in (s1, s2, s3, s4, s5, s6, s7, s8, s9, s10)",
    "illumination=3",
    "illumination=3 and pose=45 and not identity ~ s1*",
    "estimate.pose=45",
    "path ~ '/nowhere/*'",
)


def main() -> None:
    """Measure what was asked for, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--naive", type=int, default=500, help="images of the naive loop")
    parser.add_argument("--given", type=int, default=1_000_000)
    parser.add_argument("--architecture", default="two-stage-32")
    parser.add_argument("--only", choices=["stages", "naive", "whole", "given"], action="append")
    parser.add_argument("--folder", type=Path, help="of a measurement in its own process")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what was found before")
    arguments = parser.parse_args()
    if arguments.folder:
        measured = MEASUREMENTS[arguments.only[0]](arguments.folder, arguments)
        measured["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        sys.stdout.write(json.dumps(measured))
        return
    out = arguments.out
    found = json.loads(out.read_text("utf-8")) if out.exists() else {}
    if arguments.table:
        print(table(found))
        return
    with tempfile.TemporaryDirectory() as name:
        chosen = arguments.only or list(MEASUREMENTS)
        if chosen != ["given"]:
            make_weights(Path(name), arguments.architecture)
            draw_photographs(Path(name) / "photos", arguments.images)
        for only in chosen:
            found[only] = in_a_process(Path(name), only)
            print(only, json.dumps(found[only]), flush=True)
            found["machine"] = {
                "cores": os.cpu_count(),
                "load": [round(one, 1) for one in os.getloadavg()],
                "torch": torch.__version__,
                "python": platform.python_version(),
            }
            out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found))


def table(found: dict[str, Any]) -> str:
    """Spell results as Markdown."""
    lines = ["| | |", "|---|---:|"]
    for name, measured in found.items():
        for what, value in measured.items():
            if what == "filters":
                lines += [
                    f"| filter `{where}`: {told['images']:,} images | {told['seconds']} s |"
                    for where, told in value.items()
                ]
            else:
                shown = f"{value:,}" if isinstance(value, int | float) else value
                lines.append(f"| {name}: {what} | {shown} |")
    return "\n".join(lines)


def in_a_process(folder: Path, only: str) -> dict[str, Any]:
    """Measure one thing in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(folder)]
    kept = [part for part in command if part not in MEASUREMENTS and part != "--only"]
    kept += ["--only", only]
    done = subprocess.run(kept, capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def make_weights(folder: Path, name: str) -> None:
    """Write weights that nobody trained."""
    chosen = architecture(name)
    network = chosen.build(SPACE.size, {})
    initialise(network, torch.Generator().manual_seed(0))
    size, channels = (32, 1) if name.endswith("32") else (60, 3)
    card = Card(
        name="bench",
        architecture=name,
        space=SPACE,
        aligner=Aligner(size=size, channels=channels),
        mean=(110.0,) * channels,
        deviation=(60.0,) * channels,
        train_identities=(),
        seed=0,
    )
    (folder / "weights").mkdir()
    save_weights(folder / "weights" / "weights.safetensors", network, card)


def draw_photographs(folder: Path, count: int) -> None:
    """Write JPEG files of smooth noise, no two alike."""
    folder.mkdir()
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((256, 256)).save(folder / f"{number:07d}.jpg", quality=85)


def open_engine(folder: Path) -> Engine:
    """Open the generator."""
    return Engine.open(folder / "weights" / "weights.safetensors", torch.device("cpu"))


def rate(work: Callable[[], int]) -> float:
    """Return how many a second some work handles."""
    started = time.perf_counter()
    count = work()
    return round(count / (time.perf_counter() - started), 1)


def stages(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure each stage alone, in images a second."""
    faces = open_faces(f"folder:{folder / 'photos'}")
    chosen = faces.faces[: min(2048, arguments.images)]
    paths = [faces.path(face) for face in chosen]
    engine = open_engine(folder)
    aligner = engine.card.aligner
    contents = [read_file(path) for path in paths]
    pixels = np.stack([aligner.align(decode(content)) for content in contents])
    threads = min(8, os.cpu_count() or 1)

    def read(path: Path) -> str:
        return hashlib.sha256(read_file(path)).hexdigest()

    def align(content: bytes) -> Pixels:
        return aligner.align(decode(content))

    def drawn() -> int:
        part = pixels[:512]
        for start in range(0, len(part), 256):
            canonicalise(engine, part[start : start + 256])
        return len(part)

    def appended() -> int:
        rows = np.random.default_rng(0).normal(size=(256, engine.dimension)).astype(np.float32)
        for number in range(1, 9):
            store.append_shard(folder / "space", number, np.arange(256), rows)
        return 8 * 256

    with ThreadPoolExecutor(threads) as pool:
        return {
            "read and hash, 1 thread": rate(lambda: len([read(path) for path in paths])),
            "read and hash, threads": rate(lambda: len(list(pool.map(read, paths)))),
            "decode and align, 1 thread": rate(lambda: len([align(one) for one in contents])),
            "decode and align, threads": rate(lambda: len(list(pool.map(align, contents)))),
            "draw and embed": rate(drawn),
            "append": rate(appended),
            "threads": threads,
            "dimension": engine.dimension,
        }


def naive(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Do one image after the other: read, decode, align, draw, keep in a list, save at the end."""
    faces = open_faces(f"folder:{folder / 'photos'}")
    engine = open_engine(folder)
    count = min(arguments.naive, arguments.images)

    def loop() -> int:
        kept = []
        for face in faces.faces[:count]:
            pixels = engine.card.aligner.align(faces.load(face))
            kept.append(canonicalise(engine, pixels[None]).embeddings[0])
        np.save(folder / "naive.npy", np.stack(kept))
        return count

    return {"images": count, "images_per_s": rate(loop)}


def whole(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Build everything."""
    collection = Collection.open_or_create(folder / "collection")
    engine = open_engine(folder)
    weights = folder / "weights" / "weights.safetensors"

    def everything() -> int:
        with collection.writing():
            faces = open_faces(f"folder:{folder / 'photos'}")
            return list(build(collection, faces, engine, weights))[-1].indexed

    built = rate(everything)
    again = rate(lambda: everything() + arguments.images)
    return {"images": arguments.images, "images_per_s": built, "again_images_per_s": again}


def given(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Take in embeddings that are given, publish, ask the catalogue, remove."""
    collection = Collection.open_or_create(folder / "given")
    contract = IndexContract(
        extractor="given",
        weights_sha256="0" * 64,
        attribute_space=(("pose", ("-45", "0", "45")),),
        aligner="none",
        canonicalisation="none",
        projection="none",
        dimension=DIMENSION,
    )
    found: dict[str, Any] = {"images": arguments.given, "dimension": DIMENSION}
    with collection.writing():
        steps = add_embedded(collection, "given", contract, portions(arguments.given))
        found["taken_in_per_s"] = rate(lambda: list(steps)[-1])
        found["publish_s"] = seconds(lambda: publish(collection, "given"))
    space = collection.catalogue.spaces.get("given")
    images = collection.catalogue.images
    found["filters"] = {}
    for where in FILTERS:
        matching = len(images.matching(where, space.id))
        took = seconds(lambda where=where: images.matching(where, space.id))
        found["filters"][where] = {"images": matching, "seconds": took}
    chosen = list(range(1, arguments.given, max(1, arguments.given // 1000)))[:1000]
    found["remove_1000_s"] = seconds(lambda: images.remove(chosen))
    found["removed_since_s"] = seconds(
        lambda: collection.catalogue.spaces.removed_since(space.id, space.generation or 0)
    )
    written = [path.stat().st_size for path in (folder / "given").glob("catalogue.db*")]
    found["catalogue_mb"] = round(sum(written) / 2**20, 1)  # its log is part of it
    found["vectors_mb"] = round(arguments.given * DIMENSION * 4 / 2**20)
    return found


def portions(count: int) -> Iterator[EmbeddedImages]:
    """Yield unit vectors of noise, with identities, conditions and estimates."""
    random = np.random.default_rng(0)
    for first in range(0, count, PORTION):
        numbers = range(first, min(first + PORTION, count))
        vectors = random.normal(size=(len(numbers), DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        poses = [str(15 * (n % 7) - 45) for n in numbers]
        yield EmbeddedImages(
            tuple(
                FileRecord(
                    f"/photos/{n // 1000}/{n}.jpg",
                    hashlib.sha256(str(n).encode()).hexdigest(),
                    None,
                    f"s{n // 140 % 1000}",
                    Condition(pose=pose, illumination=str(n % 20)),
                    1,
                    1,
                )
                for n, pose in zip(numbers, poses, strict=True)
            ),
            vectors,
            tuple(Condition(pose=pose) for pose in poses),
        )


def seconds(work: Callable[[], Any]) -> float:
    """Return how long some work takes."""
    started = time.perf_counter()
    work()
    return round(time.perf_counter() - started, 4)


MEASUREMENTS: dict[str, Callable[[Path, argparse.Namespace], dict[str, Any]]] = {
    "stages": stages,
    "naive": naive,
    "whole": whole,
    "given": given,
}


if __name__ == "__main__":
    main()
