"""A copy of the source's file answers nothing: against slow reimplementations, and in a benchmark.

Shapes: N gallery images, Q queries.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face, FaceSet
from retrieval.evaluation.fold.ranking import Searched, join, rank
from retrieval.evaluation.outputs.words import asked as in_words
from retrieval.evaluation.protocol.queries import Labels, all_queries, count_pairs
from retrieval.evaluation.protocol.query_table import ask
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.grid_search import Material, blocks_of
from retrieval.evaluation.statistics.pooling import pool
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation.test_benchmark import (
    GRID,
    POSE,
    Copy,
    Oracle,
    card_of,
    content_of,
    measured,
    rates,
    to_json,
)

POSES = Attribute("pose", ("-45", "0", "45"), "degree")
LIGHTS = Attribute("light", ("0", "1", "2"), equal=(("0", "2"),))
SPACE = AttributeSpace((POSES, LIGHTS))
WISHABLE = {"pose": [0, 1, 2]}
Right = dict[str, list[int]]


# A gallery of random labels, some of its files equal


def gallery_of(seed: int, count: int = 24) -> tuple[list[Face], list[int]]:
    """Return faces and the content of each; a third of the files are copies of others."""
    random = np.random.default_rng(seed)
    faces = [
        Face(
            f"{n}.png",
            f"s{random.integers(3)}",
            Condition(
                pose=POSES.values[random.integers(3)], light=LIGHTS.values[random.integers(3)]
            ),
        )
        for n in range(count)
    ]
    content = list(range(count))
    for place in random.permutation(count)[: count // 3].tolist():
        content[place] = content[int(random.integers(count))]
    return faces, content


def slow_right(faces: Sequence[Face], content: Sequence[int], source: int, pose: str) -> Right:
    """The definition, image by image."""
    same = {"2": "0"}  # declared equal
    found: Right = {"C1": [], "C2": []}
    for place, face in enumerate(faces):
        if content[place] == content[source] or face.identity != faces[source].identity:
            continue
        if face.condition["pose"] != pose:
            continue
        found["C1"].append(place)
        mine, theirs = (one.condition["light"] for one in (faces[source], face))
        if same.get(mine, mine) == same.get(theirs, theirs):
            found["C2"].append(place)
    return found


def slow_queries(faces: Sequence[Face], content: Sequence[int]) -> dict[tuple[int, str], Right]:
    asked = {}
    for source, face in enumerate(faces):
        for pose in POSES.values:
            right = slow_right(faces, content, source, pose)
            if pose != face.condition["pose"] and right["C1"]:
                asked[source, pose] = right
    return asked


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_queries_and_right_images_are_those_of_the_definition(seed: int) -> None:
    faces, content = gallery_of(seed)
    labels = Labels.of(faces, SPACE, content)
    queries = all_queries(labels, WISHABLE)
    table = ask(labels, queries, {})
    expected = slow_queries(faces, content)
    found = {}
    for query in range(len(queries)):
        rows = slice(*table.right_starts[query : query + 2])
        right, strict = table.right[rows], table.right_strict[rows]
        source, pose = int(table.source[query]), int(table.wished[query, 0])
        found[source, POSES.values[pose]] = {"C1": right.tolist(), "C2": right[strict].tolist()}
        asked = labels.right(source, {0: pose})
        assert {c: np.flatnonzero(flags).tolist() for c, flags in asked.items()} == found[
            source, POSES.values[pose]
        ]
    assert found == expected
    assert queries.strict.tolist() == [bool(right["C2"]) for right in found.values()]
    assert count_pairs(labels, WISHABLE) == 2 * len(faces)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_ranks_are_those_of_a_sort_with_the_copies_of_the_source_taken_out_or_left(
    seed: int,
    excluded: bool,
) -> None:
    faces, content = gallery_of(seed)
    labels = Labels.of(faces, SPACE, content)
    queries = all_queries(labels, WISHABLE)
    table = ask(labels, queries, {})
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (len(faces), 4)).astype(np.float32)
    probes = random.integers(-2, 3, (len(queries), 4)).astype(np.float32)
    searched = Searched(vectors, probes, None, source_excluded=excluded)
    ranked = join(list(rank(searched, table, 30, "cpu")))
    expected = slow_queries(faces, content)
    ranks = []
    for query, ((source, _), right) in enumerate(expected.items()):
        scores = vectors @ probes[query]
        order = np.argsort(-scores, kind="stable").tolist()
        if excluded:
            order = [n for n in order if content[n] != content[source]]
        assert ranked.top[query].tolist() == (order + [-1] * 30)[:30]
        ranks += [order.index(n) for n in right["C1"]]
    assert ranked.right_ranks.tolist() == ranks


def test_weights_are_fitted_without_copies_too() -> None:
    faces, content = gallery_of(3)
    labels = Labels.of(faces, SPACE, content)
    table = ask(labels, all_queries(labels, WISHABLE), {})
    vectors = np.ones((len(faces), 2), dtype=np.float32)
    probes = np.ones((len(table), 2), dtype=np.float32)
    material = Material(gallery=vectors, probes=probes, wishes=probes)
    (block,) = blocks_of(material, table, source_excluded=True)
    for query, source in enumerate(table.source.tolist()):
        out = np.flatnonzero(np.isneginf(block.parts["drawing"][query]))
        assert out.tolist() == [n for n, one in enumerate(content) if one == content[source]]


def test_without_copies_nothing_is_remembered_of_contents() -> None:
    faces, _ = gallery_of(0)
    assert Labels.of(faces, SPACE, range(len(faces))).content is None
    labels = Labels.of(faces, SPACE)
    assert ask(labels, all_queries(labels, WISHABLE), {}).copies == {}


# A benchmark


def with_copies() -> FaceSet:
    """Of five people the frontal image once more, byte for byte, as one of pose 45."""
    copies = tuple(
        Face(f"{person}-1-0-copy", f"s{person}", Condition(pose="45", light="left"))
        for person in range(5)
    )

    def read(face: Face) -> bytes:
        return content_of(replace(face, name=face.name.removesuffix("-copy")))

    return replace(GRID, faces=(*GRID.faces, *copies), reader=read)


def about(record: Record, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    sources = [record.gallery.names[n] for n in record.queries.source.tolist()]
    return np.isin(sources, names)


@pytest.mark.parametrize("excluded", [False, True])
def test_copies_of_the_source_under_another_label_are_no_right_answers(
    excluded: bool,
) -> None:
    """Who draws the source finds its copy first, and gains nothing by it."""
    record = measured(
        with_copies(), Copy(card_of("copy", POSE)), exclude_source=excluded, cutoffs=(1, 60)
    )
    names = record.gallery.names
    originals = [f"{person}-1-0" for person in range(5)]
    for query in np.flatnonzero(about(record, originals)).tolist():
        rows = slice(*record.queries.right_starts[query : query + 2])
        assert not any(names[n].endswith("-copy") for n in record.queries.right[rows].tolist())
    ours = next(one for one in record.methods if one.name == "ours-pixels")
    for query, top in enumerate(ours.top.tolist()):
        source = names[record.queries.source[query]]
        twin = source.removesuffix("-copy") if source.endswith("-copy") else f"{source}-copy"
        found = [names[n] for n in top if n >= 0]
        assert (source in found) is not excluded
        if twin in names:
            assert (twin in found) is not excluded
    assert record.folds[0].copies == 5


def test_the_unedited_source_does_not_find_itself_under_another_label() -> None:
    """With the source left out, the unedited source's pixels went from 5.0 to 18.6 % by them."""
    engine = Oracle(card_of("oracle", POSE))
    methods = ("raw/pixels",)
    before = measured(GRID, engine, methods=methods, exclude_source=True)
    after = measured(with_copies(), engine, methods=methods, exclude_source=True)
    wanted = {before.gallery.names[n] for n in before.queries.source.tolist()}
    for record in (before, after):
        assert {record.gallery.names[n] for n in record.queries.source.tolist()} >= wanted
    asked = about(after, [f"{person}-1-0" for person in range(5)])
    firsts = after.methods[-1].top[asked, 0]
    assert not any(after.gallery.names[n].endswith("-copy") for n in firsts.tolist())


def test_the_page_and_results_say_how_many_copies_there_are() -> None:
    record = measured(with_copies(), Oracle(card_of("oracle", POSE)), exclude_source=True)
    summary = summarise(record, score_all(record))
    assert summary["folds"][0]["copies"] == 5
    assert in_words(summary).endswith(
        "5 of the images are byte-identical copies of others: a copy of the source is never a"
        " right answer; it goes out with it."
    )
    kept = measured(with_copies(), Oracle(card_of("oracle", POSE)))
    assert in_words(summarise(kept, score_all(kept))).endswith("never a right answer.")


def test_a_set_without_copies_has_the_results_that_it_had() -> None:
    record = measured(GRID, Oracle(card_of("oracle", POSE)))
    summary = summarise(record, score_all(record))
    assert "copies" not in summary["folds"][0]
    assert in_words(summary).endswith("the source image is kept in the gallery.")


def test_chance_knows_that_copies_go_out_with_the_source() -> None:
    record = measured(with_copies(), Oracle(card_of("oracle", POSE)), exclude_source=True)
    gone = 1 + record.queries.copied
    right = record.queries.relevant["C1"]
    expected = np.mean(right / (len(record.gallery) - gone))
    assert to_json(record)["hit_rate"]["random"]["C1"]["1"] == pytest.approx(expected)
    assert set(record.queries.copied.tolist()) == {0, 1}


def test_copies_keep_their_sources_when_folds_are_pooled() -> None:
    record = measured(with_copies(), Oracle(card_of("oracle", POSE)))
    pooled = pool([record, record])
    moved = {s + len(record.gallery) for s in record.queries.copies}
    assert set(pooled.queries.copies) == set(record.queries.copies) | moved
    assert pooled.queries.copied.tolist() == 2 * record.queries.copied.tolist()
    assert sum(fold.copies for fold in pooled.folds) == 10
    assert rates(pooled, "ours") == rates(record, "ours")
