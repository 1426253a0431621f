"""Answers about photographs that weights do not know: 30 images, redrawn by untrained weights."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gallery.arrays import Floats
from gallery.images import load
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.reconstruction_error import ENOUGH, Usual
from generator.weights_file import load_card, save_card
from index.store import read_contract
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.domain_check import Strangers, misfit, of_gallery, of_sources, spell
from retrieval.collection.show import describe
from retrieval.collection.show import to_text as shown
from retrieval.search.answers import to_json, to_text
from retrieval.search.explain import explain
from retrieval.search.explain import to_json as explained
from retrieval.search.result import SearchResult
from retrieval.search.searcher import open_searcher
from retrieval.search.sheets import answer_sheet

CPU = torch.device("cpu")
SPACE = "fitted-32"
WISHES = ["pose=45"]
CALIBRATION = {
    "drawing": {
        "measures": ["drawing", "lead"],
        "first": {"bias": 0.5, "slopes": [1.0, 2.0]},
        "others": {"bias": -1.0, "slopes": [0.5, 1.0]},
    }
}


@pytest.fixture(scope="module")
def built(
    make_fitted_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Collection]:
    """A collection whose only space has confidence, and nothing usual on its card."""
    weights = make_fitted_weights(SPACE, calibration=CALIBRATION)
    collection = Collection.open_or_create(tmp_path_factory.mktemp("built"))
    with collection.writing():
        list(build(collection, open_faces(faces_spec), Engine.open(weights, CPU), weights))
    yield collection
    collection.close()


@pytest.fixture(scope="module")
def errors(built: Collection, faces_spec: str) -> dict[str, float]:
    """The error of every image's own redrawing, by name, rising."""
    engine, faces = Engine.open(built.weights_path(SPACE), CPU), open_faces(faces_spec)
    pixels = np.stack([engine.card.aligner.align(faces.load(face)) for face in faces.faces])
    found: Floats = canonicalise(engine, pixels, Rule("estimator")).errors
    names = [face.name for face in faces.faces]
    assert len(set(found.tolist())) == len(names)
    pairs = zip(names, found.tolist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: pair[1]))


@pytest.fixture
def collection(built: Collection, tmp_path: Path) -> Iterator[Collection]:
    """A copy, to be changed."""
    shutil.copytree(built.root, tmp_path / "copied")
    opened = Collection.open(tmp_path / "copied")
    yield opened
    opened.close()


def usual(collection: Collection, limit: float, images: int = ENOUGH) -> None:
    """Write onto the space's card what is usual."""
    path = collection.weights_path(SPACE)
    quantiles = {"0.5": limit / 2, "0.9": limit / 1.5, "0.99": limit}
    told = {"quantiles": quantiles, "images": images, "measured_on": {"spec": "x", "people": []}}
    save_card(path, replace(load_card(path), redrawing=told))


def between(errors: dict[str, float], beyond: int) -> float:
    """Return a limit that so many images lie beyond."""
    rising = list(errors.values())
    return (rising[-beyond - 1] + rising[-beyond]) / 2


def asked(collection: Collection, photo: Path) -> SearchResult:
    return open_searcher(collection, WISHES, CPU).query(load(photo), WISHES, k=4)


def sure(answer: SearchResult) -> list[bool]:
    return [hit.confidence is not None for hit in answer.hits]


# The source


def test_a_source_redrawn_worse_than_usual_has_no_confidence(
    collection: Collection, errors: dict[str, float], faces_dir: Path
) -> None:
    before = asked(collection, faces_dir / next(iter(errors)))
    assert (before.doubt, sure(before)) == (None, [True] * 4)  # of a card without usual errors
    contract = read_contract(collection.space_dir(SPACE))
    usual(collection, between(errors, beyond=3))
    *_, last_usual, _, _, worst = errors
    after = asked(collection, faces_dir / next(iter(errors)))
    assert after.hits == before.hits
    assert asked(collection, faces_dir / last_usual).doubt is None
    assert read_contract(collection.space_dir(SPACE)) == contract

    answer = asked(collection, faces_dir / worst)
    assert sure(answer) == [False] * 4
    assert answer.doubt is not None
    assert answer.doubt.reason == (
        "This photograph is unlike those the weights know: redrawn, its mean squared"
        f" error is {errors[worst]:,.0f}, that of 99 of 100 below {between(errors, 3):,.0f}; have"
        " the face found: --crop face, or say where it is: --crop X,Y,W,H, or let the"
        " weights go on with your photographs: mindseye adapt (docs/transfer.md)"
    )
    assert to_json(answer, "x.png")["no_confidence"] == answer.doubt.reason
    assert {hit["confidence"] for hit in to_json(answer, "x.png")["hits"]} == {None}
    assert to_json(after, "x.png")["no_confidence"] is None
    assert f"No confidence: {answer.doubt.reason}" in to_text(answer).splitlines()
    assert "%" not in to_text(answer)
    assert "No confidence" not in to_text(after)


def test_a_measurement_of_few_images_judges_nobody(
    collection: Collection, errors: dict[str, float], faces_dir: Path
) -> None:
    usual(collection, 0.001, images=ENOUGH - 1)
    assert sure(asked(collection, faces_dir / next(reversed(errors)))) == [True] * 4
    assert describe(collection)["spaces"][0]["strangers"] is None


def test_the_worst_of_several_images_of_a_person_counts() -> None:
    told = Usual(median=4.0, limit=7.4)
    assert of_sources(told, [7.4]) is None
    assert of_sources(told, [1.0, 7.3]) is None
    doubt = of_sources(told, [1.0, 3120.4])
    assert doubt is not None
    assert "error is 3,120, that of 99 of 100 below 7.4;" in doubt.reason
    assert doubt.brief == "no confidence:\nerror 3,120,\nusual < 7.4"
    assert [spell(error) for error in (0.04, 9.94, 20.6, 1234.5)] == ["0.0", "9.9", "21", "1,234"]


# The gallery


def test_a_gallery_unlike_what_is_known_has_no_confidence_for_any_answer(
    collection: Collection, errors: dict[str, float], faces_dir: Path
) -> None:
    usual(collection, between(errors, beyond=4))
    searcher = open_searcher(collection, WISHES, CPU)
    best = load(faces_dir / next(iter(errors)))
    answer = searcher.query(best, WISHES, k=4)
    assert sure(answer) == [False] * 4
    assert answer.doubt is not None
    assert answer.doubt.reason == (
        "fitted-32 does not fit these photographs: 4 of 30 images (13 %) are redrawn"
        " worse than 99 of 100 faces of the kind that the weights know (mean squared error above"
        f" {between(errors, 4):,.0f}). Answers get no confidence; have the faces found (mindseye"
        " data find-faces) and index again, or let the weights go on with your photographs:"
        " mindseye adapt (docs/transfer.md)"
    )
    strangers = [collection.catalogue.images.at(str(faces_dir / name)) for name in errors][-2:]
    assert collection.catalogue.images.remove([i for i in strangers if i is not None]) == sorted(
        i for i in strangers if i is not None
    )
    assert sure(searcher.query(best, WISHES, k=4)) == [True] * 4  # 2 of 28 are few enough


def test_who_has_had_the_faces_found_is_not_told_to_do_so() -> None:
    uncut, cut = (misfit("w", Strangers(9, 10, 20.0, landmarks)) for landmarks in (False, True))
    assert "find-faces" in uncut
    assert "find-faces" not in cut
    assert cut.endswith(
        "Answers get no confidence; let the weights go on with your photographs: mindseye adapt"
        " (docs/transfer.md)"
    )
    told = Usual(median=4.0, limit=7.4)
    placed = of_sources(told, [9.0], placed=True)
    assert placed is not None
    assert "--crop" not in placed.reason
    assert "mindseye adapt" in placed.reason


def test_a_gallery_cut_by_landmarks_is_only_told_to_train(
    collection: Collection, errors: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual(collection, between(errors, beyond=12))
    assert "find-faces" in shown(describe(collection))
    monkeypatch.setattr(type(collection.catalogue.images), "has_landmarks", lambda _: True)
    text = shown(describe(collection))
    assert "does not fit these photographs" in text
    assert "find-faces" not in text


@pytest.mark.parametrize(("count", "known", "fit"), [(1, 10, True), (11, 100, False), (0, 9, True)])
def test_a_tenth_of_a_gallery_may_be_strange(count: int, known: int, fit: bool) -> None:
    strangers = Strangers(count, known, 20.0)
    assert strangers.fit == fit
    assert (of_gallery("w", strangers) is None) == fit
    assert of_gallery("w", None) is None


def test_a_space_says_how_many_strangers_it_holds(
    collection: Collection, errors: dict[str, float]
) -> None:
    assert describe(collection)["spaces"][0]["strangers"] is None
    for beyond, fit in ((3, True), (12, False)):
        usual(collection, between(errors, beyond))
        told = describe(collection)
        assert told["spaces"][0]["strangers"] == {
            "count": beyond,
            "known": 30,
            "limit": between(errors, beyond),
            "landmarks": False,
            "fit": fit,
        }
        lines = shown(told).splitlines()
        line = next(line for line in lines if f"{beyond} of 30 images" in line)
        assert ("does not fit these photographs" in line) == (not fit)


def test_a_gallery_of_which_nobody_knows_the_errors_is_not_judged(
    collection: Collection, errors: dict[str, float], faces_dir: Path
) -> None:
    """As one that was indexed before they were kept."""
    space = collection.catalogue.spaces.get(SPACE)
    with collection.catalogue.session.begin():
        from sqlalchemy import update  # noqa: PLC0415

        from gallery.catalogue.tables import Placement  # noqa: PLC0415

        collection.catalogue.session.execute(update(Placement).values(error=None))
    usual(collection, between(errors, beyond=12))
    assert describe(collection)["spaces"][0]["strangers"] is None
    assert sure(asked(collection, faces_dir / next(iter(errors)))) == [True] * 4
    assert sure(asked(collection, faces_dir / next(reversed(errors)))) == [False] * 4
    assert collection.catalogue.spaces.errors_above(space.id, 0.0) == (0, 0)


# Pictures


def test_explanations_and_sheets_say_why_there_is_no_confidence(
    collection: Collection, errors: dict[str, float], faces_dir: Path
) -> None:
    usual(collection, between(errors, beyond=3))
    searcher = open_searcher(collection, WISHES, CPU)
    photos: list[Image.Image] = [
        load(faces_dir / name) for name in (next(iter(errors)), next(reversed(errors)))
    ]
    plain, doubted = (explain(searcher, photo, WISHES, k=2) for photo in photos)
    assert explained(plain)["no_confidence"] is None
    told = json.loads(json.dumps(explained(doubted)))
    assert told["no_confidence"].startswith("This photograph is unlike")
    assert {hit["confidence"] for row in told["drawings"] for hit in row["hits"]} == {None}
    aligner = searcher.card.aligner
    answers = [searcher.query(photo, WISHES, k=1) for photo in photos]
    with_lines = replace(answers[1], doubt=None)
    one, other = (
        np.asarray(answer_sheet([answer], aligner)) for answer in (answers[1], with_lines)
    )
    below = slice(124, 124 + 4 * 13)  # the captions of the first tile
    assert (one[below, :120] < 128).sum() > (other[below, :120] < 128).sum()
