"""Kill a change at one instant after another, make it again, and compare with one not disturbed.

Run by test_killed_changes.py: killed_changes.py FOLDER CHANGE some|all|N. FOLDER was filled by
changes.fill; CHANGE is one of changes.CHANGES. An instant is a change of the disk, or the end of a
transaction, just before it happens. Each attempt runs in a process of its own (a fork of this one),
and is ended by SIGKILL. With `some`, only one instant of each kind is tried, the middle one, and
none before a folder is made or a temporary file removed. With a number N, N processes are killed
after random times instead, wherever they are.
Prints a JSON object: what was tried, and what went wrong.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import event

from tests.retrieval.changes import CHANGES, Place, outcome, place_in, prepared

WRITES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate")
Instant = Callable[[str], None]
Change = Callable[[Place], None]


def watch(instant: Instant) -> None:
    """Call `instant` with a label before every write."""

    def on_audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE:
            instant(f"open {Path(str(arguments[0])).suffix}")
        elif name in WRITES:
            instant(f"{name} {Path(str(arguments[0])).name.lstrip('0123456789')}")

    latest = ""

    def on_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal latest
        latest = " ".join(statement.split()[:3])

    def on_commit(_connection: Any) -> None:
        instant(f"COMMIT after {latest}")

    sys.addaudithook(on_audit)
    event.listen(Database, "before_cursor_execute", on_statement)
    event.listen(Database, "commit", on_commit)


def in_a_fork(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run in a forked process, and return its status and what the work returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                json.dump(work(), pipe)
            os._exit(0)
        except BaseException:
            import traceback  # noqa: PLC0415  only here

            traceback.print_exc()
            raise
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def main(folder: Path, name: str, which: str) -> dict[str, Any]:
    """Kill, make again, compare."""
    change = CHANGES[name][1]
    start = Path(in_a_fork(lambda: str(prepared(folder, name)))[1])
    fresh = partial(copied, folder, start)
    status, expected = in_a_fork(partial(finish, fresh("undisturbed"), change))
    if status != 0:
        raise RuntimeError(f"an undisturbed {name} ended with {status}")
    if which.isdecimal():
        return at_random(int(which), fresh, change, expected)
    labels = in_a_fork(partial(record, fresh("recorded"), change))[1]
    tried = middles(labels) if which == "some" else list(range(len(labels)))
    wrong = []
    for number in tried:
        place = fresh(f"killed-{number}")
        status, _ = in_a_fork(partial(kill, number, place, change))
        if status != -signal.SIGKILL:
            wrong.append(f"{number} {labels[number]}: was not killed, but ended with {status}")
        wrong += [
            f"{number} {labels[number]}: {what}" for what in compared(place, change, expected)
        ]
        shutil.rmtree(place.root.parent)
    return {"instants": [labels[number] for number in tried], "wrong": wrong, "result": expected}


def at_random(
    times: int, fresh: Callable[[str], Place], change: Change, expected: dict[str, Any]
) -> dict[str, Any]:
    """Kill after random times, up to that which the change takes."""
    chance = random.Random(0)  # noqa: S311  no secret
    started = time.monotonic()
    in_a_fork(partial(change, fresh("timed")))
    longest = time.monotonic() - started
    killed, wrong = 0, []
    for number in range(times):
        place = fresh(f"random-{number}")
        instant = chance.uniform(0, longest)
        if kill_after(instant, partial(change, place)):
            killed += 1
        else:
            longest = instant  # the change is shorter than it was when it was timed
        wrong += [f"{number}: {what}" for what in compared(place, change, expected)]
        shutil.rmtree(place.root.parent)
    return {"instants": killed, "wrong": wrong, "result": expected}


def kill_after(seconds: float, work: Callable[[], Any]) -> bool:
    """Kill a fork after a while; say whether it was still at work."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def compared(place: Place, change: Change, expected: dict[str, Any]) -> list[str]:
    """Make a change again, and say in what it ends otherwise."""
    status, found = in_a_fork(partial(finish, place, change))
    if status == 0 and found == expected:
        return []
    parts = [name for name in expected if not found or found.get(name) != expected[name]]
    return [f"status {status}, not equal: {parts}"]


def copied(folder: Path, start: Path, name: str) -> Place:
    """Make a copy of what a change starts with."""
    shutil.copytree(start, folder / name)
    return place_in(folder, folder / name)


def record(place: Place, change: Change) -> list[str]:
    """List the instants of a change."""
    labels: list[str] = []
    watch(labels.append)
    change(place)
    return labels


def kill(number: int, place: Place, change: Change) -> None:
    """Work until an instant, counted from 0, and be no more."""
    left = number

    def count_down(_label: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(count_down)
    change(place)


def finish(place: Place, change: Change) -> dict[str, Any]:
    """Make the change to its end, and describe it."""
    change(place)
    return outcome(place)


def middles(labels: list[str]) -> list[int]:
    """Choose one instant of each kind."""
    places: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        if not re.fullmatch(r"os\.mkdir .*|os\.remove .*\.tmp", label):
            places.setdefault(label, []).append(number)
    return sorted(numbers[len(numbers) // 2] for numbers in places.values())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])))
