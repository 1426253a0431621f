"""A third term, by the recipe of docs/extending.md: one class and two entries.

It is fitted, built with, searched, checked and benchmarked; no other module knows its name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.readers.registry import open_faces
from generator import engine
from generator.drawer import Drawer
from generator.engine import Engine
from generator.weights_file import load_card, save_card
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from retrieval.evaluation.benchmark import BenchmarkOptions, run
from retrieval.evaluation.methods.fused import further_methods
from retrieval.evaluation.methods.registry import METHODS
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import Record
from retrieval.fitting.fit import FitOptions, fit
from retrieval.fitting.told import to_text
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.term import Term
from retrieval.scoring.terms import SCORES, TERMS, Coefficients
from retrieval.search.searcher import Searcher, open_searcher
from tests.retrieval.recognising import tell_by_colours

CPU = torch.device("cpu")
NAME = "fused+brightness"
NEAR = 2e-5  # scores that batches of other sizes may tell apart


@dataclass(frozen=True, slots=True)
class MeanGrey:
    """Reads how bright an image is: a unit vector, turned from black to white by 90 degrees."""

    width: int = 2
    fingerprint: str = "mean grey 1"
    detail: str = "mean grey 1"
    needs_portraits: bool = False

    def read(self, pixels: Pixels, portraits: Pixels | None) -> Floats:
        del portraits
        angle = pixels.reshape(len(pixels), -1).mean(axis=1) / 255 * np.pi / 2
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


class Brightness(Term):
    """How alike in brightness source and image are."""

    name = "brightness"
    key = "brightness"
    letter = "b"
    what = "brightnesses"
    grid = (0.0, 0.5, 1.0)

    def open(self, engine: Drawer, wanted: str) -> MeanGrey:
        del engine, wanted
        return MeanGrey()


def finished(steps: Iterator[Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """What the recipe says: the term, a score with it, and colours for SFace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TERMS, "brightness", Brightness())
        patch.setitem(SCORES, NAME, ("log_p", "identity", "brightness"))
        for method in further_methods():
            patch.setitem(METHODS, method.name, method)
        tell_by_colours(patch)
        patch.setattr(engine, "pick_precision", lambda _: torch.float32)  # batches draw alike
        yield


@pytest.fixture(scope="module")
def weights(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Weights that were fitted with the term, on p3 and p4; do not change."""
    weights = make_fitted_weights()
    cache, protocol = tmp_path_factory.mktemp("cache"), Protocol(queries=40)
    options = FitOptions(cache=cache, identities="2", protocol=protocol)
    card = finished(fit(Engine.open(weights, CPU), open_faces(faces_spec), options)).card
    fitted = ScoreProfile.of(card)
    heavier = Coefficients(log_p=0.2, brightness=0.5)  # whatever was best
    profile = replace(fitted, scores={**fitted.scores, NAME: heavier}, hypotheses={})
    save_card(weights, profile.written_on(card))
    return weights


@pytest.fixture(scope="module")
def collection(
    weights: Path, faces_spec: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Collection]:
    """A collection of these weights and the score that they choose; do not change."""
    collection = Collection.open_or_create(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        list(build(collection, open_faces(faces_spec), Engine.open(weights, CPU), weights))
    yield collection
    collection.close()


@pytest.fixture(scope="module")
def searcher(collection: Collection) -> Searcher:
    return open_searcher(collection, ["pose=45"], CPU)


def test_a_card_tells_of_it_and_is_read_back(weights: Path) -> None:
    card = load_card(weights)
    said = card.fusion["scores"][NAME]
    assert said == {"log_probability": 0.2, "identity": 0.0, "others": {"brightness": 0.5}}
    assert set(card.fusion["hit_rate"]) == {
        *("drawing", "without_identity", "fused", "without_log_probability", NAME)
    }
    assert card.fusion["readers"] == {"brightness": "mean grey 1"}
    assert card.calibration[NAME]["measures"] == [
        *("drawing", "log_p", "identity", "brightness", "lead")
    ]
    again = ScoreProfile.of(card).written_on(card)
    assert (again.fusion, again.calibration) == (card.fusion, card.calibration)
    assert f"{NAME}, a 0.2, w 0, b 0.5" in to_text(card)


def test_a_search_adds_it_and_says_so(searcher: Searcher, faces_spec: str) -> None:
    assert searcher.scoring.name == NAME
    faces = open_faces(faces_spec)
    source, reader = faces.load(faces.faces[4]), MeanGrey()
    answer = searcher.query(source, ["pose=45"], k=30)
    (asked,) = reader.read(answer.source[None], None)
    for hit in answer.hits:
        photo = searcher.card.aligner.align(faces.load(faces.faces[_place(hit.path, faces)]))
        expected = 0.5 * float(reader.read(photo[None], None)[0] @ asked)
        assert hit.parts["brightness"] == pytest.approx(expected, abs=1e-5)
        assert hit.score == pytest.approx(sum(hit.parts.values()), abs=1e-5)
        assert hit.confidence is not None
    assert len({round(hit.parts["brightness"], 4) for hit in answer.hits}) > 1


def _place(path: str, faces: Any) -> int:
    return next(n for n, face in enumerate(faces.faces) if face.name == Path(path).name)


def test_what_is_stored_is_checked(searcher: Searcher, collection: Collection) -> None:
    projection = collection.contract(searcher.space).projection
    assert projection.endswith("; brightness 2, mean grey 1; column to one length")
    assert [one for one in finished(verify(collection)) if one.is_problem] == []


def test_a_benchmark_ranks_by_it_as_a_search_does(
    searcher: Searcher, weights: Path, faces_spec: str, tmp_path: Path
) -> None:
    faces = open_faces(faces_spec)
    options = BenchmarkOptions(methods=(NAME,), cache=tmp_path / "cache")
    protocol = Protocol(queries=10, cutoffs=(6,), portraits=True)
    record: Record = finished(run(faces, [Engine.open(weights, CPU)], protocol, options))
    (measured,) = (one for one in record.methods if one.name == NAME)
    assert not measured.skipped
    assert measured.settings["brightness"] == 0.5
    shown, space = record.gallery.names, record.gallery.space
    for query, row in enumerate(record.queries.wished):
        wish = [f"pose={space['pose'].values[row[space.names.index('pose')]]}"]
        source = shown[record.queries.source[query]]
        photo = faces.load(next(face for face in faces.faces if face.name == source))
        answer = searcher.query(photo, wish, k=30)
        scores = {Path(hit.path).name: hit.score for hit in answer.hits}
        ranked = [scores[shown[place]] for place in measured.top[query].tolist()]
        assert ranked == pytest.approx(sorted((scores[n] for n in shown), reverse=True), abs=NEAR)
