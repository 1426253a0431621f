"""Strengths from labels to answers: a folder, untrained weights, a search and filters."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gallery.align import Aligner
from gallery.attributes import STRENGTH_GRID, as_number
from gallery.images import load
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from generator.values import SPREAD
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.scoring.terms import VALUES
from retrieval.search.result import Among
from retrieval.search.searcher import Searcher, open_searcher
from tests.retrieval.recognising import FUSION
from tests.running import Mindseye, one_line_error

STRENGTHS = ("0", "0.1", "0.35", "0.5", "0.80", "1")  # as labels spell them


@pytest.fixture(scope="module")
def smiles(faces_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny gallery, six images of each of five people, with strengths of a smile."""
    folder = tmp_path_factory.mktemp("smiles")
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "identity", "smile"))
        for number, path in enumerate(sorted(faces_dir.glob("*.png"))):
            shutil.copy(path, folder)
            rows.writerow((path.name, path.name[:2], STRENGTHS[number % 6]))
    return folder


@pytest.fixture(scope="module")
def searcher(smiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    faces = open_faces(f"folder:{smiles}")
    assert faces.space["smile"].is_strength
    assert faces.space["smile"].values == STRENGTH_GRID
    network = architecture("two-stage-32").build(faces.space.size, {"estimator": True})
    initialise(network, torch.Generator().manual_seed(3))
    path = tmp_path_factory.mktemp("weights") / "smile-32" / "weights.safetensors"
    path.parent.mkdir()
    card = Card(
        name="smile-32",
        architecture="two-stage-32",
        network=network.config.settings(),
        space=faces.space,
        aligner=Aligner(size=32, channels=1),
        mean=(110.0,),
        deviation=(60.0,),
        train_identities=("p1",),
        canonicalisation={"rule": "estimator"},
        fusion=FUSION,
    )
    save_weights(path, network, card)
    collection = Collection.open_or_create(tmp_path_factory.mktemp("collection"))
    engine = Engine.open(path, torch.device("cpu"))
    with collection.writing():
        list(build(collection, faces, engine, path, score=VALUES))
    return open_searcher(collection, ["smile=0.6"], torch.device("cpu"))


def test_a_wish_between_two_values_of_the_grid_is_drawn_and_scored(
    searcher: Searcher, smiles: Path
) -> None:
    """Against the definition, image by image."""
    engine, source = searcher.engine, load(smiles / "p4-0-left.png")
    answer = searcher.query(source, ["smile=0.6 * 2"], k=30)
    assert answer.wishes.spelt == ("smile=0.6 * 2",)
    seen = engine.card.aligner.align(source)[None]
    code = np.array([[0, 0, 0.6, 0.4, 0]], dtype=np.float32)
    np.testing.assert_allclose(answer.drawn, engine.draw(seen, code).refined[0], atol=1e-3)
    faces = open_faces(f"folder:{smiles}")
    pixels = np.stack([engine.card.aligner.align(faces.load(face)) for face in faces.faces])
    log_p = engine.log_probabilities(pixels)
    grid = np.array(engine.card.space["smile"].grid)
    # each row is a parabola around the image's strength, so its first and last values tell it
    shown = (log_p[:, -1] - log_p[:, 0]) * SPREAD**2 + 0.5
    np.testing.assert_allclose(
        log_p, -np.square(grid - shown[:, None]) / (2 * SPREAD**2), atol=1e-4
    )
    names = [face.name for face in faces.faces]
    for hit in answer.hits:
        strength = shown[names.index(Path(hit.path).name)]
        expected = 2 * 0.2 * -((0.6 - strength) ** 2) / (2 * SPREAD**2)
        assert hit.parts["log_p"] == pytest.approx(expected, abs=1e-4)
        assert hit.wishes == pytest.approx({"smile=0.6 * 2": expected}, abs=1e-4)
        nearest = grid[np.abs(grid - strength).argmin()]
        assert as_number(hit.estimate["smile"]) == pytest.approx(nearest)


def test_a_gallery_image_is_redrawn_in_a_value_of_the_grid(
    searcher: Searcher, smiles: Path
) -> None:
    pixels = searcher.card.aligner.align(load(smiles / "p2-0-left.png"))[None]
    seen = canonicalise(searcher.engine, pixels, Rule("estimator"))
    assert seen.estimates[0]["smile"] in STRENGTH_GRID


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("smile>0.5", {"0.8", "1"}),
        ("smile >= .5", {"0.5", "0.8", "1"}),
        ("smile=0.8", {"0.8"}),
        ("smile<=0.1 or smile=1", {"0", "0.1", "1"}),
    ],
)
def test_a_filter_compares_strengths_as_numbers(
    searcher: Searcher, smiles: Path, where: str, shown: set[str]
) -> None:
    source = load(smiles / "p4-0-left.png")
    answer = searcher.query(source, ["smile=0.6"], k=30, among=Among(where=where))
    assert {hit.condition["smile"] for hit in answer.hits} == shown
    assert len(answer.hits) == 5 * len(shown)


def test_a_wish_beyond_1_is_refused(mindseye: Mindseye, searcher: Searcher, smiles: Path) -> None:
    root = searcher._collection.root  # noqa: SLF001
    asked = ("query", smiles / "p4-0-left.png", "smile=1.2", "--collection", root)
    message = one_line_error(mindseye(*asked))
    assert "smile is a strength from 0 to 1, like smile=0.6; got '1.2'" in message


def test_reasons_draw_the_grid_and_what_was_wished_for(
    mindseye: Mindseye, searcher: Searcher, smiles: Path, tmp_path: Path
) -> None:
    root = searcher._collection.root  # noqa: SLF001
    asked = ("query", smiles / "p4-0-left.png", "smile=0.6", "--collection", root, "-k", 2)
    assert mindseye(*asked, "--explain", "why").status == 0
    drawn = sorted(path.stem for path in (tmp_path / "why" / "drawings").glob("smile=*"))
    assert drawn == [f"smile={value}" for value in ("0", "0.25", "0.5", "0.6", "0.75", "1")]
