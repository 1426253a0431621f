"""Kill a build at one instant after another, go on, and compare with a build that was not killed.

Run by test_killed_build.py: killed_build.py FOLDER some|all. FOLDER holds `photos`, and `weights`
that are only a card. An instant is a change of the disk, or the end of a transaction, just before
it happens. Each build runs in a process of its own (a fork of this one), and is ended by SIGKILL.
With `some`, only one instant of each kind is tried, the middle one, and none before a folder is
made or a temporary file removed. Prints a JSON object: what was
tried, and what went wrong.
"""

import hashlib
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy import event

from gallery.align import Pixels
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.engine import Drawn, Floats
from index import store
from retrieval import build as builder
from retrieval.canonical import RECONSTRUCTION
from retrieval.collection import Collection
from retrieval.embedding import contract_of
from tests.drawing import DrawsOneByOne

builder.BATCH = 3
WRITES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate")
Instant = Callable[[str], None]


class QuickEngine(DrawsOneByOne):
    """Draws without a network; its features are pixels."""

    def __init__(self, card: Card) -> None:
        self.card = card

    def draw(self, pixels: Pixels, codes: Floats) -> Drawn:
        """Make the image darker the later its value stands."""
        refined = (pixels * (1 - 0.1 * codes.argmax(axis=1)[:, None, None, None])).astype("float32")
        coarse = refined.reshape(len(codes), 8, 4, 8, 4, -1).mean(axis=(2, 4, 5))
        features = np.concatenate([coarse.reshape(len(codes), -1) - 100, codes], axis=1)
        return Drawn(refined, refined, features.astype(np.float32))


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
        if latest.startswith("CREATE"):  # in SQLite each is committed by itself
            instant("CREATE")

    def on_commit(_connection: Any) -> None:
        instant(f"COMMIT after {latest}")

    sys.addaudithook(on_audit)
    event.listen(Database, "before_cursor_execute", on_statement)
    event.listen(Database, "commit", on_commit)


def build(root: Path, photos: Path, weights: Path) -> QuickEngine:
    """Build the space once."""
    engine = QuickEngine(Card.from_json(weights.with_suffix(".json").read_text("utf-8"), "card"))
    collection = Collection.open_or_create(root)
    with collection.writing():
        list(builder.build(collection, open_faces(f"folder:{photos}"), engine, weights))
    collection.close()
    return engine


def result(root: Path, engine: QuickEngine) -> dict[str, Any]:
    """Describe all that a build left: files, rows, and what a search finds."""
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    files = {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest()
        for name in names
        if not name.startswith("catalogue.db") and name != ".lock"
    }
    database = sqlite3.connect(root / "catalogue.db")
    database.execute("UPDATE space SET published_at = NULL")
    tables = [
        row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    rows = {name: sorted(map(repr, database.execute(f"SELECT * FROM {name}"))) for name in tables}  # noqa: S608
    database.rollback()
    generation = database.execute("SELECT generation FROM space").fetchone()[0]
    database.close()
    contract = contract_of(engine, RECONSTRUCTION)
    index = store.open_index(root / "spaces" / engine.card.name, generation, contract)
    probes = np.random.default_rng(0).normal(size=(3, engine.dimension)).astype(np.float32)
    found = index.search(probes, index.size)
    return {
        "files": files,
        "rows": rows,
        "ids": found.ids.tolist(),
        "scores": found.scores.tolist(),
    }


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
        finally:
            os._exit(1)  # the traceback is on stderr
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status), json.loads(text) if text else None


def main(folder: Path, which: str) -> dict[str, Any]:
    """Kill, go on, compare."""
    photos, weights = folder / "photos", folder / "weights" / "weights.safetensors"
    labels = in_a_fork(partial(record, folder / "recorded", photos, weights))[1]
    whole = partial(finish, folder / "undisturbed", photos, weights)
    expected = in_a_fork(whole)[1]
    wrong = []
    tried = middles(labels) if which == "some" else list(range(len(labels)))
    for number in tried:
        root = folder / f"killed-{number}"
        status, _ = in_a_fork(partial(kill, number, root, photos, weights))
        if status != -signal.SIGKILL:
            wrong.append(f"{number} {labels[number]}: was not killed, but ended with {status}")
        status, found = in_a_fork(partial(finish, root, photos, weights))
        if status != 0 or found != expected:
            parts = [name for name in expected if not found or found[name] != expected[name]]
            wrong.append(f"{number} {labels[number]}: status {status}, not equal: {parts}")
    return {"instants": [labels[number] for number in tried], "wrong": wrong, "result": expected}


def record(root: Path, photos: Path, weights: Path) -> list[str]:
    """List the instants of a build."""
    labels: list[str] = []
    watch(labels.append)
    build(root, photos, weights)
    return labels


def kill(number: int, root: Path, photos: Path, weights: Path) -> None:
    """Build until an instant, counted from 0, and be no more."""
    left = number

    def count_down(_label: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(count_down)
    build(root, photos, weights)


def finish(root: Path, photos: Path, weights: Path) -> dict[str, Any]:
    """Build to the end, and describe it."""
    return result(root, build(root, photos, weights))


def middles(labels: list[str]) -> list[int]:
    """Choose one instant of each kind."""
    places: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        if not re.fullmatch(r"os\.mkdir .*|os\.remove .*\.tmp", label):
            places.setdefault(label, []).append(number)
    return sorted(numbers[len(numbers) // 2] for numbers in places.values())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
