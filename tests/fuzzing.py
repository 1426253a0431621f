"""Damaged input, a lot of it: how it is made, and a process that it is tried in.

A format is tried by a class, which the child makes once and calls with every seed:

    class Cards:
        def __init__(self, folder: Path) -> None: ...      # makes a good file, reads it once
        def __call__(self, random: Random) -> None: ...    # damages a copy and reads it

    @pytest.mark.parametrize("seeds", quick_and_long(40, 1_000))
    def test_damaged_cards_are_refused_in_one_line(tmp_path: Path, seeds: range) -> None:
        tried(Cards, tmp_path, seeds)

A call may return, or raise a `UserError` of one line. All else is a fault: another exception, a
minute of processor time, a process that dies, 600 MB above what the process had when the class
was made. `tried` fails with the seeds; `python -m tests.fuzzing tests.x:Cards DIR FIRST COUNT` runs
them alone. The class stands at the top of a module that can be imported as `tests.….…`.

What a good file holds differs from run to run (times, order), and with it how many copies are
refused. Tests ask only that some are: a share would fail now and then.
"""

import importlib
import json
import re
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gallery.errors import UserError

MOST_MB = 600
SECONDS = 60  # of processor time, for one input
SILENCE = 900  # seconds of the clock without an answer: it sleeps, or waits for what never comes
LONGEST_LINE = 2_000
ROOM = 4 * 2**30  # bytes of addresses above the start: a fault must not take the machine with it


def quick_and_long(quick: int, long: int) -> list[Any]:
    """Seeds for `parametrize`: a few in every run, many behind `slow`."""
    return [
        pytest.param(range(quick), id="quick"),
        pytest.param(range(quick, quick + long), id="long", marks=pytest.mark.slow),
    ]


def tried(format_of: Callable[[Path], Any], folder: Path, seeds: range) -> dict[str, int]:
    """Try seeds in a child; fail if there is a fault.

    Returns:
        How many were `refused` and `taken`, and the `mb` above the start.
    """
    name = f"{format_of.__module__}:{format_of.__qualname__}"
    arguments = [name, str(folder), str(seeds.start), str(len(seeds))]
    with (
        (folder / "stderr").open("w+b") as errors,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.fuzzing", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=Path(__file__).parents[1],
        ) as child,
    ):
        try:
            last = _followed(child)
        finally:
            child.kill()
        child.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace")[-3000:]
    assert last.startswith("{"), f"{name}: the process ended ({child.returncode}) at {last}: {said}"
    told: dict[str, Any] = json.loads(last)
    assert not told["faults"], "\n\n".join(told["faults"][:3])
    assert told["mb"] < MOST_MB, f"{name}: {told['mb']} MB above the start"
    return {key: told[key] for key in ("refused", "taken", "mb")}


def _followed(child: "subprocess.Popen[bytes]") -> str:
    """Return the last line of a child; kill one from which nothing comes."""
    last = "its start"
    assert child.stdout is not None
    old = signal.signal(signal.SIGALRM, lambda *_: child.kill())
    try:
        signal.alarm(SILENCE)
        for line in child.stdout:
            last = line.decode().strip()
            signal.alarm(SILENCE)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    return last


def main(name: str, folder: str, first: str, count: str) -> None:
    """Try seeds in this process; print one line for each, and at last what came of them."""
    module, _, within = name.partition(":")
    call = getattr(importlib.import_module(module), within)(Path(folder))
    told: dict[str, Any] = {"refused": 0, "taken": 0, "faults": [], "mb": 0}
    start = _memory_mb("VmRSS")
    addresses = _memory_mb("VmSize") * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (addresses + ROOM, resource.RLIM_INFINITY))
    for seed in range(int(first), int(first) + int(count)):
        print(f"seed {seed}", flush=True)  # noqa: T201  read by the parent
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # whose signal ends the process
        try:
            call(Random(f"{name} {seed}"))  # noqa: S311  seeded, not secret
            told["taken"] += 1
        except UserError as error:
            told["refused"] += 1
            if "\n" in str(error) or not 10 < len(str(error)) < LONGEST_LINE:
                told["faults"].append(f"seed {seed}: no clear line: {str(error)[:LONGEST_LINE]!a}")
        except BaseException:  # noqa: BLE001  told with its seed
            told["faults"].append(f"seed {seed}: {traceback.format_exc()[-LONGEST_LINE:]}")
    signal.setitimer(signal.ITIMER_PROF, 0)
    told["mb"] = _memory_mb("VmHWM") - start
    print(json.dumps(told), flush=True)  # noqa: T201  as above


def _memory_mb(which: str) -> int:
    """Return a line of /proc/self/status in MB; without one, the peak of the process so far.

    Not `ru_maxrss` where there is a choice: a process that was started by a large one begins with
    the peak of its parent.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found = re.search(rf"^{which}:\s+(\d+) kB", status.read_text("ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) // 1024


def damaged(content: bytes, random: Random) -> bytes:
    """Return content with one to three faults as disks, networks and bad programs leave them."""
    for _ in range(random.choice((1, 1, 2, 3))):
        content = random.choice(_DAMAGES)(content, random)
    return content


def _span(content: bytes, random: Random, most: int = 600) -> tuple[int, int]:
    first = random.randrange(len(content) + 1)
    if random.random() < 0.5:  # heads are where formats say how large they are
        first = random.randrange(min(len(content), 256) + 1)
    return first, min(len(content), first + random.randrange(1, most))


def _flipped(content: bytes, random: Random) -> bytes:
    found = bytearray(content)
    for _ in range(random.choice((1, 1, 8, 64)) if found else 0):
        at = _span(content, random)[0] % len(found)
        found[at] ^= 1 << random.randrange(8)
    return bytes(found)


def _overwritten(content: bytes, random: Random) -> bytes:
    first, last = _span(content, random)
    length = last - first
    new = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
    return content[:first] + new + content[last:]


def _cut_off(content: bytes, random: Random) -> bytes:
    return content[: _span(content, random)[0]]


def _taken_out(content: bytes, random: Random) -> bytes:
    first, last = _span(content, random)
    return content[:first] + content[last:]


def _doubled(content: bytes, random: Random) -> bytes:
    first, last = _span(content, random)
    return content[:last] + content[first:last] * random.choice((1, 1, 20)) + content[last:]


def _number(content: bytes, random: Random) -> bytes:
    """Put an extreme number of 2, 4 or 8 bytes somewhere."""
    length = random.choice((2, 4, 8))
    extreme = random.choice((0, 1, 2 ** (8 * length - 1) - 1, 2 ** (8 * length - 1), 2**15, 2**31))
    new: bytes = (extreme % 2 ** (8 * length)).to_bytes(length, "little")
    new = new if random.random() < 0.5 else new[::-1]
    first = _span(content, random)[0]
    return content[:first] + new + content[first + length :]


_DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flipped,
    _overwritten,
    _cut_off,
    _taken_out,
    _doubled,
    _number,
)

# What stands in a JSON file instead of what belongs there, as it is spelt.
HOSTILE = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e308", "1e-320", "-1", "0", "1", "true", "null"),
    *("2147483648", "18446744073709551615", "9" * 30, "9" * 5000, "0.5", "[]", "{}", '""', '"x"'),
    *('"NaN"', '"1"', "[1]", '{"a": 1}', "[null]", "[[]]", r'"\ud800"', r'"\u0000"', r'"\udcff"'),
    *('"../../x"', '"/etc/x"', "[" * 20 + "]" * 20, "[" * 5000, "[" * 100_000 + "]" * 100_000),
    '"' + "a" * 5000 + '"',
)


def damaged_json(text: str | bytes, random: Random) -> bytes:
    """Return JSON with another value, key or type somewhere; now and then damaged bytes."""
    if random.random() < 0.15:
        return damaged(text if isinstance(text, bytes) else text.encode(), random)
    data = json.loads(text)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = _changed(data, random)
    return re.sub(r'"@@(\d+)@@"', lambda found: HOSTILE[int(found[1])], json.dumps(data)).encode()


def _hostile(random: Random) -> str:
    return f"@@{random.randrange(len(HOSTILE))}@@"


def _changed(data: Any, random: Random) -> Any:
    """Change one place of data, any as likely as its neighbours."""
    if not isinstance(data, dict | list) or not data or random.random() < 0.05:
        return _hostile(random)
    if isinstance(data, list):
        at = random.randrange(len(data))
        if random.random() < 0.15:
            return random.choice((data[:at], data + data[at:], [*data, _hostile(random)]))
        return [*data[:at], _changed(data[at], random), *data[at + 1 :]]
    key = random.choice(list(data))
    if random.random() < 0.15:
        return {one: value for one, value in data.items() if one != key}
    if random.random() < 0.1:
        return {**data, random.choice(("", "x", "\0", f"{key} ")): data[key]}
    return {**data, key: _changed(data[key], random)}


if __name__ == "__main__":
    main(*sys.argv[1:])
