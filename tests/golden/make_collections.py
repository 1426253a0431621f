"""Make the golden collections: small galleries built by an earlier commit, kept as that left them.

Run it with the packages of the commit in question, from any folder:

    git worktree add /tmp/earlier 40c0497
    PYTHONPATH=/tmp/earlier .venv/bin/python tests/golden/make_collections.py 40c0497 OUT

needs the extras `cpu` and `identity`. Each OUT/NAME.tar.gz holds a collection without its copy of
the packaged weights' network (the card is there; a test puts the network back), `probes.npy`
(probes as that commit made them) and `answers.json` (what it found for them).
"""

import argparse
import csv
import importlib
import json
import shutil
import sys
import tarfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cli import main  # noqa: TID251  the program itself is what makes them
from gallery.readers.registry import open_faces
from generator.weights_file import find_weights

FOLDER = Path("/tmp/golden")  # noqa: S108  the catalogues name it, so it is nobody's
PEOPLE = ("900000", "900001", "900002", "900003")
POSES = ("-45", "-30", "-15", "0", "15", "30", "45")
LIGHTS = ("3", "7", "17")
WEIGHTS = "pose-mindseye-60"  # of those commits; now: pose-drawn-60
MANY = "2 within 4"
COLLECTIONS: dict[
    str, dict[str, tuple[str, ...]]
] = {  # by the commit that makes them: what each is built with
    "40c0497": {
        "exact-drawing": ("--kind", "exact", "--score", "drawing"),
        "ivf-values": ("--kind", "ivf", "--score", "drawing+values"),
        "hnsw-values-two": ("--kind", "hnsw", "--score", "drawing+values", "--hypotheses", MANY),
        "sq8-fused": ("--kind", "sq8", "--score", "fused"),
    },
    "926b9a1": {  # vectors of one length, manifests of format 3, cards that name the recogniser
        "hnsw-values-column": ("--kind", "hnsw", "--score", "drawing+values"),
        "sq8-fused-column": ("--kind", "sq8", "--score", "fused"),
    },
}


def find(name: str, *modules: str) -> Any:
    """Return what a module defines, wherever that stood at the commit in question."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"none of {modules} is there")


Collection = find("Collection", "retrieval.collection.collection", "retrieval.collection")
open_searcher = find("open_searcher", "retrieval.search.searcher", "retrieval.search")


def run(*arguments: object) -> None:
    """Run a command of mindseye in this process."""
    sys.argv = ["mindseye", *map(str, arguments)]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


def write_faces(folder: Path, lights: tuple[str, ...]) -> None:
    """Write some images of the packaged gallery, with labels.csv."""
    folder.mkdir(parents=True)
    faces = open_faces("studio-mini")
    plain = {"accessory": "none", "expression": "neutral", "occlusion": "none"}
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "identity", "pose", "illumination"))
        for face in faces.faces:
            said = dict(face.condition)
            kept = face.identity in PEOPLE and said["illumination"] in lights
            if kept and said["pose"] in POSES and plain.items() <= said.items():
                name = f"{face.identity}_{said['pose']}_{said['illumination']}.png"
                if not (folder / name).exists():
                    faces.load(face).save(folder / name)
                    rows.writerow((name, face.identity, said["pose"], said["illumination"]))


def write_weights(folder: Path) -> Path:
    """Write the packaged weights with a card that has fitted second hypotheses, too."""
    shipped = find_weights(WEIGHTS)
    folder.mkdir(parents=True)
    shutil.copy(shipped, folder / shipped.name)
    card = json.loads(shipped.with_suffix(".json").read_text("utf-8"))
    tried = {MANY: {"log_probability": 0.5, "hit_rate": {"C1": 0.9, "C2": 0.9}}}
    card["fusion"]["hypotheses"] = {"drawing+values": {"chosen": "1", "tried": tried}}
    (folder / shipped.with_suffix(".json").name).write_text(json.dumps(card, indent=1), "utf-8")
    return folder / shipped.name


def remove(collection: Path, *names: str) -> None:
    """Remove images by hand."""
    for name in names:
        run("index", "remove", "--where", f'path ~ "*{name}"', "--collection", collection)


def build(collection: Path, options: tuple[str, ...], weights: Path) -> None:
    """Build in two steps, with removals before and after the second is published."""
    first, second = f"folder:{FOLDER}/first", f"folder:{FOLDER}/second"
    run("index", "build", first, "--weights", weights, "--collection", collection, *options)
    remove(collection, "900000_0_3.png", "900001_45_7.png")
    run("index", "build", second, "--weights", weights, "--collection", collection)
    remove(collection, "900002_-45_17.png", "900003_15_7.png")


class Probes:
    """Hears what an index is asked."""

    def __init__(self, index: Any) -> None:
        self.index, self.heard = index, list[np.ndarray[Any, Any]]()

    def search(self, probes: np.ndarray[Any, Any], *arguments: Any, **more: Any) -> Any:
        """Note the probes, and pass them on."""
        self.heard.append(probes)
        return self.index.search(probes, *arguments, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


def ask(root: Path) -> tuple[np.ndarray[Any, Any], list[Any]]:
    """Ask about one image of each person; return probes, (Q, F), and what was found for each."""
    collection, answers, probes = Collection.open(root), list[Any](), list[np.ndarray[Any, Any]]()
    faces = open_faces(f"folder:{FOLDER}/first")
    for person, (source, wished) in product(PEOPLE, (("-30", "30"), ("15", "0"), ("45", "-45"))):
        name = f"{person}_{source}_3.png"
        searcher = open_searcher(collection, [f"pose={wished}"], torch.device("cpu"))
        hearing: Any = Probes(searcher.index)
        searcher.index = hearing
        face = next(one for one in faces.faces if Path(one.name).name == name)
        answer = searcher.query(faces.load(face), [f"pose={wished}"], 10)
        probes.append(hearing.heard[0][0])
        found = [(Path(hit.path).name, hit.score, dict(hit.parts)) for hit in answer.hits]
        answers.append({"source": name, "wish": f"pose={wished}", "found": found})
    collection.close()
    return np.stack(probes), answers


def pack(root: Path, out: Path) -> None:
    """Pack a collection with its probes and answers, without the network of its weights."""
    probes, answers = ask(root)
    np.save(root / "probes.npy", probes.astype(np.float32))
    (root / "answers.json").write_text(json.dumps(answers, indent=1), "utf-8")
    for network in root.glob("spaces/*/weights.safetensors"):
        network.unlink()
    for left in (*root.glob("*.db-wal"), *root.glob("*.db-shm"), *root.rglob("*.lock")):
        left.unlink()
    with tarfile.open(out / f"{root.name}.tar.gz", "w:gz") as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, path.relative_to(root), recursive=False, filter=_nobodys)


def _nobodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid, info.gid, info.uname, info.gname, info.mtime = 0, 0, "", "", 0
    return info


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", choices=COLLECTIONS)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    write_faces(FOLDER / "first", LIGHTS[:2])
    write_faces(FOLDER / "second", LIGHTS[2:])
    fitted = given.commit == "40c0497"  # one of its collections has second hypotheses
    weights = write_weights(FOLDER / WEIGHTS) if fitted else find_weights(WEIGHTS)
    for name, options in COLLECTIONS[given.commit].items():
        build(FOLDER / name, options, weights)
        pack(FOLDER / name, given.out)
