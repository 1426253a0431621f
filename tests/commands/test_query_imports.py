"""What one query of the command line loads: no more than it needs."""

import json
from pathlib import Path

import pytest

import mindseye  # noqa: TID251  what users call
from generator.openvino import kept
from generator.openvino.library import is_installed
from tests.running import in_a_process

# What builds, changes and measures; what only other kinds of index, images or databases need.
UNNEEDED = (
    *("alembic", "faiss", "matplotlib", "onnxruntime", "rich", "sqlalchemy.dialects.postgresql"),
    *("gallery.catalogue.migrations", "gallery.readers.folder", "gallery.readers.studio"),
    *("generator.runs", "index.faiss_file", "index.faiss_train", "index.store"),
    *("retrieval.api.additions", "retrieval.api.reasons", "retrieval.collection.build"),
    *("retrieval.collection.builder", "retrieval.collection.compact", "retrieval.demo"),
    *("retrieval.collection.show", "retrieval.collection.verify", "retrieval.evaluation"),
    *("retrieval.fitting", "retrieval.search.explain"),
)
QUERY = """
import json, sys
import cli

try:
    cli.main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by_a_query(collection: Path, image: Path, *more: str) -> set[str]:
    asked = ("query", str(image), "--wish", "pose=45", "--collection", str(collection))
    code = f"import sys; sys.argv = ['mindseye', *sys.argv[1:]]\n{QUERY}"
    done = in_a_process(code, *asked, *more, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_query_loads_nothing_that_it_does_not_need(collection_dir: Path, faces_dir: Path) -> None:
    loaded = loaded_by_a_query(collection_dir, faces_dir / "p4-0-left.png")
    assert "generator.networks.two_stage" in loaded
    assert {"torch", "sqlalchemy", "retrieval.search.searcher"} <= loaded
    assert [name for name in UNNEEDED if name in loaded] == []


@pytest.mark.skipif(not is_installed(), reason="needs OpenVINO: pip install 'mindseye[fast]'")
def test_a_query_drawn_by_openvino_loads_no_torch_and_answers_alike(
    collection_dir: Path, faces_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = faces_dir / "p4-0-left.png"
    monkeypatch.setattr(kept, "folder", lambda: tmp_path / ".cache" / "mindseye" / "openvino")
    with mindseye.open_gallery(collection_dir, device="cpu", runtime="openvino") as gallery:
        made = gallery.search(image, "pose=45").to_json()
    with mindseye.open_gallery(collection_dir, device="cpu", runtime="torch") as gallery:
        by_torch = gallery.search(image, "pose=45").to_json()
    monkeypatch.setenv("HOME", str(tmp_path))
    loaded = loaded_by_a_query(collection_dir, image, "--runtime", "openvino")
    assert "generator.openvino.engine" in loaded
    assert [name for name in ("torch", "openvino.tools.ovc", *UNNEEDED) if name in loaded] == []
    assert made["runtime"] == "openvino, float32"
    assert [hit["path"] for hit in made["hits"]] == [hit["path"] for hit in by_torch["hits"]]
    scores = [[hit["score"] for hit in one["hits"]] for one in (made, by_torch)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)  # torch may draw in bfloat16
