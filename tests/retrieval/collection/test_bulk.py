import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

from gallery.attributes import Condition
from gallery.catalogue.records import FileRecord
from gallery.errors import CatalogueError, IndexFileError
from index import store
from index.contract import IndexContract
from retrieval.collection.bulk import EmbeddedImages, add_embedded
from retrieval.collection.collection import Collection
from retrieval.collection.publish import publish

CONTRACT = IndexContract(
    extractor="made up",
    weights_sha256="0" * 64,
    attribute_space=(("pose", ("0", "45")),),
    aligner="none",
    canonicalisation="none",
    projection="none",
    dimension=8,
)


def portion(first: int, count: int) -> EmbeddedImages:
    numbers = range(first, first + count)
    vectors = np.stack([np.random.default_rng(n).normal(size=8) for n in numbers])
    return EmbeddedImages(
        tuple(
            FileRecord(f"/{n}", hashlib.sha256(str(n).encode()).hexdigest(), None, f"s{n % 3}")
            for n in numbers
        ),
        (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        tuple(Condition(pose="0") for _ in numbers),
    )


def portions() -> Iterator[EmbeddedImages]:
    yield portion(0, 10)
    yield portion(8, 4)  # two of them known
    yield portion(3, 2)  # both


def test_embeddings_made_elsewhere_are_found(collection: Collection) -> None:
    assert list(add_embedded(collection, "made", CONTRACT, portions())) == [10, 12, 12]
    publish(collection, "made")
    space = collection.catalogue.spaces.get("made")
    index = store.open_index(collection.space_dir("made"), 1, CONTRACT)
    assert index.size == 12
    probes = portion(0, 12).embeddings
    found = index.search(probes, 1).ids[:, 0].tolist()
    rows = collection.catalogue.images.rows(space.id, found)
    assert [rows[i].path for i in found] == [f"/{n}" for n in range(12)]
    assert rows[1].estimate == Condition(pose="0")
    assert list(add_embedded(collection, "made", CONTRACT, portions())) == [0, 0, 0]


def test_what_does_not_fit_is_refused(collection: Collection) -> None:
    good = portion(0, 3)
    with pytest.raises(CatalogueError, match="Every image needs its SHA-256, and one embedding"):
        list(
            add_embedded(
                collection, "made", CONTRACT, [EmbeddedImages(good.offers[:2], good.embeddings)]
            )
        )
    other = IndexContract.from_json(CONTRACT.to_json() | {"projection": "pca"})
    with pytest.raises(IndexFileError, match="projection: pca here|projection: none here"):
        list(add_embedded(collection, "made", other, [good]))
