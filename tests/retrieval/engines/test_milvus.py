"""Milvus, by its double Milvus Lite: what it is told and asked, and what it may lose."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from gallery.catalogue.tables import Value
from gallery.errors import ConfigError, DatabaseFailedError, IndexFileError
from index.backend import Backend
from index.base import Ids
from index.kinds import Request
from index.milvus.vectors import MilvusVectors, collection_name
from retrieval.collection import milvus_copy
from retrieval.collection.engine_address import parse
from retrieval.collection.publish import publish
from retrieval.collection.verify import verify
from retrieval.search.live import WhereChoice
from retrieval.search.live_milvus import LiveMilvus
from tests.retrieval import fused_gallery
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.engines.conftest import NAME, Filled, Place, filled_with
from tests.retrieval.engines.test_contract import EXPRESSIONS, NOT_TOLD

pytest.importorskip("pymilvus", reason='needs pymilvus: pip install "mindseye[milvus]"')
pytest.importorskip("milvus_lite", reason="needs milvus-lite, a double of Milvus")


@pytest.fixture
def filled(tmp_path: Path, fused: fused_gallery.Space) -> Iterator[Filled]:
    place = Place(tmp_path / "collection", f"milvus:{tmp_path / 'milvus.db'}")
    with filled_with(place, fused, 400) as made:
        yield made


def asked(filled: Filled, where: str) -> list[int]:
    """Return the images that Milvus alone finds, rising."""
    live = filled.live()
    assert isinstance(live, LiveMilvus)
    chosen = WhereChoice(filled.collection.catalogue, where, filled.space.id)
    found = live.milvus.ranked(filled.made.queries[0], 1000, chosen.milvus())
    return sorted(set(found.ids.tolist()))


def test_every_operator_is_translated(filled: Filled) -> None:
    images = filled.collection.catalogue.images
    told = [where for where in EXPRESSIONS if not any(name in where for name in NOT_TOLD)]
    for where in told:
        assert asked(filled, where) == images.matching(where, filled.space.id).tolist(), where
    quoted = 'identity="Ann \\"B\\" O\'Hara" or identity in ("", "p1")'
    assert asked(filled, quoted) == images.matching(quoted, filled.space.id).tolist()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("sha256=abc", "Milvus is not told the sha256 of images"),
        ("nose=45", "nothing is named 'nose'"),
        ("estimate.nose=45", "no estimate is named 'estimate.nose'"),
        ("id ~ '1*'", "id is a number"),
        ("id = one", "id is a whole number"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(filled: Filled, where: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        asked(filled, where)


def test_labels_that_change_are_told_by_the_next_publication(filled: Filled) -> None:
    before = asked(filled, "pose=3")
    with filled.collection.catalogue.changing() as session:
        changed = update(Value).where(Value.image_id == before[0], Value.attribute == "pose")
        session.execute(changed.values(value="5", number=5.0))
    filled.publish()
    assert asked(filled, "pose=3") == before[1:]
    assert before[0] in asked(filled, "pose=5")


def test_a_publication_that_stops_half_way_is_finished_by_the_next(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, query = filled.live(), filled.made.queries[:1]
    before = live.find(query, 10)
    filled.add(np.arange(400, 450))
    send = MilvusVectors.upsert

    def stop(self: MilvusVectors, ids: Ids, *rest: Any) -> None:
        send(self, ids[:20], *(part[:20] for part in rest))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MilvusVectors, "upsert", stop)
        with pytest.raises(KeyboardInterrupt):
            filled.publish()
    assert filled.space.generation == live.space.generation
    assert len(live.find(query, 10).ids[0]) == len(before.ids[0])
    assert milvus_copy.lacking(filled.collection, filled.space) == 30
    filled.publish()
    assert milvus_copy.lacking(filled.collection, filled.space) == 0
    assert live.find(query, 1000).ids.shape == (1, 450)


def test_milvus_that_has_lost_its_data_is_filled_again(filled: Filled) -> None:
    live = filled.live()
    assert isinstance(live, LiveMilvus)
    live.milvus.drop()
    with pytest.raises(IndexFileError, match="holds no vectors of the space made-up: mindseye"):
        filled.live()
    with pytest.raises(DatabaseFailedError, match="mindseye index build makes anew"):
        live.find(filled.made.queries[:1], 10)
    kinds = [one.kind for one in finished(verify(filled.collection)) if one.is_problem]
    assert "milvus-outdated" in kinds
    filled.publish()
    assert live.find(filled.made.queries[:1], 10).ids.shape == (1, 10)
    assert milvus_copy.lacking(filled.collection, filled.space) == 0


def test_a_copy_has_the_fingerprint_of_the_same_rows(filled: Filled) -> None:
    live = filled.live()
    assert isinstance(live, LiveMilvus)
    backend: Backend = live.milvus
    before = backend.fingerprint()
    backend.delete(np.array([7, 9]))
    assert backend.count() == 398
    assert backend.fingerprint() != before
    backend.upsert(np.array([9, 7]), filled.rows[[8, 6]])
    assert backend.fingerprint() == before
    stored = backend.stored(np.array([7, 9]))
    assert np.array_equal(stored.vectors, filled.rows[[6, 8]])


def test_kinds_of_faiss_are_refused_by_name(filled: Filled) -> None:
    with pytest.raises(ConfigError, match="no index of kind pq here; there are exact, hnsw, auto"):
        publish(filled.collection, NAME, Request(kind="pq"))


def test_a_server_that_is_away_is_said_in_a_line(fused: fused_gallery.Space) -> None:
    away = MilvusVectors("http://127.0.0.1:1", "faces", fused.contract)
    with pytest.raises(
        DatabaseFailedError, match="Milvus at http://127.0.0.1:1 does not"
    ) as failed:
        away.exists()
    assert "\n" not in str(failed.value)


def test_a_server_gives_each_collection_a_name(fused: fused_gallery.Space) -> None:
    one, other = parse("milvus://host:19530"), parse("milvus://host:19530")
    assert one.milvus[0] == "http://host:19530"
    assert one.milvus[1] != other.milvus[1]
    assert parse(one.text) == one
    names = {collection_name("faces", space, fused.contract) for space in ("a-b", "a_b")}
    assert len(names) == 2
    assert all(name.isidentifier() for name in names)
