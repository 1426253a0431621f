"""What one cold `mindseye query` takes, stage by stage, beside another commit of this program.

The other commit indexes the packaged gallery as its demonstration does; both then ask a copy of
that collection the same question, in turn, each time in a new process with its bytecode cached
(benchmarks/against.py). Of the stages processor seconds count (of all threads, user and system):
wall seconds depend on what else the machine does.

    PYTHONPATH=. .venv/bin/python benchmarks/startup.py       # results/startup.json
"""

import argparse
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from against import NOW, THEN, Side, both, in_turn, machine, revision, summary, table

HERE = Path(__file__).parent
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
        then, now = both(asked.commit, Path(folder))
        demos = {side.name: Path(folder) / f"demo-{side.name}" for side in (then, now)}
        then.run(["python", "-c", INDEX, str(demos[THEN])])
        shutil.copytree(demos[THEN], demos[NOW])  # opening it migrates it
        stages = Path(folder) / "stages.json"
        taken = in_turn((then, now), lambda side: ask(side, demos[side.name], stages), asked.rounds)
    results = {
        "commits": {THEN: asked.commit, NOW: revision()},
        "machine": machine(),
        **summary(taken),
    }
    asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def ask(side: Side, demo: Path, stages: Path) -> dict[str, float]:
    """Ask once plainly, and once with the stages timed; return seconds of processor by name."""
    question = ["query", str(demo / "face.ppm"), "--wish", WISH]
    question += ["--collection", str(demo / "collection"), "--device", "cpu"]
    whole = side.run(["mindseye", *question])
    side.run(["python", str(HERE / "startup_stages.py"), str(stages), *question])
    timed: dict[str, float] = json.loads(stages.read_text(encoding="utf-8"))
    return {**whole, **timed}


if __name__ == "__main__":
    main()
