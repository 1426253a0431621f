"""What every backend promises, asked of each: the folder (FAISS), PostgreSQL, Milvus."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.catalogue.records import ImageState
from gallery.errors import ConfigError, IndexFileError
from index.backend import Limit
from index.base import Ids
from retrieval.collection.shard_rewrite import drop_stale
from retrieval.collection.storing import keep
from retrieval.search.live import WhereChoice
from tests.retrieval.engines.conftest import NAME, Filled, Place, overlap, truth

TEN = 10


def numbers(ids: Ids) -> Ids:
    """Return the numbers of made-up images; ids count from 1, in the order they came."""
    found: Ids = ids - 1
    return found


def ask(filled: Filled, where: str, k: int = 2000) -> Ids:
    """Return the images that a filtered search finds for one query, (n,), best first."""
    chosen = WhereChoice(filled.collection.catalogue, where, filled.space.id)
    found: Ids = filled.live().find(filled.made.queries[:1], k, Limit(chosen)).ids[0]
    return found


def require_graphs(filled: Filled) -> None:
    if filled.collection.engine is None:
        pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')


def test_what_is_found_is_what_exact_search_finds(still: Filled) -> None:
    still.publish("exact")
    queries = still.made.queries[:60]
    found = still.live().find(queries, TEN)
    assert overlap(numbers(found.ids), truth(still.rows, queries, TEN)) == 1
    scores = np.take_along_axis(queries @ still.rows.T, numbers(found.ids), axis=1)
    assert np.allclose(found.scores, scores, atol=1e-5)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_a_graph_finds_nearly_all_and_scores_by_what_is_stored(still: Filled) -> None:
    require_graphs(still)
    still.publish("hnsw")
    queries = still.made.queries[:100]
    found = still.live().find(queries, TEN)
    assert overlap(numbers(found.ids), truth(still.rows, queries, TEN)) >= 0.98
    scores = np.take_along_axis(queries @ still.rows.T, numbers(found.ids), axis=1)
    assert np.allclose(found.scores, scores, atol=1e-5)


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_a_filter_brings_all_that_fit(
    still: Filled, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_graphs(still)
    still.publish(kind)
    every = np.arange(still.size)
    rare = every[(every // 105 == 3) & (every % 7 == 2) & (every % 3 == 1)]
    for few in (4000, 1):  # compared one by one; or looked for in the graph
        monkeypatch.setattr("index.postgres.vectors.FEW", few)
        where = "identity=p3 and pose=2 and light=left"
        assert sorted(numbers(ask(still, where))) == rare.tolist()
        assert len(ask(still, "pose=2", TEN)) == TEN
        assert len(ask(still, "light=left and light=right")) == 0


NOT_TOLD = ("path", "sha256", "size_bytes")  # to Milvus
EXPRESSIONS = (
    *("pose=3", "pose!=3", "pose<3", "pose<=3", "pose>3", "pose>=3.0", "pose in (1, 2)"),
    *("pose not in (1, 2)", "not pose=3", "light is known", "light is unknown"),
    *("light=left", "light!=left", "not light=left", "estimate.pose=4", "estimate.pose!=4"),
    *("identity=p1", "identity in (p1, p2)", 'identity ~ "p?"', "identity > p5"),
    *("id=7", "id<=20", "path ~ '/photos/1/*'", "sha256 is known", "state=indexed"),
    *("identity=p1 and pose=3 or light is unknown and not estimate.pose in (0, 1)",),
    *("size_bytes is unknown", "not (identity=p1 or pose<4)"),
    *("smile>0.5", "smile>=0.50", "smile=1", "not smile<0.3", "smile is unknown", "größe is known"),
)


def test_every_operator_means_what_the_catalogue_says(still: Filled) -> None:
    images = still.collection.catalogue.images
    for where in EXPRESSIONS:
        wanted = images.matching(where, still.space.id)
        assert len(wanted), where
        if still.collection.in_milvus and any(name in where for name in NOT_TOLD):
            with pytest.raises(ConfigError, match="Milvus is not told the .* in PostgreSQL knows"):
                ask(still, where)
            continue
        assert sorted(ask(still, where)) == wanted.tolist(), where


def test_stored_vectors_are_those_that_were_given(still: Filled) -> None:
    wanted = np.array([3, 7, 1000])
    stored = still.live().stored(wanted)
    assert stored.ids.tolist() == wanted.tolist()
    assert np.array_equal(stored.vectors, still.rows[numbers(wanted)])


def test_another_contract_is_refused(still: Filled) -> None:
    other = replace(still.made.contract, weights_sha256="1" * 64)
    with pytest.raises(IndexFileError, match="was made under another contract: weights_sha256"):
        still.live(other)


def test_a_reader_of_its_own_finds_the_same(still: Filled, lasting: Place, tmp_path: Path) -> None:
    """In PostgreSQL from a folder of its own, as on another machine."""
    query = still.made.queries[:5]
    with lasting.opened(tmp_path / "other" if still.collection.in_postgres else None) as other:
        found = Filled(other, still.made, still.size).live().find(query, TEN)
        assert (other.space_dir(NAME) / "contract.json").is_file()
    assert np.array_equal(found.ids, still.live().find(query, TEN).ids)


def test_what_is_removed_is_gone_at_once(filled: Filled) -> None:
    live, query = filled.live(), filled.made.queries[:1]
    best = live.find(query, TEN).ids[0]
    filled.collection.catalogue.images.remove(best[:3].tolist())
    left = live.find(query, 2000).ids[0]
    assert len(left) == filled.size - 3
    assert left[:7].tolist() == best[3:].tolist()
    filled.publish()
    assert live.find(query, 2000).ids[0].tolist() == left.tolist()


def test_what_is_added_twice_is_there_once(filled: Filled) -> None:
    query = filled.made.queries[:1]
    before = filled.live().find(query, 2000)
    filled.add(np.arange(50))
    filled.publish()
    assert filled.live().find(query, 2000).ids.tolist() == before.ids.tolist()


def test_two_hypotheses_are_one_answer_by_the_better_one(filled: Filled) -> None:
    rows, query = filled.rows, filled.made.queries[:1]
    best, worst = (int(n) for n in truth(rows, query, len(rows))[0][[0, -1]])
    catalogue = filled.collection.catalogue
    estimate = catalogue.images.rows(filled.space.id, [worst + 1])[worst + 1].estimate
    states = [
        ImageState(worst + 1, "indexed", estimate=estimate, second=estimate),
        ImageState(best + 1, "indexed", estimate=estimate),
    ]
    images = np.array([worst, worst, best]) + 1
    number = filled.space.last_shard + 1
    keep(filled.collection, filled.space, states, (images, rows[[worst, best, best]]), number)
    drop_stale(filled.collection, filled.space)
    filled.publish()
    live = filled.live()
    found = live.find(query, filled.size)
    assert sorted(numbers(found.ids)[0, :2].tolist()) == sorted([best, worst])
    assert len(np.unique(found.ids)) == filled.size
    stored = live.stored(np.array([worst + 1]))
    assert stored.ids.tolist() == [worst + 1] * 2
    assert np.array_equal(stored.best(query[0], stored.ids[:1])[0], rows[best])


def test_an_open_reader_finds_what_is_published_later(filled: Filled) -> None:
    live, query = filled.live(), filled.made.queries[:1]
    before = live.find(query, 2000).ids[0]
    filled.add(np.arange(filled.size, filled.size + 40))
    filled.publish()
    after = live.find(query, 2000).ids[0]
    assert len(after) == filled.size + 40
    assert after[np.isin(after, before)].tolist() == before.tolist()
