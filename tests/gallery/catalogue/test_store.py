from collections.abc import Callable

import pytest

from gallery.catalogue.images import Images
from gallery.catalogue.records import FileRecord
from gallery.catalogue.spaces import Spaces
from gallery.catalogue.store import Catalogue

QUESTIONS: dict[str, Callable[[Catalogue], object]] = {
    "known": lambda catalogue: catalogue.images.known(["/a"]),
    "paths_of": lambda catalogue: catalogue.images.paths_of([1]),
    "unreadable": lambda catalogue: catalogue.images.unreadable(),
    "duplicates": lambda catalogue: catalogue.images.duplicates(),
    "count": lambda catalogue: catalogue.images.count(),
    "left_out": lambda catalogue: catalogue.spaces.left_out([1], "no face"),
    "rows": lambda catalogue: catalogue.images.rows(1, [1]),
    "all": lambda catalogue: catalogue.spaces.all(),
    "get": lambda catalogue: catalogue.spaces.get("pose-60"),
    "states": lambda catalogue: catalogue.spaces.states(1, [1]),
    "shards": lambda catalogue: catalogue.spaces.shards(1),
    "state_counts": lambda catalogue: catalogue.spaces.state_counts(1),
    "has_landmarks": lambda catalogue: catalogue.images.has_landmarks(),
    "errors_above": lambda catalogue: catalogue.spaces.errors_above(1, 20.0),
    "placed_ids": lambda catalogue: catalogue.spaces.placed_ids(1, "indexed"),
    "at": lambda catalogue: catalogue.images.at("/a"),
    "holding": lambda catalogue: catalogue.images.holding(["0" * 64]),
    "edited": lambda catalogue: catalogue.images.edited(),
    "contradictions": lambda catalogue: catalogue.images.contradictions(),
    "labelled": lambda catalogue: catalogue.images.labelled("ann"),
    "matching": lambda catalogue: catalogue.images.matching("id > 0"),
    "matching_query": lambda catalogue: catalogue.images.matching_query("id > 0", 1),
    "labels": lambda catalogue: catalogue.images.labels(10),
    "values": lambda catalogue: catalogue.images.values("pose"),
    "estimated": lambda catalogue: catalogue.images.estimated(1),
    "removed_by_hand": lambda catalogue: catalogue.images.removed_by_hand([1]),
    "landmarks": lambda catalogue: catalogue.images.landmarks([1]),
    "below": lambda catalogue: catalogue.images.below("/a"),
    "files": lambda catalogue: catalogue.images.files(),
    "cut_anew": lambda catalogue: catalogue.spaces.cut_anew(1, [1]),
    "shard_rows": lambda catalogue: catalogue.spaces.shard_rows(1),
    "held_by": lambda catalogue: catalogue.spaces.held_by(1, 1),
    "doubled_in": lambda catalogue: catalogue.spaces.doubled_in(1, 1),
    "doubled": lambda catalogue: catalogue.spaces.doubled(1),
    "removed_since": lambda catalogue: catalogue.spaces.removed_since(1, 0),
    "skipped": lambda catalogue: catalogue.spaces.skipped(1),
    "mark": lambda catalogue: catalogue.spaces.mark(1),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_leaves_no_transaction_open(
    catalogue: Catalogue, offer: Callable[..., FileRecord], question: str
) -> None:
    catalogue.images.register([offer("/a")])
    catalogue.spaces.add("pose-60", "0" * 64)
    assert QUESTIONS[question](catalogue) is not None
    assert not catalogue.session.in_transaction()
    catalogue.images.register([offer("/b")])


def test_the_questions_are_all_that_there_are() -> None:
    changes = {
        *("register", "forget", "add", "place", "publish", "forget_shard", "remove", "restore"),
        *("purge", "replace_shards", "place_removed", "forget_placements", "close"),
        *("keep_faceless", "add_within", "publish_next", "label"),
    }
    methods = {name for part in (Images, Spaces) for name in vars(part) if name[0] != "_"}
    assert methods == changes | QUESTIONS.keys()
