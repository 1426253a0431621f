from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from gallery.attributes import Condition
from gallery.catalogue import spaces as module
from gallery.catalogue.records import FileRecord, ImageState, ShardRow, SpaceRow
from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError

Offers = Callable[..., FileRecord]
DATABASES = ("sqlite", "postgres")
SHARD = ShardRow(1, 2, "e" * 64, "f" * 64)


@pytest.fixture
def images(catalogue: Catalogue, offer: Offers) -> list[int]:
    """Four images: /0 to /3."""
    registered = catalogue.images.register([offer(f"/{n}") for n in range(4)])
    return [image_id for image_id in registered if image_id is not None]


@pytest.fixture
def space(catalogue: Catalogue) -> SpaceRow:
    return catalogue.spaces.add("pose-60", "0" * 64)


def test_a_space_comes_back_as_it_was_added(catalogue: Catalogue) -> None:
    added = catalogue.spaces.add("pose-60", "ab" * 32)
    assert added == SpaceRow(added.id, "pose-60", "ab" * 32, None, None)
    assert catalogue.spaces.get("pose-60") == added
    assert catalogue.spaces.all() == [added]


def test_a_space_that_is_not_there_is_refused_with_those_that_are(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="There is no space 'pose'; None is known"):
        catalogue.spaces.get("pose")
    catalogue.spaces.add("pose-60", "0" * 64)
    with pytest.raises(CatalogueError, match="'pose'; did you mean 'pose-60'\\? Known: pose-60"):
        catalogue.spaces.get("pose")


def test_two_spaces_cannot_share_a_name(catalogue: Catalogue, space: SpaceRow) -> None:
    with pytest.raises(IntegrityError, match=r"(?i)unique constraint"):
        catalogue.spaces.add(space.name, "1" * 64)
    assert catalogue.spaces.all() == [space]


def test_the_space_published_last_comes_first_and_the_unpublished_last(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, _c = (catalogue.spaces.add(name, "0" * 64) for name in "abc")
    now = datetime(2026, 1, 1, tzinfo=UTC)

    class Clock:
        @staticmethod
        def now(zone: Any) -> datetime:
            return now.astimezone(zone)

    monkeypatch.setattr(module, "datetime", Clock)
    catalogue.spaces.publish(b.id, 1)
    now += timedelta(milliseconds=20)
    catalogue.spaces.publish(a.id, 1)
    assert [space.name for space in catalogue.spaces.all()] == ["a", "b", "c"]
    now += timedelta(milliseconds=20)
    catalogue.spaces.publish(b.id, 2)
    assert [space.name for space in catalogue.spaces.all()] == ["b", "a", "c"]
    assert [space.generation for space in catalogue.spaces.all()] == [2, 1, None]


def test_every_image_is_in_one_state(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    assert catalogue.spaces.state_counts(space.id) == {
        "indexed": 0,
        "skipped": 0,
        "removed": 0,
        "pending": 4,
    }
    catalogue.spaces.place(
        space.id,
        [ImageState(images[0], "indexed"), ImageState(images[1], "skipped", "too dark")],
        SHARD,
    )
    assert catalogue.spaces.state_counts(space.id) == {
        "indexed": 1,
        "skipped": 1,
        "removed": 0,
        "pending": 2,
    }
    assert catalogue.spaces.states(space.id, images) == {images[0]: "indexed", images[1]: "skipped"}
    assert catalogue.spaces.placed_ids(space.id, "skipped") == [images[1]]


def test_spaces_do_not_share_their_states(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    other = catalogue.spaces.add("light-60", "0" * 64)
    catalogue.spaces.place(space.id, [ImageState(i, "indexed") for i in images], SHARD)
    assert catalogue.spaces.state_counts(other.id)["pending"] == 4
    assert catalogue.spaces.states(other.id, images) == {}
    assert catalogue.spaces.shards(other.id) == []
    assert catalogue.spaces.skipped(other.id) == []


def test_placing_again_replaces_a_state(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    catalogue.spaces.place(space.id, [ImageState(images[0], "skipped", "too dark")], None)
    catalogue.spaces.place(
        space.id, [ImageState(images[0], "indexed", estimate=Condition(pose="45"))], SHARD
    )
    assert catalogue.spaces.states(space.id, images) == {images[0]: "indexed"}
    assert catalogue.spaces.skipped(space.id) == []


def test_images_that_were_skipped_are_listed_with_reasons(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    reasons = [
        ImageState(images[2], "skipped", "too dark"),
        ImageState(images[1], "skipped", "truncated"),
    ]
    catalogue.spaces.place(space.id, reasons, None)
    assert catalogue.spaces.skipped(space.id) == [("/1", "truncated"), ("/2", "too dark")]


def test_a_copy_of_an_image_that_was_skipped_is_listed_too(
    catalogue: Catalogue, space: SpaceRow, images: list[int], offer: Offers
) -> None:
    catalogue.spaces.place(space.id, [ImageState(images[1], "skipped", "truncated")], None)
    catalogue.images.register([offer("/copy", "/1")])
    assert catalogue.spaces.skipped(space.id) == [("/1", "truncated"), ("/copy", "truncated")]


def test_an_image_that_was_skipped_and_lost_its_file_is_still_listed(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    catalogue.spaces.place(space.id, [ImageState(images[1], "skipped", "truncated")], None)
    catalogue.images.forget(["/1"])
    assert catalogue.spaces.skipped(space.id) == [("(no longer on file)", "truncated")]


def test_estimates_come_back_with_the_images_of_their_space(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    estimate = Condition(pose="45", illumination="3")
    catalogue.spaces.place(space.id, [ImageState(images[0], "indexed", estimate=estimate)], SHARD)
    assert catalogue.images.rows(space.id, images)[images[0]].estimate == estimate
    assert catalogue.images.rows(space.id, images)[images[1]].estimate == Condition()
    assert catalogue.images.rows(space.id + 1, images)[images[0]].estimate == Condition()


def test_images_with_two_vectors_count_twice_among_the_rows_of_their_shard(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    first, second = Condition(pose="0"), Condition(pose="45")
    placed = [ImageState(i, "indexed", estimate=first) for i in images[:2]]
    twice = ImageState(images[2], "indexed", estimate=first, second=second)
    catalogue.spaces.place(space.id, [*placed, twice], SHARD)
    alone = ShardRow(2, 1, "a" * 64, "b" * 64)
    catalogue.spaces.place(space.id, [ImageState(images[3], "indexed", estimate=first)], alone)
    assert catalogue.spaces.shard_rows(space.id) == {1: 4, 2: 1}
    assert catalogue.spaces.doubled_in(space.id, 1).tolist() == [images[2]]
    assert catalogue.spaces.doubled_in(space.id, 2).tolist() == []
    rows = catalogue.images.rows(space.id, images)
    assert [rows[i].second for i in images] == [None, None, second, None]
    catalogue.images.remove([images[2]])
    assert catalogue.spaces.shard_rows(space.id) == {1: 2, 2: 1}
    assert catalogue.spaces.doubled_in(space.id, 1).tolist() == []
    catalogue.images.purge()
    assert catalogue.images.rows(space.id, images)[images[2]].second is None


def test_shards_come_back_in_order(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    second = ShardRow(2, 1, "a" * 64, "b" * 64)
    catalogue.spaces.place(space.id, [ImageState(i, "indexed") for i in images[:2]], SHARD)
    catalogue.spaces.place(space.id, [ImageState(images[2], "indexed")], second)
    catalogue.spaces.place(space.id, [ImageState(images[3], "skipped", "too dark")], None)
    assert catalogue.spaces.shards(space.id) == [SHARD, second]


def test_a_batch_is_recorded_whole_or_not_at_all(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    with pytest.raises(IntegrityError, match="(?i)foreign key"):
        catalogue.spaces.place(
            space.id, [ImageState(images[0], "indexed"), ImageState(999, "indexed")], SHARD
        )
    assert catalogue.spaces.shards(space.id) == []
    assert catalogue.spaces.state_counts(space.id)["pending"] == 4


def test_the_mark_of_a_space_tells_what_others_published_and_removed(
    catalogue: Catalogue,
    open_catalogue: Callable[[], Catalogue],
    images: list[int],
    space: SpaceRow,
) -> None:
    reader = open_catalogue().spaces
    assert reader.mark(space.id) == (None, 0)
    placed = [ImageState(image_id, "indexed") for image_id in images]
    catalogue.spaces.place(space.id, placed, SHARD)
    catalogue.spaces.publish(space.id, 3)
    assert reader.mark(space.id) == (3, 0)
    catalogue.images.remove(images[:2])
    catalogue.images.remove(images[2:])
    assert reader.mark(space.id) == (3, 2)
    assert reader.mark(space.id + 1) is None


def test_errors_are_counted_of_indexed_images_alone(
    catalogue: Catalogue, space: SpaceRow, images: list[int]
) -> None:
    assert catalogue.spaces.errors_above(space.id, 10.0) == (0, 0)
    errors = (5.0, 10.0, 10.5, None)
    placed = [ImageState(i, "indexed", error=e) for i, e in zip(images, errors, strict=True)]
    catalogue.spaces.place(space.id, placed, SHARD)
    assert catalogue.spaces.errors_above(space.id, 10.0) == (1, 3)  # the limit itself is usual
    other = catalogue.spaces.add("light-60", "0" * 64)
    assert catalogue.spaces.errors_above(other.id, 1.0) == (0, 0)
    catalogue.spaces.place(space.id, [ImageState(images[2], "skipped", "torn", error=99.0)], None)
    assert catalogue.spaces.errors_above(space.id, 1.0) == (2, 2)
    catalogue.images.remove([images[0]])
    assert catalogue.spaces.errors_above(space.id, 1.0) == (1, 1)


def test_what_is_forgotten_of_an_image_includes_its_error(
    catalogue: Catalogue, space: SpaceRow, images: list[int], url: str
) -> None:
    catalogue.spaces.place(space.id, [ImageState(i, "indexed", error=3.0) for i in images], SHARD)
    catalogue.images.remove(images[:1])
    catalogue.images.purge()
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT image_id, error FROM placement ORDER BY image_id"))
        assert [tuple(row) for row in found] == [
            (images[0], None),
            *((image_id, 3.0) for image_id in images[1:]),
        ]
    engine.dispose()
