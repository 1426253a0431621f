"""A collection of which files are damaged: what fails says so in one line, nothing wrong is found.

Whatever happens, no answer holds an image that was removed, and what repair leaves is whole.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path
from random import Random

import pytest

from gallery.errors import UserError
from index import store
from index.faiss_library import has_faiss
from retrieval.collection.bulk import add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish
from retrieval.collection.repair import repair
from retrieval.collection.verify import verify
from retrieval.search.live_index import LiveIndex
from tests.fuzzing import damaged, damaged_json, quick_and_long, tried
from tests.retrieval.collection.test_bulk import CONTRACT, portion
from tests.retrieval.collection.test_compact import finished

KINDS = ("exact", "hnsw", "sq8") if has_faiss() else ("exact",)
REMOVED = {3, 8}
NAME = "made"
LONG_AGO = 10**18  # ns


class Collections:
    """Collections of several kinds, of which files are damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for kind in KINDS:
            self.make(kind)
        for path in folder.rglob("*.*"):
            os.utime(path, ns=(LONG_AGO, LONG_AGO))

    def make(self, kind: str) -> None:
        collection = Collection.open_or_create(self.folder / kind)
        portions = [portion(0, 10), portion(10, 10)]
        list(add_embedded(collection, NAME, CONTRACT, portions))
        collection.catalogue.images.remove(sorted(REMOVED))
        publish(collection, NAME, store.Request(kind=kind))
        collection.close()

    def __call__(self, random: Random) -> None:
        kind = random.choice(KINDS)
        root = self.folder / "damaged"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.folder / kind, root)
        older = random.random() < 0.5
        if older:
            without_hashes(root)
        there = files(root)
        for path in random.sample(there, random.choice((1, 1, 2))):
            spoil(path, there, random)
        collection = Collection.open(root)
        try:
            self.use(collection, random, exact=not older)
        finally:
            collection.close()

    def use(self, collection: Collection, random: Random, *, exact: bool) -> None:
        """Search, check, and mend by one of two ways; search again."""
        found = None
        with contextlib.suppress(UserError):
            found = ids_found(collection)
        findings = finished(verify(collection))
        if found is None:
            assert any(one.is_problem for one in findings), "verify sees nothing"
        else:
            assert not exact or found == set(range(1, 21)) - REMOVED, "a wrong answer"
        if random.random() < 0.5:
            repair(collection, findings)
            left = [one for one in finished(verify(collection)) if one.is_problem]
            assert {one.kind for one in left} <= {"weights-damaged"}, left
        else:
            publish(collection, NAME)
        ids_found(collection)


def without_hashes(root: Path) -> None:
    path = root / "spaces" / NAME / "index" / "000001" / "manifest.json"
    told = json.loads(path.read_text("utf-8")) | {"format": 2}
    del told["files"], told["sha256"]
    path.write_text(json.dumps(told), "utf-8")


def files(root: Path) -> list[Path]:
    """Return the files of a space but its contract, which nobody can mend, and its weights."""
    found = [path for path in (root / "spaces").rglob("*.*") if path.is_file()]
    return sorted(path for path in found if path.name != "contract.json")


def spoil(path: Path, others: list[Path], random: Random) -> None:
    content = path.read_bytes()
    if random.random() < 0.15:
        content = random.choice([one for one in others if one.exists()]).read_bytes()
    elif random.random() < 0.1:
        path.unlink()
        return
    else:
        content = (damaged_json if path.suffix == ".json" else damaged)(content, random)
    path.write_bytes(content)
    if random.random() < 0.5:
        now = LONG_AGO + random.randrange(1, 10**12)
        os.utime(path, ns=(now, now))


def ids_found(collection: Collection) -> set[int]:
    """Search for everything, and require that nothing is found that was removed."""
    space = collection.catalogue.spaces.get(NAME)
    index = LiveIndex(collection, space, collection.contract(space), "cpu")
    found = set(index.search(portion(40, 1).embeddings, 100).ids[0].tolist())
    assert REMOVED.isdisjoint(found), "a removed image came back"
    return found


@pytest.mark.parametrize("seeds", quick_and_long(25, 500))
def test_damage_is_refused_found_and_mended_and_no_removed_image_comes_back(
    tmp_path: Path, seeds: range
) -> None:
    tried(Collections, tmp_path, seeds)
