"""A command of the working tree beside the same command of another commit, in turn, in one run.

The commit is checked out into a temporary folder, with an environment of its own: by default with
the packages that are installed here, with `--install` those that its own pyproject.toml asks for.
Both sides start a new process each time, bytecode cached, one after the other; the first pair does
not count. Ratios are taken pair by pair, so that what else the machine does weighs on both sides.

    PYTHONPATH=. .venv/bin/python benchmarks/against.py 40c0497 --rounds 9 -- mindseye weights list

In the command `mindseye` and `python` are those of each side, and `{side}` is "then" or "now".
"""

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent
THEN, NOW = "then", "now"
UNITS = {
    "wall_s": "seconds by the clock",
    "cpu_s": "processor seconds",
    "peak_mib": "peak memory, MiB",
}


@dataclass(frozen=True, slots=True)
class Side:
    """A checkout with its environment.

    Attributes:
        name: "then" or "now".
        place: Folder of the checkout.
        python: Its interpreter.
    """

    name: str
    place: Path
    python: Path

    def run(self, command: Sequence[str]) -> dict[str, float]:
        """Run a command to its end; return what the operating system says that it took.

        Its peak memory reads no less than what this process holds when it starts the other.

        Args:
            command: Its first word may be "mindseye" or "python".
        """
        words = [word.replace("{side}", self.name) for word in command]
        own = {"mindseye": [str(self.python), "-m", "cli"], "python": [str(self.python)]}
        words[:1] = own.get(words[0], words[:1])
        environment = {**os.environ, "PYTHONPATH": str(self.place)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # users have it cached
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603
            words,
            cwd=self.place,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            said = child.stderr.read() if child.stderr else b""
            _, status, used = os.wait4(child.pid, 0)
            wall_s = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{' '.join(words)} failed in {self.place}:\n{said.decode(errors='replace')}")
        return {
            "wall_s": wall_s,
            "cpu_s": used.ru_utime + used.ru_stime,
            "peak_mib": used.ru_maxrss / 1024,
        }


def main() -> None:
    """Measure, print a table, write the results where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("command", nargs="+")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--install", action="store_true", help="With packages of its own, by pip.")
    parser.add_argument("--out", type=Path, help="Write the results as JSON.")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="mindseye-against-") as folder:
        sides = both(asked.commit, Path(folder), install=asked.install)
        taken = in_turn(sides, lambda side: side.run(asked.command), asked.rounds)
    results = {
        "command": asked.command,
        "commits": {THEN: asked.commit, NOW: revision()},
        "machine": machine(),
        **summary(taken),
    }
    if asked.out is not None:
        asked.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    said = ", ".join(f"{name} {value}" for name, value in machine().items())
    print(f"{said}\n\n{table(results)}")


def both(commit: str, folder: Path, *, install: bool = False) -> tuple[Side, Side]:
    """Check out a commit with an environment of its own; return it, and the working tree."""
    place = folder / THEN
    checkout(commit, place)
    return (
        Side(THEN, place, environment(place, folder / "venv", install=install)),
        Side(NOW, ROOT, Path(sys.executable)),
    )


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


def environment(place: Path, folder: Path, *, install: bool) -> Path:
    """Make a virtual environment for a checkout; return its interpreter."""
    venv.create(folder, with_pip=install)
    python = folder / "bin" / "python"
    if install:
        pip = [str(python), "-m", "pip", "install", "--quiet", str(place)]
        subprocess.run(pip, check=True)  # noqa: S603
        return python
    shared = [path for path in sys.path if path.endswith("site-packages")]
    own = Path(
        sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    )
    (own / "shared.pth").write_text("\n".join(shared) + "\n", encoding="utf-8")
    return python


Measure = Callable[[Side], dict[str, float]]
Taken = dict[str, list[dict[str, float]]]


def in_turn(sides: Sequence[Side], measure: Measure, rounds: int) -> Taken:
    """Measure sides in turn; the first time of each, which writes bytecode, does not count."""
    taken: Taken = {side.name: [] for side in sides}
    for number in range(rounds + 1):
        for side in sides:
            one = measure(side)
            if number:
                taken[side.name].append(one)
    return taken


def summary(taken: Taken) -> dict[str, Any]:
    """Return medians and ranges by side, and of the ratios of the pairs the quartiles."""
    names = list(taken[NOW][0])
    ratios = {
        name: [
            now[name] / then[name]
            for then, now in zip(taken[THEN], taken[NOW], strict=True)
            if then[name]
        ]
        for name in names
    }
    return {
        "rounds": len(taken[NOW]),
        "median": {
            side: {name: round(statistics.median(one[name] for one in runs), 3) for name in names}
            for side, runs in taken.items()
        },
        "range": {
            side: {
                name: [round(end(one[name] for one in runs), 3) for end in (min, max)]
                for name in names
            }
            for side, runs in taken.items()
        },
        "ratio": {name: quartiles(found) for name, found in ratios.items() if found},
    }


def quartiles(found: Sequence[float]) -> list[float]:
    """Return first quartile, median and third quartile."""
    known = [*found, *found] if len(found) == 1 else found
    return [round(cut, 2) for cut in statistics.quantiles(known, n=4, method="inclusive")]


def table(results: dict[str, Any]) -> str:
    """Return medians with their ranges, and ratios with their quartiles, as Markdown."""
    lines = ["| | then | now | ratio |", "|---|---:|---:|---:|"]
    for name in results["median"][NOW]:
        cells = [UNITS.get(name, name)]
        for side in (THEN, NOW):
            least, most = results["range"][side][name]
            cells.append(f"{results['median'][side][name]:.2f} [{least:.2f}, {most:.2f}]")
        first, middle, third = results["ratio"].get(name, (None, None, None))
        cells.append("" if middle is None else f"**{middle:.2f}** [{first:.2f}, {third:.2f}]")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Name processor, instruction sets that torch uses, threads, versions, and the load."""
    import torch  # noqa: PLC0415  tells what it may use; nothing else here needs it

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
    asked = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    return found.stdout.strip()


if __name__ == "__main__":
    main()
