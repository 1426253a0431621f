"""Rankings against brute force, written as loops."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from index.exact import ExactIndex
from retrieval.embedding import normalise
from retrieval.evaluation import baselines as module
from retrieval.evaluation.baselines import METHODS, Case, GalleryViews, Probes, flat_pixels, rank
from retrieval.evaluation.protocols import Labels, Queries

SPACE = AttributeSpace(
    (Attribute("pose", ("-45", "0", "45"), "degree"), Attribute("light", ("left", "right")))
)

VIEWS = ("embeddings", "canonical_pixels", "source_pixels")


def made_case(seed: int, images: int = 12, queries: int = 9) -> Case:
    """Make a case of noise: three people, some values unknown, queries as the protocol has them."""
    random = np.random.default_rng(seed)
    faces = [
        Face(
            f"{n}",
            f"s{random.integers(3)}",
            Condition(
                {
                    a.name: str(random.choice(a.values))
                    for a in SPACE.attributes
                    if random.random() < 0.9
                }
            ),
        )
        for n in range(images)
    ]
    labels = Labels.of(faces, SPACE)
    asked = [
        (source, column, value)
        for source in range(images)
        for column, attribute in enumerate(SPACE.attributes)
        for value in range(len(attribute.values))
        if labels.values[source, column] not in (-1, value)
    ]
    chosen = np.array([asked[n] for n in random.permutation(len(asked))[:queries]], dtype=np.int64)
    chosen = chosen.reshape(-1, 3)

    def vectors(count: int, length: int) -> Any:
        return normalise(random.normal(size=(count, length)).astype(np.float32))

    views = GalleryViews(vectors(images, 5), vectors(images, 7), vectors(images, 7))
    probes = Probes(vectors(len(chosen), 5), vectors(len(chosen), 7))
    strict = np.ones(len(chosen), dtype=np.bool_)  # rankings do not ask
    return Case(views, labels, Queries(chosen[:, 0], chosen[:, 1], chosen[:, 2], strict), probes)


def slow_rank(method: str, case: Case, depth: int, *, exclude_source: bool) -> list[list[int]]:
    rankings = []
    gallery, probes = {
        "ours": (case.views.embeddings, case.probes.embeddings),
        "ours-pixels": (case.views.canonical_pixels, case.probes.pixels),
        "two-step-true/features": (case.views.embeddings, None),
        "two-step-true/pixels": (case.views.source_pixels, None),
    }[method]
    for number in range(len(case.queries)):
        source = int(case.queries.sources[number])
        column, value = int(case.queries.attributes[number]), int(case.queries.values[number])
        probe = gallery[source] if probes is None else probes[number]
        allowed = [
            position
            for position in range(len(gallery))
            if (probes is not None or case.labels.values[position, column] == value)
            and not (exclude_source and position == source)
        ]
        scores = {position: float(gallery[position] @ probe) for position in allowed}
        best = sorted(allowed, key=lambda position: (-scores[position], position))[:depth]
        rankings.append(best + [-1] * (depth - len(best)))
    return rankings


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("exclude_source", [False, True])
@pytest.mark.parametrize("depth", [1, 4, 11, 12, 20])
def test_a_ranking_equals_brute_force(method: str, exclude_source: bool, depth: int) -> None:
    for seed in range(4):
        case = made_case(seed)
        found = rank(method, case, depth, exclude_source=exclude_source)
        assert found.dtype == np.int64
        assert found.tolist() == slow_rank(method, case, depth, exclude_source=exclude_source)


@given(st.integers(0, 10_000), st.sampled_from(METHODS), st.booleans(), st.integers(1, 20))
def test_no_image_stands_twice_in_a_ranking(
    seed: int,
    method: str,
    exclude_source: bool,
    depth: int,
) -> None:
    case = made_case(seed)
    for source, ranking in zip(
        case.queries.sources.tolist(),
        rank(method, case, depth, exclude_source=exclude_source).tolist(),
        strict=True,
    ):
        found = [position for position in ranking if position >= 0]
        assert len(set(found)) == len(found)
        assert ranking == found + [-1] * (depth - len(found))
        if exclude_source:
            assert source not in found


def test_what_is_filtered_truly_has_the_wished_value() -> None:
    case = made_case(3, images=40, queries=60)
    for method in METHODS[2:]:
        for number, ranking in enumerate(rank(method, case, 40, exclude_source=False)):
            column, value = case.queries.attributes[number], case.queries.values[number]
            having = np.flatnonzero(case.labels.values[:, column] == value)
            assert sorted(ranking[ranking >= 0].tolist()) == having.tolist()


def test_a_part_of_the_gallery_is_searched_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    case = made_case(3, images=40, queries=60)
    searched = []

    class Spy(ExactIndex):
        def __init__(self, ids: Any, blocks: Any, kept: Any = None) -> None:
            searched.append((blocks, kept))
            super().__init__(ids, blocks, kept)

    monkeypatch.setattr(module, "ExactIndex", Spy)
    rank("two-step-true/pixels", case, 5, exclude_source=False)
    assert len(searched) == 5  # three poses, two lights
    for blocks, kept in searched:
        assert blocks[0] is case.views.source_pixels
        assert 0 < kept.sum() < 40


def test_where_no_image_has_the_wished_value_nothing_is_found() -> None:
    case = made_case(0)
    nobody = Labels(case.labels.identity, case.labels.values * 0 - 1, SPACE.names, SPACE)
    case = Case(case.views, nobody, case.queries, case.probes)
    for method in METHODS[2:]:
        assert (rank(method, case, 3, exclude_source=False) == -1).all()


@pytest.mark.parametrize("method", METHODS)
def test_equal_images_stand_in_gallery_order(method: str) -> None:
    case = made_case(1)
    same = {name: np.zeros_like(getattr(case.views, name)) for name in VIEWS}
    for vectors in same.values():
        vectors[:, 0] = 1
    case = Case(GalleryViews(**same), case.labels, case.queries, case.probes)
    for ranking in rank(method, case, 12, exclude_source=False).tolist():
        found = [position for position in ranking if position >= 0]
        assert found == sorted(found)


def test_no_queries_have_no_rankings() -> None:
    case = made_case(0, queries=0)
    for method in METHODS[:2]:
        assert rank(method, case, 5, exclude_source=False).shape == (0, 5)


def test_a_method_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no method 'magic'"):
        rank("magic", made_case(0), 1, exclude_source=False)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_pixels_become_vectors_of_length_one(dtype: str) -> None:
    images = np.arange(1, 25).reshape(2, 2, 2, 3).astype(dtype)
    flat = flat_pixels(images)
    assert (flat.shape, str(flat.dtype)) == ((2, 12), "float32")
    for row, image in zip(flat, images, strict=True):
        plain = image.astype(np.float64).ravel()
        assert row == pytest.approx(plain / np.sqrt((plain**2).sum()), abs=1e-6)
