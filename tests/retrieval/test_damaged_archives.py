"""Archives of collections that are damaged, or made by somebody else: refused, or sound."""

import contextlib
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from random import Random
from typing import Any

import pytest

from retrieval.collection.archive import LIST
from tests.fuzzing import damaged, damaged_json, quick_and_long, tried
from tests.retrieval.test_damaged_catalogues import Catalogues, ask


class CollectionArchives(Catalogues):
    """Damages an archive's bytes, or single members whose hashes it then lists."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with tarfile.open(self.tar) as tar:
            self.members = {info.name: self._content(tar, info) for info in tar}

    def _content(self, tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
        source = tar.extractfile(info)
        assert source is not None
        return source.read()

    def __call__(self, random: Random) -> None:
        path, target = self.folder / "bad.tar", self.folder / "imported"
        if random.random() < 0.3:
            path.write_bytes(damaged(self.tar.read_bytes(), random))
        else:
            path.write_bytes(self._packed(self._changed(random)))
        try:
            ask("index", "import", path, "--collection", target)
            with contextlib.suppress(SystemExit):  # of `verify`, which may find something
                self.ask_all(target)
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def _changed(self, random: Random) -> dict[str, bytes]:
        members = dict(self.members)
        name = random.choice([one for one in members if one != "catalogue.db"])
        is_json = name.endswith(".json")
        new = damaged_json(members[name], random) if is_json else damaged(members[name], random)
        if name != LIST:
            told: dict[str, Any] = json.loads(members[LIST])
            told["members"][name] = {"size": len(new), "sha256": hashlib.sha256(new).hexdigest()}
            members[LIST] = json.dumps(told).encode()
        members[name] = new
        return members

    def _packed(self, members: dict[str, bytes]) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return file.getvalue()


@pytest.mark.parametrize("seeds", quick_and_long(30, 500))
def test_damaged_collections_are_not_imported(tmp_path: Path, seeds: range) -> None:
    told = tried(CollectionArchives, tmp_path, seeds)
    assert told["refused"] > 0
