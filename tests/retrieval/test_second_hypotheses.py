"""Spaces whose images have second hypotheses, end to end, where the right answers are known."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.attributes import Condition
from gallery.errors import ConfigError, IndexFileError, WeightsError
from gallery.images import load
from gallery.readers.registry import open_faces
from generator.canonical import Rule
from generator.weights_file import load_card, save_card
from index import store
from index.kinds import Request
from retrieval.collection import archive
from retrieval.collection.build import build
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.compact import compact
from retrieval.collection.repair import repair
from retrieval.collection.show import describe, to_text
from retrieval.collection.verify import verify
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.scorer import scoring_of
from retrieval.search.answers import hit_to_json
from retrieval.search.live_index import LiveIndex
from retrieval.search.result import Among, SearchResult
from retrieval.search.searcher import Searcher
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.doubting import Doubting

# Taken for 0, and not -45, by a little; the other one surely for 45, and shows 0.
BELIEFS = {"p3--45-left.png": (0.40, 0.55, 0.05), "p4-0-right.png": (0.005, 0.005, 0.99)}
WITHIN = "2 within 1"
FITTED = {"log_probability": 0.1, "hit_rate": {"C1": 1.0, "C2": 1.0}}
FUSION = {
    "clip": -10.0,
    "without_identity": {"log_probability": 0.2},
    "hypotheses": {
        "drawing+values": {"chosen": WITHIN, "tried": {WITHIN: FITTED, "2": FITTED}},
    },
}
CALIBRATION = {
    "drawing+values, hypotheses 2 within 1": {
        "measures": ["drawing", "log_p", "lead"],
        "first": {"bias": 0.5, "slopes": [1.0, 0.5, 2.0]},
        "others": {"bias": -1.0, "slopes": [0.0, 0.0, 1.0]},
    }
}


@pytest.fixture(scope="module")
def weights(make_fitted_weights: Callable[..., Path]) -> Path:
    return make_fitted_weights(fusion=FUSION, calibration=CALIBRATION)


class Space:
    """A collection of the tiny gallery, drawn by an engine that is in doubt."""

    def __init__(self, root: Path, weights: Path, spec: str) -> None:
        self.collection = Collection.open_or_create(root)
        self.weights, self.spec = weights, spec
        self.engine = Doubting(load_card(weights), open_faces(spec), BELIEFS)

    def build(self, **options: Any) -> BuildProgress:
        return list(self.steps(**options))[-1]

    def steps(self, **options: Any) -> Iterator[BuildProgress]:
        options = {"score": "drawing+values", **options}
        faces = open_faces(self.spec)
        return build(self.collection, faces, self.engine, self.weights, **options)

    @property
    def directory(self) -> Path:
        return self.collection.space_dir("fitted-32")

    def searcher(self) -> Searcher:
        contract = store.read_contract(self.directory)
        space = self.collection.catalogue.spaces.get("fitted-32")
        index = LiveIndex(self.collection, space, contract, "cpu")
        rule, scoring = Rule.parse(contract.canonicalisation), scoring_of(self.engine, contract)
        return Searcher(self.collection, self.engine, index, rule, scoring)

    def refit(self, folder: Path, fusion: dict[str, Any]) -> None:
        """Go on with a copy of the weights that was fitted otherwise."""
        self.weights = shutil.copytree(self.weights.parent, folder) / self.weights.name
        save_card(self.weights, replace(load_card(self.weights), fusion=fusion))
        self.engine.card = load_card(self.weights)

    def ask(self, image: Image.Image, wish: str, k: int = 30, **among: Any) -> SearchResult:
        return self.searcher().query(image, [wish], k, among=Among(**among))

    def rows(self) -> int:
        shards = self.collection.catalogue.spaces.shards(1)
        return sum(shard.rows for shard in shards)

    def problems(self) -> list[str]:
        return [one.kind for one in finished(verify(self.collection)) if one.is_problem]


@pytest.fixture
def space(tmp_path: Path, weights: Path, faces_spec: str) -> Any:
    made = Space(tmp_path / "collection", weights, faces_spec)
    yield made
    made.collection.close()


@pytest.fixture(scope="module")
def source(faces_dir: Path) -> Image.Image:
    return load(faces_dir / "p3-0-left.png")


def names(answer: SearchResult) -> list[str]:
    return [Path(hit.path).name for hit in answer.hits]


# Answers


@pytest.mark.parametrize(("hypotheses", "found"), [("1", False), (WITHIN, True), ("2", True)])
def test_an_image_whose_second_hypothesis_is_right_is_found_only_with_it(
    space: Space, source: Image.Image, hypotheses: str, found: bool
) -> None:
    space.build(hypotheses=hypotheses)
    assert space.rows() == {"1": 30, WITHIN: 31, "2": 60}[hypotheses]
    answer = space.ask(source, "pose=-45")
    assert (names(answer)[0] == "p3--45-left.png") == found
    assert len(set(names(answer))) == len(names(answer)) == 30
    if not found:
        return
    first = answer.hits[0]
    assert (first.estimate, first.second) == (Condition(pose="0"), Condition(pose="-45"))
    assert first.parts["drawing"] == pytest.approx(1)  # of the second vector, that came closer
    assert first.parts["log_p"] == pytest.approx(0.1 * np.log(0.40), abs=1e-5)
    assert hit_to_json(first)["second_estimate"] == {"pose": "-45"}
    for hit in answer.hits:
        assert hit.score == pytest.approx(sum(hit.parts.values()), abs=1e-5)
    # Sure that it shows itself, the image of that pose answers to the other wish.
    assert names(space.ask(source, "pose=0"))[0] == "p3-0-left.png"


def test_an_image_that_is_surely_taken_for_another_value_has_one_vector(
    space: Space, faces_dir: Path
) -> None:
    space.build()  # the space is new: as the card says
    image = load(faces_dir / "p4-45-right.png")
    assert names(space.ask(image, "pose=0"))[0] != "p4-0-right.png"
    rows = space.collection.catalogue.images.rows(1, list(range(1, 31))).values()
    assert {Path(row.path).name for row in rows if row.second} == {"p3--45-left.png"}


@pytest.mark.parametrize("kind", ["exact", "flat", "ivf", "hnsw", "sq8"])
def test_k_images_come_back_where_every_image_has_two_vectors(
    space: Space, source: Image.Image, kind: str
) -> None:
    if kind != "exact":
        pytest.importorskip("faiss")
    space.build(hypotheses="2", request=Request(kind=kind))
    everything = space.ask(source, "pose=45")
    for k in (1, 2, 7, 29, 30):
        answer = space.ask(source, "pose=45", k)
        assert len(set(names(answer))) == k
        assert [hit.score for hit in answer.hits] == pytest.approx(
            [hit.score for hit in everything.hits[:k]], abs=1e-6
        )
    limit = everything.hits[3].score - 1e-6
    kept = [hit.score for hit in everything.hits if hit.score >= limit]
    assert 4 <= len(kept) < 30
    assert len(space.ask(source, "pose=45", min_score=limit).hits) == len(kept)
    few = space.ask(source, "pose=45", 4, where="identity in (p2, p3) and light=left")
    assert len(set(names(few))) == 4
    assert {name[:2] for name in names(few)} == {"p2", "p3"}
    assert len(names(space.ask(source, "pose=45", 30, where="identity=p5"))) == 6


@pytest.mark.parametrize("kind", ["exact", "flat", "ivf", "hnsw", "sq8"])
@pytest.mark.parametrize("hypotheses", ["1", "2"])
def test_parts_of_scores_cost_no_search(
    space: Space, source: Image.Image, monkeypatch: pytest.MonkeyPatch, kind: str, hypotheses: str
) -> None:
    """They are what a search for each part alone would bring, of the vector that answered."""
    if kind != "exact":
        pytest.importorskip("faiss")
    space.build(hypotheses=hypotheses, request=Request(kind=kind))
    searcher, probes = space.searcher(), []
    assert isinstance(searcher.index, LiveIndex)
    index, search = searcher.index.index, searcher.index.index.search

    def noted(probe: Any, *arguments: Any, **named: Any) -> Any:
        probes.append(probe)
        return search(probe, *arguments, **named)

    monkeypatch.setattr(index, "search", noted)
    hits = searcher.query(source, ["pose=-45"], 30).hits
    (probe,) = probes
    ids = {hit.sha256: n for n, hit in space.collection.catalogue.images.rows(1, range(31)).items()}
    for name, where in searcher.scoring.layout.parts.items():
        asked = np.zeros_like(probe)
        asked[:, where] = probe[:, where]
        alone = search(asked, 30)
        expected = dict(zip(alone.ids[0].tolist(), alone.scores[0].tolist(), strict=True))
        for hit in hits:
            assert hit.parts[name] == pytest.approx(expected[ids[hit.sha256]], abs=2e-6), name


def test_confidence_is_that_of_these_hypotheses(space: Space, source: Image.Image) -> None:
    space.build()
    first, second = space.ask(source, "pose=-45", 2).hits
    odds = 0.5 + first.parts["drawing"] + 0.5 * first.parts["log_p"]
    odds += 2 * (first.score - second.score)
    assert first.confidence == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-4)
    assert ScoreProfile.of(space.engine.card).calibration("drawing+values") is None


# The space


def test_a_space_keeps_its_hypotheses(space: Space, source: Image.Image, tmp_path: Path) -> None:
    space.build(hypotheses="1")
    before = space.ask(source, "pose=-45")
    assert space.build(score=None).indexed == 0  # the card says two
    assert space.ask(source, "pose=-45").hits == before.hits
    with pytest.raises(
        IndexFileError, match="canonicalisation: estimator here, estimator; hypotheses 2 within 1"
    ):
        space.build(hypotheses="auto")
    assert space.ask(source, "pose=-45").hits == before.hits
    space.refit(tmp_path / "again", {"without_identity": {}})
    with pytest.raises(WeightsError, match="no fitted weights of the score 'drawing\\+values'"):
        space.build(score=None)


def test_a_space_whose_hypotheses_are_fitted_no_more_says_what_helps(
    space: Space, source: Image.Image, weights: Path, tmp_path: Path
) -> None:
    space.build()
    before = space.ask(source, "pose=-45")
    only_two = {"drawing+values": {"chosen": "2", "tried": {"2": FITTED}}}
    space.refit(tmp_path / "again", {**FUSION, "hypotheses": only_two})
    helps = (
        r"^The space fitted-32 was built with hypotheses 2 within 1, which the card of its weights"
        r" no longer .* 'drawing\+values' for \(fitted: '2'\)\. Put back the card .* another"
        r" --collection: mindseye index build$"
    )
    for command in (
        space.build,
        lambda: space.build(score=None),
        lambda: space.build(hypotheses=WITHIN),
        lambda: space.ask(source, "pose=-45"),
    ):
        with pytest.raises(WeightsError, match=helps):
            command()
    other = Space(tmp_path / "other", space.weights, space.spec)
    assert (other.build().indexed, other.rows()) == (30, 60)
    other.collection.close()
    space.weights, space.engine.card = weights, load_card(weights)
    assert space.build().indexed == 0
    assert space.ask(source, "pose=-45").hits == before.hits


def test_two_hypotheses_need_log_p_in_the_score(space: Space) -> None:
    with pytest.raises(ConfigError, match="--hypotheses 2 does harm with --score drawing: without"):
        space.build(score="drawing", hypotheses="2")
    with pytest.raises(ConfigError, match="does harm with --score drawing"):
        space.build(score="drawing", hypotheses="2 within 1")
    assert space.collection.catalogue.spaces.all() == []
    assert space.build(score="drawing", hypotheses="auto").indexed == 30
    assert space.rows() == 30


def test_another_score_than_that_of_second_hypotheses_is_another_contract(space: Space) -> None:
    space.build(hypotheses="2")
    with pytest.raises(IndexFileError, match="made under another contract: canonicalisation"):
        space.build(score="drawing")


def test_hypotheses_that_were_not_fitted_are_refused(space: Space) -> None:
    with pytest.raises(
        WeightsError, match="with 2 within 9 hypotheses .fitted: '2 within 1', '2'.; say --hypoth"
    ):
        space.build(hypotheses="2 within 9")
    with pytest.raises(ConfigError, match="not 'three'"):
        space.build(hypotheses="three")


def test_the_collection_tells_of_second_hypotheses(space: Space) -> None:
    space.build(hypotheses="2")
    (shown,) = describe(space.collection)["spaces"]
    assert (shown["hypotheses"], shown["vectors"], shown["states"]["indexed"]) == ("2", 60, 30)
    assert "hypotheses 2: 60 vectors" in to_text(describe(space.collection))


# Its life


def test_a_removed_image_goes_with_both_vectors(space: Space, source: Image.Image) -> None:
    space.build(hypotheses="2")
    searcher, images = space.searcher(), space.collection.catalogue.images
    gone = [hit for hit in space.ask(source, "pose=45").hits if hit.identity == "p3"]
    assert len(gone) == 6
    removed = images.matching("identity=p3").tolist()
    assert images.remove(removed) == removed
    for _ in range(2):
        left = searcher.query(source, ["pose=45"], 30)
        assert len(set(names(left))) == 24
        assert "p3" not in {hit.identity for hit in left.hits}
        space.build()  # publishes without them
    assert space.rows() == 60
    with space.collection.writing():
        done = finished(compact(space.collection))
    assert (done.rows_dropped, space.rows()) == (12, 48)
    assert names(searcher.query(source, ["pose=45"], 30)) == names(left)
    assert finished(verify(space.collection)) == []
    assert space.build(restore=True).indexed == 6
    assert (space.rows(), space.problems()) == (60, [])


def test_compacting_keeps_both_vectors_of_an_image(
    space: Space, source: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 4)
    space.build()
    before = space.ask(source, "pose=-45")
    assert len(space.collection.catalogue.spaces.shards(1)) == 8
    with space.collection.writing():
        finished(compact(space.collection))
    assert len(space.collection.catalogue.spaces.shards(1)) == 1
    assert (space.rows(), space.problems()) == (31, [])
    assert space.ask(source, "pose=-45").hits == before.hits


def test_a_build_that_was_stopped_goes_on(
    space: Space, source: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 4)
    steps: Any = space.steps(hypotheses="2")
    next(steps)
    steps.close()
    done = space.rows()
    assert 0 < done < 60
    drawn = space.engine.drawings
    last = space.build(score=None)
    assert (last.known, last.indexed) == (done // 2, 30 - done // 2)
    assert space.engine.drawings - drawn < 2 * 30  # what was there was not drawn again
    assert (space.rows(), space.problems()) == (60, [])
    whole = Space(tmp_path / "whole", space.weights, space.spec)
    whole.build(hypotheses="2")
    assert whole.ask(source, "pose=-45").hits == space.ask(source, "pose=-45").hits
    whole.collection.close()


def test_an_archive_carries_both_vectors(space: Space, source: Image.Image, tmp_path: Path) -> None:
    space.build()
    before = space.ask(source, "pose=-45")
    list(archive.export(space.collection, tmp_path / "packed.tar"))
    space.collection.close()
    list(archive.import_archive(tmp_path / "packed.tar", tmp_path / "elsewhere"))
    space.collection = Collection.open(tmp_path / "elsewhere")
    assert space.ask(source, "pose=-45").hits == before.hits
    assert (space.rows(), space.problems()) == (31, [])


def one_vector_less(space: Space) -> None:
    """Of the shard, with a catalogue that takes it for whole."""
    ids, vectors = store.open_shard(space.directory, 1)
    (second,) = np.flatnonzero(np.diff(ids, prepend=-1) == 0)
    keep = np.arange(len(ids)) != second
    rewritten(space, ids[keep], np.array(vectors)[keep])


def one_vector_more(space: Space) -> None:
    ids, vectors = store.open_shard(space.directory, 1)
    rewritten(space, np.append(ids, ids[:1]), np.concatenate([vectors, vectors[:1]]))


def rewritten(space: Space, ids: Any, vectors: Any) -> None:
    made = store.append_shard(space.directory, 1, ids, vectors)
    space.collection.close()
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(space.collection.root / "catalogue.db") as database:
        database.execute(
            "UPDATE shard SET rows = ?, embeddings_sha256 = ?, ids_sha256 = ?",
            (made.rows, made.embeddings_sha256, made.ids_sha256),
        )
    database.close()
    space.collection = Collection.open(space.collection.root)


@pytest.mark.parametrize(
    ("damage", "kind", "indexed"),
    [(one_vector_less, "row-without-vector", 1), (one_vector_more, "vector-without-row", 0)],
)
def test_a_vector_too_few_or_too_many_is_found_and_mended(
    space: Space, source: Image.Image, damage: Callable[[Space], None], kind: str, indexed: int
) -> None:
    space.build()
    before = space.ask(source, "pose=-45")
    assert space.problems() == []
    damage(space)
    found = finished(verify(space.collection))
    assert kind in {one.kind for one in found if one.is_problem}
    assert {one.kind for one in found if one.is_problem} <= {kind, "index-damaged"}
    assert repair(space.collection, found) == indexed
    assert space.problems() == []
    assert space.build(score=None).indexed == indexed
    assert (space.rows(), space.problems()) == (31, [])
    after = space.ask(source, "pose=-45")
    assert {name: hit.score for name, hit in zip(names(after), after.hits, strict=True)} == {
        name: hit.score for name, hit in zip(names(before), before.hits, strict=True)
    }
