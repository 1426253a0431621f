"""What `mindseye serve` takes until people see the page, and until a face is drawn.

    PYTHONPATH=. python benchmarks/serve_start.py mindseye-demo/collection --rounds 5

Each round starts a new process, bytecode cached, and asks what a browser asks, in its order.
Seconds by the clock count from the start of the process; processor seconds are those of all its
threads until then, and tell more where other work shares the machine. `floor` is a process that
imports the web framework and nothing else: no service on this machine can be faster. With --commit,
another commit does the same beside it, in turn, on a copy (benchmarks/against.py).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from against import NOW, ROOT, THEN, Side, both, in_turn, machine, revision, summary, table

FLOOR = "import fastapi, uvicorn, jinja2, prometheus_client, python_multipart"
SERVE = "import sys; from cli import main; sys.argv = ['mindseye', *sys.argv[1:]]; main()"
PATIENCE_S = 300.0
STATIC = ("base.css", "views.css", "search.js", "shell.js", "api.js", "picker.js")


def main() -> None:
    """Measure, print a table, write the results where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commit", help="Beside which commit.")
    parser.add_argument("--attribute", default="pose")
    parser.add_argument("--out", type=Path, help="Write the results as JSON.")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="mindseye-start-") as folder:
        sides: tuple[Side, ...] = (Side(NOW, ROOT, Path(sys.executable)),)
        if asked.commit:
            sides = both(asked.commit, Path(folder))
        own = {
            side.name: shutil.copytree(asked.collection, Path(folder) / f"own-{side.name}")
            for side in sides
        }
        taken = in_turn(
            sides, lambda side: start(side, own[side.name], asked.attribute), asked.rounds
        )
    taken.setdefault(THEN, taken[NOW])
    results = {
        "commits": {THEN: asked.commit or revision(), NOW: revision()},
        "machine": machine(),
        **summary(taken),
    }
    if asked.out is not None:
        asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(results) + "\n")


def start(side: Side, collection: Path, attribute: str) -> dict[str, float]:
    """Start a service, ask what a browser asks, and stop it; return seconds by what was seen."""
    environment = {**os.environ, "PYTHONPATH": str(side.place)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have it cached
    environment.pop("MINDSEYE_TOKEN", None)
    floor = [str(side.python), "-c", FLOOR]
    taken = {"floor, processor s": run(floor, side, environment)}
    command = [str(side.python), "-c", SERVE, "serve", "--port", "0", "--collection"]
    with subprocess.Popen(  # noqa: S603
        [*command, str(collection)],
        env=environment,
        cwd=side.place,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watch = Watch(process.pid)
        try:
            assert process.stderr is not None  # noqa: S101  a pipe was asked for
            url = process.stderr.readline().split()[-1].partition("/#")[0]
            watch.note("link is printed")
            look(url, watch, attribute)
        finally:
            process.terminate()
            process.communicate()
    return taken | watch.seen


def run(command: list[str], side: Side, environment: dict[str, str]) -> float:
    """Run a command to its end; return processor seconds."""
    with subprocess.Popen(command, env=environment, cwd=side.place) as child:  # noqa: S603
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command} failed")
    return used.ru_utime + used.ru_stime


class Watch:
    """Notes by the clock, and in processor seconds of a process, when something was seen."""

    def __init__(self, pid: int) -> None:
        self.seen: dict[str, float] = {}
        self._pid, self._began = pid, time.perf_counter()

    def note(self, what: str) -> None:
        """Note that something is there."""
        self.seen[f"{what}, s"] = time.perf_counter() - self._began
        self.seen[f"{what}, processor s"] = self._worked()

    def _worked(self) -> float:
        """Return processor seconds of all threads, user and system. Source: proc(5)."""
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def look(url: str, watch: Watch, attribute: str) -> None:
    """Ask what the page asks; note when each was there."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        for path in ("/", *(f"/static/{name}" for name in STATIC)):
            client.get(path).raise_for_status()
        watch.note("page")
        for path in ("/v1/system", "/v1/collections", "/v1/labels"):
            client.get(path).raise_for_status()
        asked = {"limit": 36, "one_each": "identity"}
        faces = client.get("/v1/images", params=asked).json()["images"]
        for face in faces[:12]:
            client.get(f"{face['thumbnail']}&size=256").raise_for_status()
        watch.note("faces of the gallery")
        drawn = client.post("/v1/draw", data={"id": faces[0]["id"], "attribute": attribute})
        drawn.raise_for_status()
        watch.note("drawings of a face")


if __name__ == "__main__":
    main()
