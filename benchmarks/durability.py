"""Kills survived: python benchmarks/durability.py [--quick].

Every change of a collection (build, add, remove, compact, export, import) is killed with SIGKILL
before each write, rename and commit in turn, and 200 times and more at random instants; after each
kill it is made again, and everything it leaves (files, rows, what a search finds) is compared with
that of a change that was not disturbed. --quick tries one instant of each kind and 20 at random.
The driver is that of the tests, tests/retrieval/killed_changes.py.
Results: benchmarks/results/durability.json, after each change; --change makes one of them again,
--table prints them as Markdown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from generator.card import Card
from tests.retrieval.changes import CHANGES, fill

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "durability.json"
# Tries at random; a change that was done before its instant came is not counted.
RANDOM = {"build": 100, "add": 50, "compact": 70, "import": 80}


def main() -> None:
    """Kill, count, write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--change", choices=list(CHANGES), action="append")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what was found before")
    arguments = parser.parse_args()
    out = arguments.out
    found = json.loads(out.read_text("utf-8")) if out.exists() else {}
    if arguments.table:
        print(table(found))
        return
    wrong = 0
    for change in arguments.change or CHANGES:
        times = RANDOM.get(change, 0)
        told = run(change, "some" if arguments.quick else "all")
        entry = {"instants": len(told["instants"]), "wrong": told["wrong"]}
        if times:
            told = run(change, str(times // 10 if arguments.quick else times))
            entry |= {"random_kills": told["instants"], "random_wrong": told["wrong"]}
            wrong += len(told["wrong"])
        wrong += len(entry["wrong"])
        found[change] = entry | {"quick": arguments.quick}
        print(change, json.dumps(found[change]), flush=True)
        out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found))
    sys.exit(wrong > 0)


def table(found: dict[str, Any]) -> str:
    """Spell results as Markdown."""
    lines = [
        "| change | instants | wrong | killed at random | wrong | quick |",
        "|---|" + "---:|" * 5,
    ]
    for change, entry in found.items():
        random = (
            f"{entry['random_kills']} | {len(entry['random_wrong'])}"
            if "random_kills" in entry
            else "- | -"
        )
        quick = "yes" if entry["quick"] else "no"
        lines.append(
            f"| {change} | {entry['instants']} | {len(entry['wrong'])} | {random} | {quick} |"
        )
    return "\n".join(lines)


def run(change: str, which: str) -> dict[str, Any]:
    """Run the driver on a change."""
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        space = AttributeSpace((Attribute("pose", ("-45", "0", "45"), "degree"),))
        card = Card(
            name="pose-32",
            architecture="two-stage-32",
            space=space,
            aligner=Aligner(size=32, channels=1),
            mean=(110.0,),
            deviation=(60.0,),
            train_identities=(),
            seed=0,
        )
        (folder / "card.json").write_text(json.dumps(card.to_json()), "utf-8")
        fill(folder, folder / "card.json", photograph)
        driver = ROOT / "tests" / "retrieval" / "killed_changes.py"
        done = subprocess.run(  # noqa: S603
            [sys.executable, str(driver), name, change, which],
            env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def photograph(path: Path, seed: int) -> Path:
    """Write a picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 200, (36, 36), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


if __name__ == "__main__":
    main()
