"""NaN and infinity are refused where they enter, with the image's name; no answer holds them."""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.errors import CatalogueError, IndexFileError, UserError, WeightsError
from gallery.files import file_sha256
from generator.canonical import PAPERS
from index.kinds import APPROXIMATE, Request
from index.manifest import HASHED
from retrieval.collection.archive import export, import_archive
from retrieval.collection.bulk import add_embedded
from retrieval.collection.publish import publish
from retrieval.collection.repair import repair
from retrieval.collection.verify import verify
from retrieval.search.searcher import Searcher
from tests.index.test_store import rewrite_manifest
from tests.retrieval.collection.test_bulk import CONTRACT, portion
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery
from tests.retrieval.test_golden import unpack
from tests.running import Mindseye


def spoil(gallery: Gallery, value: float = np.nan) -> None:
    """Store a number that is none for 2.png."""
    spoil_shard(gallery.directory, gallery.collection.root, 2, value)


def spoil_shard(space: Path, root: Path, number: int, value: float) -> None:
    """Store a number that is none in a shard, with hashes that fit, as a faulty writer would."""
    path = space / "embeddings" / f"{number:06d}.npy"
    embeddings = np.load(path)
    embeddings[0, 3] = value
    np.save(path, embeddings)
    sha256 = file_sha256(path)
    database = sqlite3.connect(root / "catalogue.db")
    with database:
        change = "UPDATE shard SET embeddings_sha256 = ? WHERE number = ?"
        database.execute(change, (sha256, number))
    database.close()
    for manifest in space.glob("index/*/manifest.json"):
        told = json.loads(manifest.read_text("utf-8"))
        for shard in told["shards"]:
            if shard["number"] == number:
                shard["embeddings_sha256"] = sha256
        if told["format"] < HASHED:
            manifest.write_text(json.dumps(told), "utf-8")
        else:
            rewrite_manifest(manifest, {"shards": told["shards"]})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_check_names_the_image_and_repair_and_build_mend_it(
    gallery: Gallery, value: float
) -> None:
    before = gallery.scores(gallery.open())
    spoil(gallery, value)
    found = [one for one in finished(verify(gallery.collection)) if one.is_problem]
    assert [one.kind for one in found] == ["vector-damaged"]
    assert "shard 2: 1 vectors hold NaN or infinity: " in found[0].what
    assert found[0].what.endswith("/2.png")
    with gallery.collection.writing():
        assert repair(gallery.collection, found) == 2
        assert gallery.build().indexed == 2
    assert gallery.scores(gallery.open()) == before


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_stored_vector_that_holds_nan_answers_nothing(gallery: Gallery, value: float) -> None:
    spoil(gallery, value)
    with pytest.raises(IndexFileError, match=r"vectors of .*2\.png hold NaN or .*verify --repair"):
        gallery.scores(gallery.open())


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_an_index_is_not_made_of_nan(gallery: Gallery, kind: str) -> None:
    pytest.importorskip("faiss")
    spoil(gallery)
    message = rf"The vectors of 1 images, such as that of id {gallery.id_of('2.png')}, hold NaN"
    with pytest.raises(IndexFileError, match=message), gallery.collection.writing():
        publish(gallery.collection, gallery.space.name, Request(kind=kind))


def test_an_archive_with_nan_is_not_imported(gallery: Gallery, tmp_path: Path) -> None:
    spoil(gallery)
    archive = tmp_path / "gallery.tar"
    with gallery.collection.writing():
        list(export(gallery.collection, archive))
    with pytest.raises(IndexFileError, match=r"cannot be imported: .*/2\.png hold NaN or infinity"):
        list(import_archive(archive, tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere").exists()


# Embedding


def spoil_drawings(gallery: Gallery, monkeypatch: pytest.MonkeyPatch, which: float) -> None:
    """Let features of images of one mean grey level overflow."""
    draw = gallery.engine.draw

    def spoilt(pixels: Any, codes: Any) -> Any:
        drawn = draw(pixels, codes)
        features = drawn.features.copy()
        features[np.isclose(pixels.mean(axis=(1, 2, 3)), which)] = np.nan
        return replace(drawn, features=features)

    monkeypatch.setattr(gallery.engine, "draw", spoilt)


def add_photograph(gallery: Gallery, photograph: Callable[..., Path], seed: int) -> float:
    """Add a photograph to the folder; return its mean grey level as the generator sees it."""
    path = photograph(gallery.photos / f"{seed}.png", seed=seed)
    with (gallery.photos / "labels.csv").open("a", encoding="utf-8") as labels:
        labels.write(f"\n{seed}.png,p{seed},0")
    with Image.open(path) as image:
        return float(gallery.engine.card.aligner.align(image).mean())


def test_an_image_whose_embedding_is_nan_is_skipped_by_its_name(
    gallery: Gallery, photograph: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, _ = (add_photograph(gallery, photograph, seed) for seed in (8, 9))
    spoil_drawings(gallery, monkeypatch, mean)
    with gallery.collection.writing():
        last = gallery.build()
    assert (last.indexed, last.skipped) == (1, 1)
    skipped = gallery.collection.catalogue.spaces.skipped(gallery.space.id)
    assert [Path(path).name for path, _ in skipped] == ["8.png"]
    assert skipped[0][1].startswith("its embedding holds NaN or infinity: the weights are damaged")
    assert "9.png" in gallery.names(gallery.open())
    assert [one for one in finished(verify(gallery.collection)) if one.is_problem] == []


def test_a_batch_of_nothing_but_nan_writes_no_shard(
    gallery: Gallery, photograph: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_drawings(gallery, monkeypatch, add_photograph(gallery, photograph, 8))
    with gallery.collection.writing():
        last = gallery.build()
    assert (last.indexed, last.skipped) == (0, 1)
    assert gallery.states() == {"indexed": 8, "skipped": 1}


def test_a_query_whose_drawing_is_nan_is_one_clear_error(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher = Searcher(gallery.collection, gallery.engine, gallery.open(), PAPERS)
    with Image.open(gallery.photos / "3.png") as image:
        image.load()
        mean = gallery.engine.card.aligner.align(image).mean()
        assert len(searcher.query(image, ["pose=45"], 3).hits) == 3
        spoil_drawings(gallery, monkeypatch, float(mean))
        with pytest.raises(WeightsError, match=r"The drawing of pose=45 .* holds NaN or infinity"):
            searcher.query(image, ["pose=45"], 3)


# Embeddings made elsewhere


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"The embedding of /4 holds NaN or infinity, as 1 of 6 are"),
        (np.inf, r"The embedding of /4 holds NaN or infinity"),
        (3.0, r"The embedding of /4 has length 3\.\d+, as 1 of 6 are not what the contract says"),
    ],
)
def test_embeddings_made_elsewhere_are_refused_by_name(
    gallery: Gallery, value: float, message: str
) -> None:
    good, bad = portion(20, 3), portion(0, 6)
    bad.embeddings[4, 0] = value
    steps = add_embedded(gallery.collection, "made", CONTRACT, [good, bad])
    assert next(steps) == 3
    with pytest.raises(CatalogueError, match=message):
        next(steps)
    space = gallery.collection.catalogue.spaces.get("made")
    assert len(gallery.collection.catalogue.spaces.placed_ids(space.id, "indexed")) == 3


def test_embeddings_of_another_dimension_are_refused(gallery: Gallery) -> None:
    bad = portion(0, 6)
    shorter = replace(bad, embeddings=bad.embeddings[:, :5])
    with pytest.raises(
        UserError, match=r"must have 8 numbers each.*got an array of shape \(6, 5\)"
    ):
        list(add_embedded(gallery.collection, "made", CONTRACT, [shorter]))


def test_a_program_that_reads_json_never_reads_nan(mindseye: Mindseye, tmp_path: Path) -> None:
    golden = unpack("exact-drawing", tmp_path)
    source = golden.root / "source.png"
    Image.fromarray(np.full((60, 60, 3), 90, dtype=np.uint8)).save(source)
    query = ("query", source, "--wish", "pose=45", "--collection", golden.root, "--json")
    assert len(mindseye(*query).json["hits"]) == 10
    spoil_shard(golden.space, golden.root, 1, np.nan)
    asked = mindseye(*query)
    assert (asked.status, asked.out) == (1, "")
    last = asked.err.splitlines()[-1]
    assert re.fullmatch(r"Error: In the space \S+ the vectors of .*\.png hold NaN or .*", last)
    checked = mindseye("index", "verify", "--collection", golden.root, "--json")
    assert "NaN" not in checked.out.replace("hold NaN or infinity", "")
    assert checked.status == 1
