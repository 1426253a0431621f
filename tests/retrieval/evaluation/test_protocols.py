"""The protocol against its definition, written as loops over faces."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face
from retrieval.evaluation.protocols import (
    Labels,
    Protocol,
    Queries,
    all_queries,
    draw_queries,
)

SPACE = AttributeSpace(
    (
        Attribute("pose", ("-45", "0", "45"), "degree"),
        Attribute("light", ("left", "right")),
        Attribute("eyes", ("open", "sunglasses")),
    )
)
EVERYTHING = {a.name: range(len(a.values)) for a in SPACE.attributes}
Triple = tuple[int, int, int]


def face(identity: str, **values: str | None) -> Face:
    return Face("x", identity, Condition({n: v for n, v in values.items() if v is not None}))


some_faces = st.lists(
    st.builds(
        face,
        st.sampled_from(["s1", "s2", "s3"]),
        pose=st.sampled_from(["-45", "0", "45", None]),
        light=st.sampled_from(["left", "right", None]),
        eyes=st.sampled_from(["open", "sunglasses", None]),
    ),
    max_size=14,
)


def is_right(candidate: Face, source: Face, attribute: str, value: str, criterion: str) -> bool:
    """Follow the definition; not known equals not known."""
    if candidate.identity != source.identity or candidate.condition.get(attribute) != value:
        return False
    others = [name for name in SPACE.names if name != attribute]
    return criterion == "C1" or all(
        candidate.condition.get(name) == source.condition.get(name) for name in others
    )


def slow_queries(faces: list[Face], attributes: list[str]) -> tuple[list[Triple], int]:
    kept, dropped = [], 0
    for position, source in enumerate(faces):
        for column, attribute in enumerate(SPACE.attributes):
            if attribute.name not in attributes or attribute.name not in source.condition:
                continue
            for number, value in enumerate(attribute.values):
                if value == source.condition[attribute.name]:
                    continue
                if any(is_right(f, source, attribute.name, value, "C2") for f in faces):
                    kept.append((position, column, number))
                else:
                    dropped += 1
    return kept, dropped


def triples(queries: Queries) -> list[Triple]:
    return list(
        zip(
            queries.sources.tolist(),
            queries.attributes.tolist(),
            queries.values.tolist(),
            strict=True,
        )
    )


def numbered(count: int, start: int = 0) -> Queries:
    """Make queries that can be told apart by their sources."""
    zeros = np.zeros(count, dtype=np.int64)
    return Queries(np.arange(start, start + count), zeros, zeros)


# Which queries there are, and which answers are right


@given(some_faces, st.sets(st.sampled_from(SPACE.names)))
def test_all_queries_are_those_of_the_definition(faces: list[Face], attributes: set[str]) -> None:
    wishable = {name: EVERYTHING[name] for name in SPACE.names[::-1] if name in attributes}
    queries, dropped = all_queries(Labels.of(faces, SPACE), wishable)
    assert (triples(queries), dropped) == slow_queries(faces, list(attributes))
    assert len(queries) == len(queries.sources)


@given(some_faces)
def test_right_answers_are_those_of_the_definition(faces: list[Face]) -> None:
    labels = Labels.of(faces, SPACE)
    for position, source in enumerate(faces):
        for column, attribute in enumerate(SPACE.attributes):
            for number, value in enumerate(attribute.values):
                right = labels.right(position, column, number)
                for criterion in ("C1", "C2"):
                    expected = [
                        is_right(f, source, attribute.name, value, criterion) for f in faces
                    ]
                    assert right[criterion].tolist() == expected


def test_a_grid_with_a_hole() -> None:
    """s1 lacks (pose 45, light right); s2 has one image; what is left out is counted."""
    faces = [
        face("s1", pose="0", light="left"),
        face("s1", pose="0", light="right"),
        face("s1", pose="45", light="left"),
        face("s2", pose="0", light="left"),
    ]
    labels = Labels.of(faces, SPACE)
    queries, dropped = all_queries(labels, {"pose": [1, 2]})
    assert triples(queries) == [(0, 0, 2), (2, 0, 1)]
    assert dropped == 2  # s1 at (0, right) and s2, both to 45
    assert {name: found.tolist() for name, found in labels.right(2, 0, 1).items()} == {
        "C1": [True, True, False, False],
        "C2": [True, False, False, False],
    }
    assert {name: found.tolist() for name, found in labels.right(1, 0, 2).items()} == {
        "C1": [False, False, True, False],
        "C2": [False, False, False, False],
    }


def test_a_value_that_cannot_be_wished_for_is_still_a_source() -> None:
    faces = [face("s1", pose="-45"), face("s1", pose="0"), face("s1", pose="45")]
    queries, dropped = all_queries(Labels.of(faces, SPACE), {"pose": [1]})
    assert triples(queries) == [(0, 0, 1), (2, 0, 1)]
    assert dropped == 0


def test_of_an_image_whose_value_is_not_known_nothing_is_asked() -> None:
    faces = [face("s1", light="left"), face("s1", pose="0", light="left")]
    queries, dropped = all_queries(Labels.of(faces, SPACE), {"pose": range(3)})
    assert (triples(queries), dropped) == ([], 2)  # of the second: no image at -45, none at 45


def test_values_are_compared_by_what_they_mean() -> None:
    faces = [face("s1", pose="0"), face("s1", pose="45.0")]
    assert Labels.of(faces, SPACE).values[:, 0].tolist() == [1, 2]


def test_labels_of_nothing_have_a_shape() -> None:
    labels = Labels.of([], SPACE)
    assert labels.values.shape == (0, 3)
    queries, dropped = all_queries(labels, EVERYTHING)
    assert (len(queries), dropped) == (0, 0)


# The draw


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(1, 60), st.integers(0, 2**32)
)
def test_queries_are_drawn_without_replacement_and_all_if_there_are_fewer(
    sizes: list[int], wanted: int, seed: int
) -> None:
    if sum(sizes) == 0:
        return
    groups = [numbered(size, start=100 * place) for place, size in enumerate(sizes)]
    protocol = Protocol(queries=wanted, seed=seed)
    drawn = draw_queries(groups, protocol)
    assert sum(map(len, drawn)) == min(wanted, sum(sizes))
    for group, chosen in zip(groups, drawn, strict=True):
        sources = chosen.sources.tolist()
        assert sources == sorted(set(sources))
        assert set(sources) <= set(group.sources.tolist())
    again = draw_queries(groups, protocol)
    assert [triples(one) for one in again] == [triples(one) for one in drawn]


def test_the_draw_of_a_seed_stays_the_same_from_version_to_version() -> None:
    drawn = draw_queries([numbered(20), numbered(10, start=100)], Protocol(queries=6, seed=7))
    assert [one.sources.tolist() for one in drawn] == [[4, 12, 14], [102, 104, 108]]


def test_another_seed_draws_other_queries() -> None:
    groups = [numbered(1_000)]
    drawn = {
        tuple(draw_queries(groups, Protocol(queries=10, seed=seed))[0].sources.tolist())
        for seed in range(20)
    }
    assert len(drawn) == 20


def test_every_query_is_as_likely_as_any_other() -> None:
    groups = [numbered(2), numbered(8, start=100)]
    counted: Counter[int] = Counter()
    for seed in range(600):
        for one in draw_queries(groups, Protocol(queries=3, seed=seed)):
            counted.update(one.sources.tolist())
    assert sum(counted.values()) == 1_800
    assert all(130 <= count <= 230 for count in counted.values())  # 180 ± 4.5 sigma
    assert len(counted) == 10


def test_where_there_is_nothing_to_ask_that_is_said() -> None:
    with pytest.raises(DatasetError, match="nobody is shown under two values with all else equal"):
        draw_queries([numbered(0), numbered(0)], Protocol())


def test_some_of_the_queries_can_be_chosen() -> None:
    queries = Queries(np.array([5, 6, 7]), np.array([0, 1, 0]), np.array([2, 1, 0]))
    assert triples(queries.chosen(np.array([2, 0]))) == [(7, 0, 0), (5, 0, 2)]


def test_a_protocol_that_cannot_be_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="--queries must be at least 1, got 0"):
        Protocol(queries=0)
    with pytest.raises(ConfigError, match="--seed must not be negative, got -1"):
        Protocol(seed=-1)
    for cutoffs in ((5, 1), (1, 1), (0, 5)):
        with pytest.raises(ValueError, match="cut-offs must rise from at least 1"):
            Protocol(cutoffs=cutoffs)
