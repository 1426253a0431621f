from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.errors import IndexFileError
from gallery.files import file_sha256
from gallery.readers.registry import open_faces
from generator.drawer import Drawer
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.show import describe, images_where, to_text
from tests.retrieval.conftest import Gallery


def test_a_collection_is_described_with_its_spaces(collection_dir: Path) -> None:
    collection = Collection.open(collection_dir)
    shown = describe(collection)
    spaces = {space["name"]: space for space in shown.pop("spaces")}
    assert shown == {
        "collection": str(collection_dir),
        "engine": None,
        "images": 30,
        "unreadable_files": 0,
        "duplicates": [],
        "contradictions": [],
    }
    assert list(spaces) == ["light-32", "pose-32"]
    pose = spaces["pose-32"]
    assert pose.pop("published_at").startswith("20")
    assert pose == {
        "name": "pose-32",
        "weights_sha256": file_sha256(collection.weights_path("pose-32")),
        "architecture": "two-stage-32",
        "attributes": {"pose": ["-45", "0", "45"]},
        "score": "drawing",
        "profile": "default",
        "advice": None,
        "canonical": "drawn",
        "confidence": False,
        "hypotheses": "1",
        "landmarks": None,
        "min_score": None,
        "runtime": "torch",
        "generation": 1,
        "kind": "exact",
        "vectors": 30,
        "dimension": 16_384,
        "index": None,
        "strangers": None,
        "states": {"indexed": 30, "skipped": 0, "removed": 0, "pending": 0},
        "skipped": [],
    }
    assert spaces["light-32"]["attributes"] == {"light": ["left", "right"]}
    collection.close()


def test_a_space_whose_build_was_stopped_says_how_to_go_on(collection_dir: Path) -> None:
    collection = Collection.open(collection_dir)
    shown = describe(collection)
    collection.close()
    assert "index build" not in to_text(shown)
    shown["spaces"][0]["kind"] = None
    assert "nothing published yet: run the same `mindseye index build` again to go on" in to_text(
        shown
    )


def test_an_empty_collection_has_no_spaces(collection: Collection) -> None:
    assert describe(collection) == {
        "collection": str(collection.root),
        "engine": None,
        "images": 0,
        "unreadable_files": 0,
        "duplicates": [],
        "contradictions": [],
        "spaces": [],
    }


def test_a_space_before_its_first_publication_has_no_kind(
    collection: Collection,
    quick: Callable[[Path], Drawer],
    pose_weights: Path,
    photos: Path,
    photograph: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photograph(photos / "a.png", seed=1)
    (photos / "b.png").write_text("no image")
    (photos / "c.png").touch()
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 1)
    steps = build(collection, open_faces(f"folder:{photos}"), quick(pose_weights), pose_weights)
    next(steps)
    (space,) = describe(collection)["spaces"]
    assert (space["kind"], space["vectors"], space["generation"]) == (None, 0, None)
    assert space["states"] == {"indexed": 1, "skipped": 0, "removed": 0, "pending": 1}
    list(steps)
    shown = describe(collection)
    assert (shown["images"], shown["unreadable_files"]) == (2, 1)
    (space,) = shown["spaces"]
    assert (space["kind"], space["vectors"], space["generation"]) == ("exact", 1, 1)
    assert [Path(one["path"]).name for one in space["skipped"]] == ["b.png", "c.png"]


def test_a_lost_manifest_is_named(
    collection: Collection,
    quick: Callable[[Path], Drawer],
    pose_weights: Path,
    photos: Path,
    photograph: Callable[..., Path],
) -> None:
    photograph(photos / "a.png", seed=1)
    list(build(collection, open_faces(f"folder:{photos}"), quick(pose_weights), pose_weights))
    (collection.space_dir("pose-32") / "index" / "000001" / "manifest.json").unlink()
    with pytest.raises(IndexFileError, match=r"manifest\.json is missing"):
        describe(collection)


def test_what_faiss_holds_is_shown_with_how_well_it_does(collection_dir: Path) -> None:
    collection = Collection.open(collection_dir)
    shown = describe(collection)
    collection.close()

    def told() -> str:
        shown["spaces"][0]["index"] = main
        return to_text(shown).splitlines()[3].strip()

    main = {
        "rows": 60,
        "bytes": 12_300_000,
        "measured": {"probes": 300, "overlap": 0.9912, "reached": True},
    }
    said = "60 rows in 12.3 MB, overlap @10 with exact search 0.9912"
    assert told() == said
    main["measured"] = {"probes": 300, "overlap": 0.9, "reached": False}
    assert told().endswith("0.9000, less than was asked for")
    main["measured"] = {"probes": 0, "overlap": 1.0, "reached": True}
    assert told() == "60 rows in 12.3 MB"


def test_removed_images_are_listed_only_where_states_are_asked_for(gallery: Gallery) -> None:
    def names(where: str) -> list[str]:
        return [Path(row["path"]).name for row in images_where(gallery.collection, where)]

    assert names("identity in (p0, p1)") == ["0.png", "1.png", "2.png", "3.png"]
    gallery.collection.catalogue.images.remove([gallery.id_of("1.png")])
    (gallery.photos / "3.png").write_bytes((gallery.photos / "0.png").read_bytes())
    gallery.build()  # what was in 3.png is nowhere now: removed, though not by hand
    assert names("identity in (p0, p1)") == ["0.png", "2.png"]
    assert len(names("state=removed")) == 2
    assert "1.png" in names("state=removed")
    assert "1.png" not in names("not identity=p3")
