"""From training to answers with the families that learn from labels; several images of a person."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gallery.arrays import normalise
from gallery.errors import ConfigError
from gallery.files import file_sha256
from gallery.images import load
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.runs.request import make_request
from generator.runs.run import train
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.search.result import Among
from retrieval.search.searcher import Searcher, open_searcher

CPU = torch.device("cpu")
ATTRIBUTES = {"residual-gan": "light", "caae": "pose", "dr-gan": "pose", "td-gan": "pose"}
Open = Callable[..., Searcher]


@pytest.fixture
def indexed(faces_spec: str, tmp_path: Path) -> Iterator[Open]:
    """Train a tiny network, index the tiny gallery with it, and open the space."""
    opened: list[Collection] = []

    def make(name: str, **network: Any) -> Searcher:
        config = tmp_path / f"{name}.toml"
        settings = {"size": 16, "width": 8, **network}
        lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
        config.write_text(f"[train]\nsteps = 1\nbatch_size = 4\n[network]\n{lines}")
        request = make_request(
            open_faces(faces_spec),
            architecture_name=name,
            attributes=(ATTRIBUTES[name],),
            recipe_name="fast",
            out=tmp_path / name,
            device=CPU,
            config=config,
            train_identities="3",
        )
        list(train(request))
        weights = tmp_path / name / "weights.safetensors"
        collection = Collection.open_or_create(tmp_path / "collection")
        opened.append(collection)
        with collection.writing():
            engine = Engine.open(weights, CPU)
            list(build(collection, open_faces(faces_spec), engine, weights))
        return open_searcher(collection, [f"{ATTRIBUTES[name]}={wish(name)}"], CPU)

    yield make
    for collection in opened:
        collection.close()


def wish(name: str) -> str:
    return "right" if ATTRIBUTES[name] == "light" else "45"


@pytest.fixture
def of_p1(faces_dir: Path) -> list[Image.Image]:
    return [load(faces_dir / f"p1-{pose}-left.png") for pose in ("-45", "0", "45")]


@pytest.mark.parametrize("name", ["residual-gan", "caae", "td-gan"])
def test_each_is_trained_indexed_and_asked(
    name: str, indexed: Open, of_p1: list[Image.Image]
) -> None:
    searcher = indexed(name)
    wishes = [f"{ATTRIBUTES[name]}={wish(name)}"]
    answer = searcher.query(of_p1[0], wishes, k=30)
    assert len(answer.hits) == 30
    assert len({hit.score for hit in answer.hits}) > 10
    assert {value for hit in answer.hits for value in hit.estimate} == {ATTRIBUTES[name]}
    with pytest.raises(ConfigError, match=f"weights of space {name} draw from one image, got 3"):
        searcher.query(of_p1[0], wishes, k=3, others=of_p1[1:])


def test_several_images_of_a_person_are_fused_by_confidence(
    indexed: Open, of_p1: list[Image.Image]
) -> None:
    searcher = indexed("dr-gan", images=3)
    answer = searcher.query(of_p1[0], ["pose=45"], k=30, others=of_p1[1:])
    pixels = np.stack([searcher.card.aligner.align(image) for image in of_p1])
    code = searcher.card.space.one_hot({"pose": "45"})[None]
    drawn = searcher.engine.draw_together(pixels[None], code)
    assert (answer.source == pixels[0]).all()
    assert np.array_equal(answer.drawn, drawn.refined[0])
    neighbours = searcher.index.find(normalise(drawn.features), 30)
    assert [hit.score for hit in answer.hits] == [
        round(score, 6) for score in neighbours.scores[0].tolist()
    ]
    alone = searcher.query(of_p1[0], ["pose=45"], k=30)
    assert [h.score for h in alone.hits] != [h.score for h in answer.hits]
    backwards = searcher.query(of_p1[2], ["pose=45"], k=30, others=of_p1[1::-1])
    assert np.allclose(backwards.drawn, answer.drawn, atol=0.01)


def test_of_several_spaces_one_that_fuses_is_asked_with_several_images(
    indexed: Open, tmp_path: Path
) -> None:
    indexed("dr-gan", images=2)
    indexed("td-gan")  # the most recent
    collection = Collection.open(tmp_path / "collection")
    for together, name in ((False, "td-gan"), (True, "dr-gan")):
        searcher = open_searcher(collection, ["pose=45"], CPU, together=together)
        assert searcher.space.name == name
    collection.close()


def test_all_images_that_were_asked_with_can_be_left_out(
    indexed: Open, of_p1: list[Image.Image], faces_dir: Path
) -> None:
    searcher = indexed("dr-gan", images=2)
    paths = tuple(faces_dir / f"p1-{pose}-left.png" for pose in ("-45", "0"))
    among = Among(exclude=tuple(file_sha256(path) for path in paths))
    answer = searcher.query(of_p1[0], ["pose=45"], 30, among=among, others=[of_p1[1]])
    assert len(answer.hits) == 28
    assert not {str(path) for path in paths} & {hit.path for hit in answer.hits}


def test_what_learnt_from_single_images_fuses_nothing(
    indexed: Open, of_p1: list[Image.Image]
) -> None:
    searcher = indexed("dr-gan")
    assert len(searcher.query(of_p1[0], ["pose=45"], k=5).hits) == 5
    with pytest.raises(ConfigError, match="dr-gan, trained with images above 1"):
        searcher.query(of_p1[0], ["pose=45"], k=3, others=of_p1[1:])
