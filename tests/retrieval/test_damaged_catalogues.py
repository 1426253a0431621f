"""Catalogues whose pages or values are damaged: every command answers, or says why in one line."""

import contextlib
import hashlib
import io
import json
import shutil
import sqlite3
import sys
import tarfile
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

import cli  # noqa: TID251  what its commands say is tried
from gallery.readers.registry import open_faces
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from retrieval.collection.archive import LIST, export
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from tests.conftest import LIGHTS, PEOPLE, POSES, draw_face
from tests.fuzzing import damaged, quick_and_long, tried
from tests.retrieval.test_damaged_weights import SPACE, a_card

PAGE = 4096
# Values that a column may hold which is not made for them.
VALUES = (
    *(None, -1, 0, 2**62, 2**63 - 1, 0.5, 9e999, "", "x", "1", "../x", "a\0b", b"\xff\xfe", b""),
    *("[1,2]", '{"pose": 3}', '{"pose": "45"}', "[1,2,3,4]", "[4,3,2,1]", '["a","b","c","d"]', "{"),
    *("[" * 100_000, "NaN", "[NaN,1,2,3]", "indexed", "removed", "9" * 5000),
)


def ask(*arguments: object) -> str:
    """Run a command in this process; return what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        sys.argv = ["mindseye", *map(str, arguments)]
        cli.app(standalone_mode=False)
    return out.getvalue()


class Catalogues:
    """Damages the catalogue of a collection, where it lies and in an archive."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder, self.good = folder, folder / "good"
        self.image = self._photographs(folder / "faces")
        card = a_card()
        weights = folder / "fuzzed-32.safetensors"
        network = architecture(card.architecture).build(SPACE.size, card.network)
        initialise(network, torch.Generator().manual_seed(0))
        save_weights(weights, network, card)
        collection = Collection.open_or_create(self.good)
        engine = Engine.open(weights, torch.device("cpu"))
        with collection.writing():
            list(build(collection, open_faces(f"folder:{folder / 'faces'}"), engine, weights))
        with collection.writing():
            self.tar = folder / "good.tar"
            list(export(collection, self.tar))
        collection.close()
        self.whole = (self.good / "catalogue.db").read_bytes()
        self.ask_all(self.good)

    def _photographs(self, folder: Path) -> Path:
        folder.mkdir()
        labels = ["path,identity,pose,light"]
        points = ["path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"]
        for person, pose, light in product(range(3), range(3), range(2)):
            values = (PEOPLE[person], POSES[pose], LIGHTS[light])
            name = f"{'-'.join(values)}.png"
            draw_face(person, pose, light).save(folder / name)
            labels.append(",".join((name, *values)))
            points.append(f"{name},16,16,24,16,20,36")
        (folder / "labels.csv").write_text("\n".join(labels), "utf-8")
        (folder / "landmarks.csv").write_text("\n".join(points[:9]), "utf-8")
        return folder / name

    def ask_all(self, root: Path) -> None:
        query = ("query", self.image, "--wish", "pose=45", "--device", "cpu", "--json")
        for command in (query, ("index", "show"), ("index", "verify")):
            ask(*command, "--collection", root)

    def __call__(self, random: Random) -> None:
        root = self.folder / "bad"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.good, root)
        catalogue = root / "catalogue.db"
        if random.random() < 0.5:
            catalogue.write_bytes(self._pages(random))
        else:
            self._values(catalogue, random)
        where = random.choice(("estimate.pose=45", "identity=p1 and light=left", "state=indexed"))
        options = random.choice(((), ("--where", where), ("--exclude-source",), ("--json",)))
        query = ("query", self.image, "--wish", "pose=45", "--device", "cpu", *options)
        commands: tuple[tuple[Any, ...], ...] = (
            query,
            ("index", "show"),
            ("index", "show", "--where", where, "--json"),
            ("index", "verify"),
        )
        command = random.choice((*commands, ("import",)))
        if command == ("import",):
            self._import(catalogue)
        else:
            with contextlib.suppress(SystemExit):  # of `verify`, which found something
                ask(*command, "--collection", root)

    def _pages(self, random: Random) -> bytes:
        content = bytearray(self.whole)
        for _ in range(random.choice((1, 1, 3))):
            at = random.randrange(len(content) // PAGE) * PAGE
            page = damaged(bytes(content[at : at + PAGE]), random)
            content[at : at + PAGE] = page[:PAGE].ljust(PAGE, b"\0")
        return bytes(content)

    def _values(self, catalogue: Path, random: Random) -> None:
        with contextlib.closing(sqlite3.connect(catalogue)) as database:
            database.execute("PRAGMA ignore_check_constraints = 1")
            names = [
                row[0]
                for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for _ in range(random.choice((1, 1, 2))):
                table = random.choice(names)
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                column, value = random.choice(columns), random.choice(VALUES)
                which = random.choice(("", " WHERE rowid = 1"))
                with contextlib.suppress(sqlite3.IntegrityError):  # some must not be null
                    database.execute(f"UPDATE {table} SET {column} = ?{which}", (value,))  # noqa: S608
            database.commit()

    def _import(self, catalogue: Path) -> None:
        content = catalogue.read_bytes()
        path, target = self.folder / "bad.tar", self.folder / "imported"
        with tarfile.open(self.tar) as old, tarfile.open(path, "w") as new:
            for info in old:
                source = old.extractfile(info)
                assert source is not None
                data = source.read()
                if info.name == LIST:
                    told = json.loads(data)
                    sha256 = hashlib.sha256(content).hexdigest()
                    told["members"]["catalogue.db"] = {"size": len(content), "sha256": sha256}
                    data = json.dumps(told).encode()
                data = content if info.name == "catalogue.db" else data
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
        try:
            ask("index", "import", path, "--collection", target)
            self.ask_all(target)  # what was taken is sound
        finally:
            shutil.rmtree(target, ignore_errors=True)


@pytest.mark.parametrize("seeds", quick_and_long(30, 200))
def test_damaged_catalogues_are_told_in_one_line(tmp_path: Path, seeds: range) -> None:
    told = tried(Catalogues, tmp_path, seeds)
    assert told["refused"] > 0
