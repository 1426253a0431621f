"""Queries and right answers against their definition, written as loops over faces."""

from collections import Counter
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.attributes import (
    STRENGTH,
    STRENGTH_GRID,
    Attribute,
    AttributeSpace,
    Condition,
)
from gallery.errors import DatasetError
from gallery.faces import Face
from retrieval.evaluation.protocol import queries as queries_module
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import (
    Labels,
    Queries,
    all_queries,
    count_pairs,
    draw_queries,
)
from retrieval.evaluation.protocol.query_table import ask

SPACE = AttributeSpace(
    (
        Attribute("pose", ("-45", "0", "45"), "degree"),
        Attribute("light", ("left", "right")),
        Attribute("eyes", ("open", "sunglasses")),
    )
)
EVERYTHING = {a.name: range(len(a.values)) for a in SPACE.attributes}
Wish = tuple[tuple[int, int], ...]  # attribute, value
Asked = tuple[int, Wish, bool]


def face(identity: str | None, **values: str | None) -> Face:
    return Face("x", identity, Condition({n: v for n, v in values.items() if v is not None}))


some_faces = st.lists(
    st.builds(
        face,
        st.sampled_from(["s1", "s2", "s3", None]),
        pose=st.sampled_from(["-45", "0", "45", None]),
        light=st.sampled_from(["left", "right", None]),
        eyes=st.sampled_from(["open", "sunglasses", None]),
    ),
    max_size=14,
)


def is_right(candidate: Face, source: Face, wish: dict[str, str], criterion: str) -> bool:
    """Follow the definition; what is not known equals nothing."""
    if candidate.identity is None or candidate.identity != source.identity:
        return False
    if any(candidate.condition.get(attribute) != value for attribute, value in wish.items()):
        return False
    others = [name for name in SPACE.names if name not in wish]
    return criterion == "C1" or all(
        name in source.condition and candidate.condition.get(name) == source.condition.get(name)
        for name in others
    )


def slow_queries(faces: list[Face], attributes: list[str], at_once: int) -> tuple[list[Asked], int]:
    """List what C1 answers, with whether C2 does; and count the pairs, answered or not."""
    kept, pairs = [], 0
    wishable = [column for column, name in enumerate(SPACE.names) if name in attributes]
    for position, source in enumerate(faces):
        for columns in combinations(wishable, at_once):
            named = [SPACE.attributes[column] for column in columns]
            if source.identity is None or any(a.name not in source.condition for a in named):
                continue
            for numbers in product(*(range(len(a.values)) for a in named)):
                wish = {a.name: a.values[n] for a, n in zip(named, numbers, strict=True)}
                if any(source.condition[name] == value for name, value in wish.items()):
                    continue
                pairs += 1
                loose, strict = (
                    any(is_right(f, source, wish, c) for f in faces) for c in ("C1", "C2")
                )
                if loose:
                    kept.append((position, tuple(zip(columns, numbers, strict=True)), strict))
    return kept, pairs


def asked(queries: Queries) -> list[Asked]:
    wishes = [
        tuple((column, value) for column, value in enumerate(row) if value >= 0)
        for row in queries.wished.tolist()
    ]
    return list(zip(queries.sources.tolist(), wishes, queries.strict.tolist(), strict=True))


def triples(queries: Queries) -> list[tuple[int, int, int]]:
    """Source, attribute and value of queries that wish for one attribute."""
    return [(source, *wish) for source, (wish,), _ in asked(queries)]


def numbered(count: int, start: int = 0) -> Queries:
    """Make queries that can be told apart by their sources."""
    zeros = np.zeros((count, 1), dtype=np.int64)
    return Queries(np.arange(start, start + count), zeros, zeros[:, 0] == 0)


# Which queries there are, and which answers are right


@given(some_faces, st.sets(st.sampled_from(SPACE.names)), st.integers(1, 3))
def test_all_queries_are_those_of_the_definition(
    faces: list[Face], attributes: set[str], at_once: int
) -> None:
    wishable = {name: EVERYTHING[name] for name in SPACE.names[::-1] if name in attributes}
    labels = Labels.of(faces, SPACE)
    queries = all_queries(labels, wishable, at_once)
    expected = slow_queries(faces, list(attributes), at_once)
    assert (asked(queries), count_pairs(labels, wishable, at_once)) == expected
    assert len(queries) == len(queries.sources)
    assert queries.counted() == {"C1": len(queries), "C2": sum(queries.strict)}


@given(some_faces, st.integers(1, 2))
def test_a_query_has_a_right_answer_under_what_it_is_measured_by(
    faces: list[Face], at_once: int
) -> None:
    labels = Labels.of(faces, SPACE)
    for source, wish, strict in asked(all_queries(labels, EVERYTHING, at_once)):
        right = labels.right(source, dict(wish))
        assert right["C1"].any()
        assert right["C2"].any() == strict


@given(some_faces)
def test_right_answers_are_those_of_the_definition(faces: list[Face]) -> None:
    labels = Labels.of(faces, SPACE)
    for position, source in enumerate(faces):
        for values in product(*((None, *range(len(a.values))) for a in SPACE.attributes)):
            wish = {column: value for column, value in enumerate(values) if value is not None}
            if not wish:
                continue
            named = {SPACE.names[c]: SPACE.attributes[c].values[v] for c, v in wish.items()}
            right = labels.right(position, wish)
            for criterion in ("C1", "C2"):
                expected = [is_right(f, source, named, criterion) for f in faces]
                assert right[criterion].tolist() == expected


def test_a_grid_with_a_hole() -> None:
    """s1 lacks (pose 45, light right), asked under C1 only; s2 has one image, and is not asked."""
    faces = [
        face("s1", pose="0", light="left", eyes="open"),
        face("s1", pose="0", light="right", eyes="open"),
        face("s1", pose="45", light="left", eyes="open"),
        face("s2", pose="0", light="left", eyes="open"),
    ]
    labels = Labels.of(faces, SPACE)
    queries = all_queries(labels, {"pose": [1, 2]})
    assert asked(queries) == [
        (0, ((0, 2),), True),
        (1, ((0, 2),), False),
        (2, ((0, 1),), True),
    ]
    assert queries.counted() == {"C1": 3, "C2": 2}
    assert count_pairs(labels, {"pose": [1, 2]}) == 4
    assert {name: found.tolist() for name, found in labels.right(2, {0: 1}).items()} == {
        "C1": [True, True, False, False],
        "C2": [True, False, False, False],
    }
    assert {name: found.tolist() for name, found in labels.right(1, {0: 2}).items()} == {
        "C1": [False, False, True, False],
        "C2": [False, False, False, False],
    }


def test_a_value_that_cannot_be_wished_for_is_still_a_source() -> None:
    faces = [face("s1", pose="-45"), face("s1", pose="0"), face("s1", pose="45")]
    labels = Labels.of(faces, SPACE)
    assert triples(all_queries(labels, {"pose": [1]})) == [(0, 0, 1), (2, 0, 1)]
    assert count_pairs(labels, {"pose": [1]}) == 2


def test_of_an_image_whose_value_is_not_known_nothing_is_asked() -> None:
    faces = [face("s1", light="left"), face("s1", pose="0", light="left")]
    labels = Labels.of(faces, SPACE)
    assert triples(all_queries(labels, {"pose": range(3)})) == []
    assert count_pairs(labels, {"pose": range(3)}) == 2  # of the second, at -45 and at 45


def test_of_and_with_an_unknown_person_nothing_is_asked() -> None:
    faces = [
        face(None, pose="0", light="left", eyes="open"),
        face(None, pose="45", light="left", eyes="open"),
    ]
    labels = Labels.of(faces, SPACE)
    assert labels.identity.tolist() == [-1, -1]
    assert (len(all_queries(labels, EVERYTHING)), count_pairs(labels, EVERYTHING)) == (0, 0)
    assert not labels.right(0, {0: 2})["C1"].any()


@pytest.mark.parametrize(
    ("source_eyes", "other_eyes"), [(None, None), ("open", None), (None, "open")]
)
def test_under_c2_not_known_equals_nothing(source_eyes: str | None, other_eyes: str | None) -> None:
    faces = [
        face("s1", pose="0", light="left", eyes=source_eyes),
        face("s1", pose="45", light="left", eyes=other_eyes),
    ]
    labels = Labels.of(faces, SPACE)
    queries = all_queries(labels, {"pose": range(3)})
    assert asked(queries) == [(0, ((0, 2),), False), (1, ((0, 1),), False)]
    right = labels.right(0, {0: 2})
    assert (right["C1"].tolist(), right["C2"].tolist()) == ([False, True], [False, False])


def test_values_are_compared_by_what_they_mean() -> None:
    faces = [face("s1", pose="0"), face("s1", pose="45.0")]
    assert Labels.of(faces, SPACE).values[:, 0].tolist() == [1, 2]


def test_two_wishes_at_once_change_two_values_and_keep_the_third() -> None:
    faces = [
        face("s1", pose="0", light="left", eyes="open"),
        face("s1", pose="45", light="right", eyes="open"),  # both, and all else as it was
        face("s1", pose="45", light="left", eyes="open"),  # one of them alone
        face("s2", pose="45", light="right", eyes="open"),  # somebody else
        face("s1", pose="-45", light="right", eyes="sunglasses"),  # both, but the eyes changed
    ]
    labels = Labels.of(faces, SPACE)
    wishable = {"pose": range(3), "light": range(2)}
    queries = all_queries(labels, wishable, 2)
    assert asked(queries) == [
        (0, ((0, 0), (1, 1)), False),
        (0, ((0, 2), (1, 1)), True),
        (1, ((0, 1), (1, 0)), True),
        (2, ((0, 0), (1, 1)), False),
        (4, ((0, 1), (1, 0)), False),
        (4, ((0, 2), (1, 0)), False),
    ]
    assert count_pairs(labels, wishable, 2) == 10  # two other poses in the other light, of each
    assert len(all_queries(labels, wishable, 3)) == count_pairs(labels, wishable, 3) == 0


def test_queries_are_the_same_however_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    faces = [
        face(f"s{random.integers(3)}", **{a.name: random.choice(a.values) for a in SPACE})
        for _ in range(30)
    ]
    labels = Labels.of(faces, SPACE)
    whole = asked(all_queries(labels, EVERYTHING, 2))
    monkeypatch.setattr(queries_module, "BLOCK", 7)
    assert asked(all_queries(labels, EVERYTHING, 2)) == whole
    assert len(whole) > 100


def test_labels_of_nothing_have_a_shape() -> None:
    labels = Labels.of([], SPACE)
    assert labels.values.shape == (0, 3)
    assert (len(all_queries(labels, EVERYTHING)), count_pairs(labels, EVERYTHING)) == (0, 0)


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
    with pytest.raises(DatasetError, match="nobody is shown under two values of an attribute"):
        draw_queries([numbered(0), numbered(0)], Protocol())
    with pytest.raises(DatasetError, match="shown under other values of 2 attributes at once"):
        draw_queries([numbered(0)], Protocol(wishes=2))


def test_some_of_the_queries_can_be_chosen() -> None:
    strict = np.array([True, True, False])
    wished = np.array([[2, -1], [1, 0], [-1, 1]])
    queries = Queries(np.array([5, 6, 7]), wished, strict)
    few = queries.chosen(np.array([2, 1]))
    assert asked(few) == [(7, ((1, 1),), False), (6, ((0, 1), (1, 0)), True)]


def test_a_strength_counts_as_the_nearest_value_of_the_grid() -> None:
    """A hit is within half a step, 0.125 of labels."""
    space = AttributeSpace((Attribute("smile", STRENGTH_GRID, STRENGTH),))
    strengths = ("0", "0.12", "0.13", "0.5", "0.61", "0.87", "0.9", "1")
    labels = Labels.of([face("ann", smile=strength) for strength in strengths], space)
    assert labels.values[:, 0].tolist() == [0, 0, 1, 2, 2, 3, 4, 4]


# Images that are asked about, and are in no gallery


def occluded_pair() -> list[Face]:
    """Two people, each open, and with sunglasses under both lights."""
    return [
        replace(face(who, eyes=eyes, light=light, pose="0"), name=f"{who} {eyes} {light}")
        for who in ("s1", "s2")
        for eyes, light in (("open", "left"), ("sunglasses", "left"), ("sunglasses", "right"))
    ]


def test_who_asks_answers_nothing_and_who_answers_is_not_asked_about() -> None:
    faces = occluded_pair()
    asked_about = [one.name for one in faces if one.condition["eyes"] == "sunglasses"]
    labels = Labels.of(faces, SPACE, asked=asked_about)
    assert labels.hidden.tolist() == [1, 2, 4, 5]
    found = all_queries(labels, {"eyes": range(2)})
    assert asked(found) == [  # C2 holds for the light of the open image alone
        (1, ((2, 0),), True),
        (2, ((2, 0),), False),
        (4, ((2, 0),), True),
        (5, ((2, 0),), False),
    ]
    table = ask(labels, found, {})
    assert table.right.tolist() == [0, 0, 3, 3]
    assert table.hidden.tolist() == [1, 2, 4, 5]
    assert labels.right(1, {2: 0})["C1"].tolist() == [True, *[False] * 5]
    assert not labels.right(0, {2: 1})["C1"].any()


def test_lights_of_hidden_images_answer_no_wish() -> None:
    faces = occluded_pair()
    labels = Labels.of(faces, SPACE, asked=[one.name for one in faces if "sung" in one.name])
    assert asked(all_queries(labels, {"light": range(2)})) == [
        (2, ((1, 0),), False),
        (5, ((1, 0),), False),
    ]
