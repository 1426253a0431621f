"""Search, through the tiny collection: real weights that nobody trained, 30 images, two spaces."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import text

from gallery.align import Crop, Landmarks
from gallery.attributes import Condition
from gallery.errors import (
    CatalogueError,
    ImageError,
    IndexFileError,
    WeightsError,
    WishError,
)
from gallery.faces import FaceSet
from gallery.files import file_sha256
from gallery.images import load
from gallery.readers.registry import open_faces
from generator.canonical import RECONSTRUCTION, canonicalise
from generator.engine import Engine
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.embedding import contract_of
from retrieval.search.live_index import LiveIndex
from retrieval.search.result import Among, SearchResult
from retrieval.search.searcher import Searcher, open_searcher

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shared(collection_dir: Path) -> Iterator[Collection]:
    """The tiny collection, to be read only."""
    collection = Collection.open(collection_dir)
    yield collection
    collection.close()


@pytest.fixture
def copied(collection_dir: Path, tmp_path: Path) -> Iterator[Collection]:
    """A copy of the tiny collection, to be spoilt."""
    shutil.copytree(collection_dir, tmp_path / "copied")
    collection = Collection.open(tmp_path / "copied")
    yield collection
    collection.close()


@pytest.fixture(scope="module")
def faces(faces_spec: str) -> FaceSet:
    return open_faces(faces_spec)


@pytest.fixture(scope="module")
def searcher(shared: Collection) -> Searcher:
    return open_searcher(shared, ["pose=45"], CPU)


@pytest.fixture
def photograph_of_p1(faces_dir: Path) -> Image.Image:
    return load(faces_dir / "p1-0-left.png")


def sql(collection: Collection, statement: str) -> None:
    with sqlite3.connect(collection.root / "catalogue.db") as database:
        database.execute(statement)
    database.close()


def hits(answer: SearchResult) -> list[tuple[str, float]]:
    return [(Path(hit.path).name, hit.score) for hit in answer.hits]


# The answer


def test_an_answer_equals_brute_force_step_by_step(
    searcher: Searcher, faces: FaceSet, photograph_of_p1: Image.Image
) -> None:
    engine = searcher.engine
    align = engine.card.aligner.align
    pixels = np.stack([align(faces.load(face)) for face in faces.faces])
    gallery = canonicalise(engine, pixels)
    source = align(photograph_of_p1)
    drawn = engine.draw(source[None], np.array([[0, 0, 1]], dtype=np.float32))
    probe = drawn.features[0].astype(np.float64)
    scores = gallery.embeddings @ (probe / np.linalg.norm(probe))
    order = np.argsort(-scores, kind="stable")[:7]

    answer = searcher.query(photograph_of_p1, ["pose=45"], k=7)
    assert (answer.space, answer.wish) == ("pose-32", Condition(pose="45"))
    assert (answer.source == source).all()
    assert (answer.drawn == drawn.refined[0]).all()
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5, 6, 7]
    for hit, position in zip(answer.hits, order, strict=True):
        face = faces.faces[position]
        assert hit.path == str(faces.path(face))
        assert hit.score == pytest.approx(scores[position], abs=2e-6)
        assert (hit.identity, hit.condition) == (face.identity, face.condition)
        assert hit.estimate == gallery.estimates[position]
    times = answer.timings_ms
    assert min(times.draw, times.embed, times.search) >= 0
    assert times.draw > 0


def test_more_images_than_there_are_bring_the_whole_gallery(
    searcher: Searcher, photograph_of_p1: Image.Image
) -> None:
    answer = searcher.query(photograph_of_p1, ["pose=0"], k=1_000)
    assert [hit.rank for hit in answer.hits] == list(range(1, 31))
    assert len({hit.path for hit in answer.hits}) == 30
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] <= 1


@pytest.mark.parametrize("wish", ["pose=45°", "pose = +45.0", "pose=45 degrees", "pose=45deg"])
def test_a_wish_may_be_spelt_with_its_unit(
    searcher: Searcher, photograph_of_p1: Image.Image, wish: str
) -> None:
    answer = searcher.query(photograph_of_p1, [wish], k=3)
    assert answer.wish == Condition(pose="45")
    assert hits(answer) == hits(searcher.query(photograph_of_p1, ["pose=45"], k=3))


def test_each_image_may_have_a_crop_of_its_own(
    searcher: Searcher, photograph_of_p1: Image.Image
) -> None:
    crop = Crop(4, 4, 30, 30)
    one = searcher.query(photograph_of_p1, ["pose=45"], k=5, crop=crop)
    assert hits(searcher.query(photograph_of_p1, ["pose=45"], k=5, crop=[crop])) == hits(one)
    plain = searcher.query(photograph_of_p1, ["pose=45"], k=5)
    assert hits(searcher.query(photograph_of_p1, ["pose=45"], k=5, crop=[None])) == hits(plain)
    assert hits(plain) != hits(one)
    with pytest.raises(ValueError, match="shorter"):
        searcher.query(photograph_of_p1, ["pose=45"], k=5, crop=[])


def test_a_file_of_the_gallery_has_the_crop_of_its_landmarks(
    copied: Collection, faces_dir: Path
) -> None:
    searcher = open_searcher(copied, ["pose=45"], CPU)
    paths = faces_dir / "p1-0-left.png", faces_dir / "p2-0-left.png"
    known, other, new = file_sha256(paths[0]), file_sha256(paths[1]), "0" * 64
    assert searcher.known_faces.crop_of(known) is None
    assert not searcher.known_faces.cuts_otherwise(new)
    assert not searcher.known_faces.cuts_by_own_crop()
    own = replace(searcher.card.aligner, crop=Crop(0, 0, 1, 1))
    searcher.engine.card = replace(searcher.card, aligner=own)
    assert searcher.known_faces.cuts_by_own_crop()
    image_id = copied.catalogue.images.at(str(paths[0]))
    sql(copied, f"UPDATE image SET landmarks = '[20, 14, 20, 30]' WHERE id = {image_id}")  # noqa: S608
    by = searcher.card.aligner.crop_by(Landmarks((20, 14), (20, 30)))
    assert (
        searcher.known_faces.crop_of(known),
        searcher.known_faces.crop_of(other),
        searcher.known_faces.crop_of(new),
    ) == (
        by,
        None,
        None,
    )
    assert searcher.known_faces.cuts_otherwise(new)
    assert not searcher.known_faces.cuts_by_own_crop()
    assert not searcher.known_faces.cuts_otherwise(other)
    assert not searcher.known_faces.cuts_otherwise(known)


def test_another_wish_brings_another_drawing(
    searcher: Searcher, photograph_of_p1: Image.Image
) -> None:
    left, right = (searcher.query(photograph_of_p1, [f"pose={p}"], k=1) for p in ("-45", "45"))
    assert (left.drawn != right.drawn).any()


def test_a_crop_says_where_the_face_is(searcher: Searcher, photograph_of_p1: Image.Image) -> None:
    wide = Image.new("RGB", (200, 90), "white")
    wide.paste(photograph_of_p1, (150, 20))
    plain = searcher.query(photograph_of_p1, ["pose=45"], k=5)
    for crop in (Crop(150, 20, 40, 40), Crop(0.75, 20 / 90, 0.2, 40 / 90)):
        cropped = searcher.query(wide, ["pose=45"], k=5, crop=crop)
        assert np.abs(cropped.source.astype(int) - plain.source).max() <= 1
    exact = searcher.query(wide, ["pose=45"], k=5, crop=Crop(150, 20, 40, 40))
    assert hits(exact) == hits(plain)
    assert (searcher.query(wide, ["pose=45"], k=5).source != plain.source).any()
    with pytest.raises(ImageError, match="does not fit the image of 200 x 90"):
        searcher.query(wide, ["pose=45"], k=5, crop=Crop(300, 20, 40, 40))


def test_a_wish_that_the_space_cannot_draw_is_refused(
    searcher: Searcher, photograph_of_p1: Image.Image
) -> None:
    with pytest.raises(WishError, match="There is no attribute 'light'; Known: pose"):
        searcher.query(photograph_of_p1, ["light=left"], k=1)
    with pytest.raises(
        WishError, match="pose has no value '44'; did you mean 45. Known: -45, 0, 45"
    ):
        searcher.query(photograph_of_p1, ["pose=44"], k=1)


def test_what_is_not_wished_for_stays_as_it_is_estimated_to_be(
    quick: Callable[[Path], Engine],
    make_weights: Callable[..., Path],
    collection: Collection,
    faces: FaceSet,
    photograph_of_p1: Image.Image,
) -> None:
    weights = make_weights("both-32", ("pose", "light"))
    engine = quick(weights)
    list(build(collection, faces, engine, weights))
    space = collection.catalogue.spaces.get("both-32")
    index = LiveIndex(collection, space, contract_of(engine, RECONSTRUCTION), "cpu")
    searcher = Searcher(collection, engine, index)
    source = engine.card.aligner.align(photograph_of_p1)[None]
    estimate = canonicalise(engine, source).estimates[0]
    for wish in (Condition(pose="45"), Condition(light="right"), Condition(pose="0", light="left")):
        answer = searcher.query(photograph_of_p1, [f"{n}={v}" for n, v in wish.items()], k=1)
        code = engine.card.space.one_hot(estimate.replace(wish))
        assert (answer.drawn == engine.draw(source, code[None]).refined[0]).all()
        assert answer.wish == wish


# Which space answers


def test_a_query_goes_to_the_space_that_can_draw_the_wish(shared: Collection) -> None:
    assert open_searcher(shared, ["pose=45"], CPU).card.name == "pose-32"
    assert open_searcher(shared, ["light=left"], CPU).space.name == "light-32"


def test_of_several_spaces_that_can_the_most_recent_answers(
    copied: Collection,
    quick: Callable[[Path], Engine],
    make_weights: Callable[..., Path],
    faces_spec: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = make_weights("pose-new", seed=5)
    list(build(copied, open_faces(faces_spec), quick(weights), weights))
    monkeypatch.setattr("retrieval.search.searcher.open_drawer", lambda path, *_: quick(path))
    assert open_searcher(copied, ["pose=45"], CPU).space.name == "pose-new"
    monkeypatch.undo()
    assert open_searcher(copied, ["pose=45"], CPU, space="pose-32").space.name == "pose-32"
    sql(copied, "UPDATE space SET published_at = '2999-01-01T00:00:00+00:00' WHERE id = 1")
    assert open_searcher(copied, ["pose=45"], CPU).space.name == "pose-32"


def test_a_wish_that_no_space_can_draw_lists_what_each_knows(shared: Collection) -> None:
    with pytest.raises(WishError) as caught:
        open_searcher(shared, ["pose=45", "light=left"], CPU)
    message = str(caught.value)
    assert message.startswith("No space can draw pose=45 light=left. Each knows: ")
    assert "pose-32 (pose=-45|0|45)" in message
    assert "light-32 (light=left|right)" in message


def test_the_space_asked_for_must_know_the_wish(shared: Collection) -> None:
    assert open_searcher(shared, ["light=left"], CPU, space="light-32").space.name == "light-32"
    with pytest.raises(WishError, match="There is no attribute 'light'; Known: pose"):
        open_searcher(shared, ["light=left"], CPU, space="pose-32")
    with pytest.raises(CatalogueError, match="There is no space 'pose'; did you mean 'pose-32'"):
        open_searcher(shared, ["pose=45"], CPU, space="pose")


@pytest.mark.parametrize("wishes", [[], ["pose"], ["=45"], ["pose="], ["pose=45", "pose=0"]])
def test_what_is_no_wish_is_refused(shared: Collection, wishes: list[str]) -> None:
    with pytest.raises(WishError, match="(A wish is NAME=VALUE|wished for twice|There is no wish)"):
        open_searcher(shared, wishes, CPU)


def test_the_only_space_says_what_it_does_not_know(copied: Collection) -> None:
    sql(copied, "DELETE FROM placement WHERE space_id = 2")
    sql(copied, "DELETE FROM shard WHERE space_id = 2")
    sql(copied, "DELETE FROM space WHERE id = 2")
    with pytest.raises(
        WishError, match="Space pose-32: pose has no value '46'; did you mean 45. Known"
    ):
        open_searcher(copied, ["pose=46"], CPU)


def test_an_empty_collection_has_no_space(collection: Collection) -> None:
    with pytest.raises(CatalogueError, match="has no space; build one with `mindseye index build`"):
        open_searcher(collection, ["pose=45"], CPU)


def test_a_space_that_was_never_finished_says_how_to_finish_it(copied: Collection) -> None:
    sql(copied, "UPDATE space SET generation = NULL, published_at = NULL WHERE id = 1")
    with pytest.raises(CatalogueError, match="Nothing has been published in the space pose-32 yet"):
        open_searcher(copied, ["pose=45"], CPU)
    assert open_searcher(copied, ["light=left"], CPU).space.name == "light-32"


# Weights


def test_the_weights_may_be_named_as_a_check(shared: Collection, pose_weights: Path) -> None:
    for given in (pose_weights, pose_weights.parent):
        assert open_searcher(shared, ["pose=0"], CPU, weights=str(given)).space.name == "pose-32"


def test_other_weights_than_those_of_the_space_are_refused(
    shared: Collection, light_weights: Path, make_weights: Callable[..., Path]
) -> None:
    other = make_weights("pose-32", seed=7)
    with pytest.raises(
        IndexFileError,
        match=f"The space pose-32 was not made with the weights {other}: weights_sha256: .* Leave",
    ):
        open_searcher(shared, ["pose=0"], CPU, weights=str(other.parent))
    with pytest.raises(
        IndexFileError, match="was not made with the weights .* Leave out --weights"
    ):
        open_searcher(shared, ["pose=0"], CPU, weights=str(light_weights))
    with pytest.raises(WeightsError, match="There are no weights 'nowhere'"):
        open_searcher(shared, ["pose=0"], CPU, weights="nowhere")


def test_a_spoilt_copy_of_the_weights_is_refused(copied: Collection) -> None:
    path = copied.weights_path("pose-32")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not the file its card describes"):
        open_searcher(copied, ["pose=0"], CPU)
    path.unlink()
    with pytest.raises(WeightsError, match=f"There is no file {path}"):
        open_searcher(copied, ["pose=0"], CPU)


def test_a_broken_space_does_not_stop_another(copied: Collection) -> None:
    copied.weights_path("pose-32").with_suffix(".json").unlink()
    assert open_searcher(copied, ["light=left"], CPU).space.name == "light-32"


def test_an_index_of_another_contract_is_refused(copied: Collection) -> None:
    contract = copied.space_dir("pose-32") / "contract.json"
    contract.write_text(contract.read_text("utf-8").replace('"none"', '"pca-256"'), "utf-8")
    with pytest.raises(
        IndexFileError, match=r"pose-32/contract\.json is not the one that the catalogue knows"
    ):
        open_searcher(copied, ["pose=0"], CPU)


def test_the_image_asked_about_can_be_left_out(copied: Collection, faces_dir: Path) -> None:
    path = faces_dir / "p1-0-left.png"
    searcher = open_searcher(copied, ["pose=0"], CPU)
    everybody = searcher.query(load(path), ["pose=0"], 100).hits
    among = Among(exclude=(file_sha256(path),))
    others = searcher.query(load(path), ["pose=0"], 100, among=among).hits
    assert [hit.path for hit in others] == [h.path for h in everybody if h.path != str(path)]
    assert [hit.rank for hit in others] == list(range(1, len(everybody)))
    assert len(searcher.query(load(path), ["pose=0"], 3, among=among).hits) == 3


def test_a_query_after_one_that_the_catalogue_failed_sees_what_is_new(
    copied: Collection, faces_dir: Path
) -> None:
    searcher = open_searcher(copied, ["pose=0"], CPU)
    asked = load(faces_dir / "p1-0-left.png")
    everybody = searcher.query(asked, ["pose=0"], 100).hits
    copied.catalogue.session.execute(text("SELECT count(*) FROM image"))  # and never ended
    elsewhere = Collection.open(copied.root)
    gone = elsewhere.catalogue.images.at(everybody[0].path)
    assert gone is not None
    elsewhere.catalogue.images.remove([gone])
    elsewhere.close()
    among = Among(where="id > 0")
    assert searcher.known_faces.has_crop(file_sha256(faces_dir / "p1-0-left.png"))
    left = searcher.query(asked, ["pose=0"], 100, among=among).hits
    assert [hit.path for hit in left] == [hit.path for hit in everybody[1:]]
