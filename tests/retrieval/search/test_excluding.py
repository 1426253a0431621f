"""What must not be shown: against the definition, image by image, for every kind of index."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.arrays import Floats
from gallery.attributes import Attribute, AttributeSpace
from gallery.catalogue.records import SpaceRow
from gallery.wishes import Wishes
from index import store
from index.backend import EVERYTHING, Limit
from index.base import Ids, Index, Neighbours, StoredVectors
from index.exact import ExactIndex
from retrieval.scoring.exclusions import Exclusion, exclusions, log_of_none
from retrieval.search.excluding import FIRST, search_excluding
from tests.retrieval.fused_gallery import (
    POSES,
    WEIGHTS,
    Parts,
    Space,
    make_parts,
    make_space,
    publish,
    write_space,
)

VALUES = AttributeSpace((Attribute("pose", tuple(map(str, range(POSES)))),))


NEVER_CHANGED = SpaceRow(1, "made up", "", 1, None)


@dataclass
class Live:
    """An index that nothing changes, and how often it was asked for how many images."""

    index: Index
    asked: list[int]
    space: SpaceRow = NEVER_CHANGED

    def find(self, probes: Floats, k: int, limit: Limit = EVERYTHING) -> Neighbours:
        assert not len(limit.excluded)
        self.asked.append(k)
        if limit.among is None:
            return self.index.search(probes, min(k, self.index.size))
        return self.index.search(probes, k, allowed=limit.among.ids())

    def stored(self, images: Ids) -> StoredVectors:
        return self.index.stored(images)

    def refresh(self) -> None:
        raise AssertionError("a search does that")


@dataclass(frozen=True)
class Only:
    """A choice of some images."""

    images: Ids

    def ids(self) -> Ids:
        return self.images

    def select(self) -> Any:
        raise AssertionError("nobody asks a database")

    def milvus(self) -> str:
        raise AssertionError("nobody asks Milvus")


@pytest.fixture(scope="module")
def parts() -> Parts:
    return make_parts(20)


@pytest.fixture(scope="module")
def space(parts: Parts) -> Space:
    return make_space(parts, fused=True, column=True)


def not_poses(space: Space, poses: list[int], weight: float = 1.0) -> tuple[Exclusion, ...]:
    shown = next(str(pose) for pose in range(POSES) if pose not in poses)
    wishes = Wishes.parse([f"pose={shown}", *(f"not pose={pose} * {weight}" for pose in poses)])
    return exclusions(wishes, VALUES, space.shape.layout, WEIGHTS)


def by_definition(
    space: Space, parts: Parts, query: int, poses: list[int], weight: float = 1.0
) -> np.ndarray:
    """score + weight a log(1 - p), clipped at -10, of every image."""
    p = np.exp(np.maximum(parts.log_p.astype(np.float64), -10))[:, poses].sum(axis=1)
    adds = weight * WEIGHTS.of("log_p") * np.maximum(np.log(np.maximum(1 - p, 1e-9)), -10)
    return np.asarray(space.rows @ space.queries[query] + adds)


@pytest.mark.parametrize("poses", [[3], [0, 6], [1, 2, 3, 4, 5, 6]])
@pytest.mark.parametrize("weight", [0.0, 1.0, 10.0])
def test_images_pay_the_logarithm_of_what_they_are_likely_not(
    space: Space, parts: Parts, poses: list[int], weight: float
) -> None:
    index = ExactIndex(np.arange(len(space.rows)), [space.rows])
    for query in range(5):
        expected = by_definition(space, parts, query, poses, weight)
        order = np.argsort(-expected, kind="stable")[:20]
        excluded = not_poses(space, poses, weight)
        found = search_excluding(Live(index, []), space.queries[query : query + 1], 20, excluded)
        np.testing.assert_allclose(found.scores[0], expected[order], atol=1e-5)
        np.testing.assert_allclose(expected[found.ids[0]], expected[order], atol=1e-5)


@pytest.mark.parametrize("kind", ["flat", "sq8", "ivf", "hnsw"])
def test_every_kind_of_index_agrees_with_the_exact_one(
    tmp_path: Path, space: Space, kind: str
) -> None:
    publish(tmp_path, 1, kind, space, write_space(tmp_path, space, [1500, 600]))
    opened = store.open_index(tmp_path, 1, space.contract)
    exact = ExactIndex(np.arange(len(space.rows)), [space.rows])
    same = 0
    for query in range(20):
        probe, excluded = space.queries[query : query + 1], not_poses(space, [2, 3])
        right = search_excluding(Live(exact, []), probe, 10, excluded)
        found = search_excluding(Live(opened, []), probe, 10, excluded)
        same += len(np.intersect1d(found.ids, right.ids))
        _, of, at = np.intersect1d(found.ids, right.ids, return_indices=True)
        np.testing.assert_allclose(found.scores[0, of], right.scores[0, at], atol=1e-6)
    assert same >= 195  # of 200; what an index finds it finds with the exact score


def test_no_more_is_looked_at_than_can_change_the_answer(space: Space) -> None:
    live = Live(ExactIndex(np.arange(len(space.rows)), [space.rows]), [])
    search_excluding(live, space.queries[:1], 10, not_poses(space, [3], weight=0))
    assert live.asked == [FIRST]


def test_all_is_looked_at_where_every_image_shows_what_must_not_be(space: Space) -> None:
    rows = space.rows.copy()
    rows[:, space.shape.layout.parts["log_p"]] = -1
    rows[:, space.shape.layout.parts["log_p"].start + 3] = 0  # surely pose 3
    live = Live(ExactIndex(np.arange(len(rows)), [rows]), [])
    found = search_excluding(live, space.queries[:1], 10, not_poses(space, [3], weight=10))
    plain = rows @ space.queries[0]
    np.testing.assert_array_equal(found.ids[0], np.argsort(-plain, kind="stable")[:10])
    np.testing.assert_allclose(found.scores[0], np.sort(plain)[::-1][:10] - 2, atol=1e-5)
    assert live.asked[-1] >= len(rows)


def test_only_what_is_allowed_is_found_and_fewer_where_fewer_remain(space: Space) -> None:
    live = Live(ExactIndex(np.arange(len(space.rows)), [space.rows]), [])
    probe, excluded = space.queries[:1], not_poses(space, [3])
    some = search_excluding(live, probe, 10, excluded, Limit(Only(np.arange(5, 12))))
    assert sorted(some.ids[0]) == list(range(5, 12))
    none = search_excluding(live, probe, 10, excluded, Limit(Only(np.array([10**6]))))
    assert none.ids.shape == none.scores.shape == (1, 0)


def test_a_log_that_is_very_negative_is_clipped_and_one_near_zero_is_exact() -> None:
    log_p = np.array([[0.0], [-1e-6], [-1e-3], [np.log(0.5)], [-10.0]])
    expected = [-10, -10, np.log(-np.expm1(-1e-3)), np.log(0.5), np.log1p(-np.exp(-10))]
    np.testing.assert_allclose(log_of_none(log_p), expected, rtol=1e-12)
    two = np.log(np.array([[0.25, 0.25], [0.5, 0.5]]))
    np.testing.assert_allclose(log_of_none(two), [np.log(0.5), -10], rtol=1e-9)
