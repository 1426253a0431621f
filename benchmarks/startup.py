"""What one cold `mindseye query` takes, stage by stage, beside another commit of this program.

The other commit is checked out into a temporary folder and run by the same interpreter with the
same packages. It indexes the packaged gallery as the demonstration does; both then ask that
collection the same question, in turn, each time in a new process with its bytecode cached.
Processor seconds count (of all threads, user and system): wall seconds depend on what else the
machine does.

    PYTHONPATH=. .venv/bin/python benchmarks/startup.py       # results/startup.json
"""

import argparse
import io
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

HERE = Path(__file__).parent
ROOT = HERE.parent
STAGES = ("imports", "weights", "index", "drawing", "search", "rest")
WISH = "pose=45"
INDEX = """
import sys, torch
from pathlib import Path
from retrieval import demo
plan = demo.plan(Path(sys.argv[1]), torch.device("cpu"))
for weights in plan.weights[:1]:
    for _ in demo.index(plan, weights):
        pass
face = next(face for face in plan.faces.faces if face.condition["pose"] == "-45")
(Path(sys.argv[1]) / "face.ppm").write_bytes(plan.faces.read(face))
"""


def main() -> None:
    """Measure, print a table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commit", default="40c0497", help="Beside which commit.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "startup.json")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="mindseye-startup-") as folder:
        other = Path(folder) / "other"
        checkout(asked.commit, other)
        demo = Path(folder) / "demo"
        run([sys.executable, "-c", INDEX, str(demo)], other)
        places = {"then": (other, demo), "now": (ROOT, Path(folder) / "demo-now")}
        shutil.copytree(demo, places["now"][1])  # opening it migrates it
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in places}
        for turn in range(asked.rounds + 1):
            for name, (place, asked_of) in places.items():
                one = ask(place, asked_of, Path(folder) / "stages.json")
                if turn:  # the first one writes bytecode
                    taken[name].append(one)
    results = summary(taken)
    results["machine"] = machine()
    results["commits"] = {"then": asked.commit, "now": revision()}
    asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def checkout(commit: str, folder: Path) -> None:
    """Put the files of a commit into a folder."""
    folder.mkdir()
    packed = subprocess.run(  # noqa: S603
        ["git", "archive", commit],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def run(command: list[str], place: Path) -> None:
    """Run a program with the modules of a checkout, its bytecode cached."""
    environment = {**os.environ, "PYTHONPATH": str(place)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(  # noqa: S603
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed in {place}:\n{done.stderr}")


def ask(place: Path, demo: Path, stages: Path) -> dict[str, float]:
    """Ask once plainly, and once with the stages timed; return seconds of processor by name."""
    question = ["query", str(demo / "face.ppm"), "--wish", WISH]
    question += ["--collection", str(demo / "collection"), "--device", "cpu"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run([sys.executable, "-m", "cli", *question], place)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    run([sys.executable, str(HERE / "startup_stages.py"), str(stages), *question], place)
    timed: dict[str, float] = json.loads(stages.read_text(encoding="utf-8"))
    return {"wall_s": wall_s, "cpu_s": cpu_s, **timed}


def summary(taken: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return medians by commit and what the later one takes of the earlier one."""
    medians = {
        name: {
            key: round(statistics.median(one[key] for one in runs), 3)
            for key in ("wall_s", "cpu_s", *STAGES)
        }
        for name, runs in taken.items()
    }
    then, now = medians["then"], medians["now"]
    ratios = {key: round(now[key] / then[key], 2) for key in then if then[key]}
    return {"rounds": len(taken["now"]), "median": medians, "ratio": ratios}


def table(results: dict[str, Any]) -> str:
    """Return the medians as a table of Markdown."""
    medians, ratios = results["median"], results["ratio"]
    lines = ["| | then | now | ratio |", "|---|---:|---:|---:|"]
    names = {"wall_s": "whole, wall seconds", "cpu_s": "whole, processor seconds"}
    for key in medians["now"]:
        ratio = f"{ratios[key]:.2f}" if key in ratios else ""
        row = (names.get(key, key), *(f"{medians[one][key]:.2f}" for one in ("then", "now")), ratio)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Name processor, instruction sets and torch."""
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def processor() -> str:
    """Return the model of the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def revision() -> str:
    """Return the commit that is checked out here."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    return found.stdout.strip()


if __name__ == "__main__":
    main()
