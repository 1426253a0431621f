import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.align import Landmarks
from gallery.attributes import Condition
from gallery.catalogue.engine import connect
from gallery.catalogue.images import NOWHERE
from gallery.catalogue.records import FileRecord, ImageRow, ImageState
from gallery.catalogue.store import Catalogue
from gallery.catalogue.tables import File, Identity, Image, Table, Value

Offers = Callable[..., FileRecord]
DATABASES = ("sqlite", "postgres")
MARKS = Landmarks((10.25, 20.0), (11.5, 48.0))
OTHERS = Landmarks((10.25, 21.0), (11.5, 48.0))


def counted(url: str, *tables: type[Table]) -> list[int]:
    engine = connect(url)
    with Session(engine) as session:
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    engine.dispose()
    return counts


def ids(catalogue: Catalogue, *offers: FileRecord) -> list[int]:
    """Register offers that can all be read."""
    registered = catalogue.images.register(offers)
    return [image_id for image_id in registered if image_id is not None]


def sha256_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def row(catalogue: Catalogue, image_id: int, space_id: int = 1) -> ImageRow:
    return catalogue.images.rows(space_id, [image_id])[image_id]


def states(catalogue: Catalogue, name: str = "pose-60") -> dict[str, int]:
    counts = catalogue.spaces.state_counts(catalogue.spaces.get(name).id)
    return {state: count for state, count in counts.items() if count}


def test_registering_twice_adds_nothing(catalogue: Catalogue, offer: Offers, url: str) -> None:
    offers = [offer("/a", identity="s1", pose="45"), offer("/b", identity="s1", pose="0")]
    first = ids(catalogue, *offers)
    before = counted(url, Image, File, Identity, Value)
    assert ids(catalogue, *offers) == first
    assert counted(url, Image, File, Identity, Value) == before == [2, 2, 1, 2]
    assert catalogue.images.count() == 2


def test_images_come_back_in_the_order_of_their_offers(catalogue: Catalogue, offer: Offers) -> None:
    a, b = ids(catalogue, offer("/a"), offer("/b"))
    registered = catalogue.images.register(
        [offer("/c", "/b"), FileRecord("/d", None, "empty"), offer("/a"), offer("/e")]
    )
    assert registered == [b, None, a, max(a, b) + 1]


def test_what_is_known_of_an_image_comes_back(catalogue: Catalogue, offer: Offers) -> None:
    (known,) = ids(catalogue, offer("/a", identity="s1", pose="45", eyes="open"))
    (bare,) = ids(catalogue, offer("/b"))
    expected = ImageRow(
        known, "/a", "s1", Condition(pose="45", eyes="open"), Condition(), sha256_of("/a")
    )
    assert row(catalogue, known) == expected
    assert row(catalogue, bare) == ImageRow(
        bare, "/b", None, Condition(), Condition(), sha256_of("/b")
    )
    assert list(catalogue.images.rows(1, [bare, 999, known])) == [bare, known]


def test_labels_offered_again_replace_those_known(catalogue: Catalogue, offer: Offers) -> None:
    (image_id,) = ids(catalogue, offer("/a", identity="s1", pose="45", eyes="open"))
    ids(catalogue, offer("/a", identity="s2", pose="0"))
    assert row(catalogue, image_id).identity == "s2"
    assert row(catalogue, image_id).condition == Condition(pose="0")
    ids(catalogue, offer("/a"))
    assert row(catalogue, image_id).identity == "s2"
    assert row(catalogue, image_id).condition == Condition(pose="0")


def test_labels_of_a_second_place_do_not_replace_those_of_the_first(
    catalogue: Catalogue, offer: Offers
) -> None:
    (image_id,) = ids(catalogue, offer("/a", "same", "s1", pose="45"))
    ids(catalogue, offer("/b", "same", "s2", pose="0"))
    assert row(catalogue, image_id).identity == "s1"
    one, other = ids(
        catalogue, offer("/c", "new", "s3", pose="45"), offer("/d", "new", "s4", pose="0")
    )
    assert one == other
    assert (row(catalogue, one).identity, row(catalogue, one).condition["pose"]) == ("s3", "45")


@pytest.mark.parametrize("together", [True, False])
def test_where_the_first_of_equal_files_says_nothing_the_label_of_the_next_counts(
    catalogue: Catalogue, offer: Offers, *, together: bool
) -> None:
    bare, labelled = offer("/a", "same"), offer("/b", "same", "s2", pose="45")
    other = offer("/c", "same", "s3", pose="0")
    for offers in [[bare, labelled, other]] if together else [[bare], [labelled], [other]]:
        (image_id, *_) = ids(catalogue, *offers)
    found = row(catalogue, image_id)
    assert (found.identity, found.condition) == ("s2", Condition(pose="45"))
    (told,) = catalogue.images.contradictions()
    assert str(told) == "/c (s3) is equal to /b (s2), whose label counts"
    ids(catalogue, bare, other)
    assert row(catalogue, image_id).identity == "s2"
    ids(catalogue, replace(bare, identity="s1"))  # labelled at last
    assert row(catalogue, image_id).identity == "s1"


def test_a_label_without_a_person_counts_where_the_first_file_has_none(
    catalogue: Catalogue, offer: Offers
) -> None:
    (image_id, _) = ids(catalogue, offer("/a", "same"), offer("/b", "same", pose="45"))
    found = row(catalogue, image_id)
    assert (found.identity, found.condition) == (None, Condition(pose="45"))


def test_landmarks_of_the_first_of_equal_files_count_whoever_is_labelled(
    catalogue: Catalogue, offer: Offers
) -> None:
    bare, labelled = replace(offer("/a", "same"), landmarks=MARKS), offer("/b", "same", "s2")
    (image_id, _) = ids(catalogue, bare, labelled)
    assert row(catalogue, image_id).landmarks == MARKS
    ids(catalogue, replace(bare, landmarks=OTHERS), labelled)
    assert (row(catalogue, image_id).landmarks, row(catalogue, image_id).identity) == (OTHERS, "s2")


def test_the_same_label_means_the_same_person(
    catalogue: Catalogue, offer: Offers, url: str
) -> None:
    ids(catalogue, offer("/x/a", identity="s1"), offer("/y/a", identity="s1"))
    assert counted(url, Identity) == [1]


def test_duplicates_are_listed_with_the_first_of_them(catalogue: Catalogue, offer: Offers) -> None:
    ids(catalogue, offer("/z", "same"), offer("/b"), offer("/a", "same"), offer("/c", "same"))
    assert catalogue.images.duplicates() == [("/a", "/z"), ("/c", "/z")]
    assert catalogue.images.count() == 2


def test_a_moved_file_is_recognised(catalogue: Catalogue, offer: Offers) -> None:
    before = ids(catalogue, offer("/old/a", "face", "s1"))
    assert ids(catalogue, offer("/new/a", "face", "s1")) == before
    catalogue.images.forget(["/old/a"])
    assert catalogue.images.paths_of(before) == {before[0]: ["/new/a"]}
    assert row(catalogue, before[0]).path == "/new/a"
    assert catalogue.images.duplicates() == []


def test_a_forgotten_image_stays_without_a_place(catalogue: Catalogue, offer: Offers) -> None:
    (image_id,) = ids(catalogue, offer("/a"))
    catalogue.images.forget(["/a", "/never/seen"])
    assert catalogue.images.count() == 1
    assert catalogue.images.paths_of([image_id]) == {}
    assert row(catalogue, image_id).path == "(no longer on file)"


def test_files_read_before_are_known_by_size_and_time(catalogue: Catalogue, offer: Offers) -> None:
    one = replace(offer("/a"), size_bytes=7, mtime_ns=1_700_000_000_123_456_789)
    other = replace(offer("/archive#b"), size_bytes=None, mtime_ns=None)
    catalogue.images.register([one, other, FileRecord("/broken", None, "empty", size_bytes=0)])
    known = catalogue.images.known(["/a", "/archive#b", "/broken", "/never/seen"])
    assert known == {"/a": (one.sha256, 7, 1_700_000_000_123_456_789)}


def test_files_that_cannot_be_read_are_listed_until_they_can(
    catalogue: Catalogue, offer: Offers
) -> None:
    catalogue.images.register(
        [FileRecord("/b", None, "empty file"), FileRecord("/a", None, "a pipe")]
    )
    assert catalogue.images.unreadable() == [("/a", "a pipe"), ("/b", "empty file")]
    assert catalogue.images.count() == 0
    ids(catalogue, offer("/b"))
    assert catalogue.images.unreadable() == [("/a", "a pipe")]


# What a changed file does to the image it held


@pytest.fixture
def placed(catalogue: Catalogue, offer: Offers) -> list[int]:
    """Images of /a and /b, indexed in the spaces pose-60 and light-60."""
    placed = ids(catalogue, offer("/a"), offer("/b"))
    for name in ("pose-60", "light-60"):
        space = catalogue.spaces.add(name, "0" * 64)
        catalogue.spaces.place(space.id, [ImageState(i, "indexed") for i in placed], None)
    return placed


def test_a_changed_file_retires_the_old_image_from_every_space(
    catalogue: Catalogue, offer: Offers, placed: list[int]
) -> None:
    (new,) = ids(catalogue, offer("/a", "changed"))
    assert new not in placed
    for name in ("pose-60", "light-60"):
        assert states(catalogue, name) == {"indexed": 1, "removed": 1, "pending": 1}
        space = catalogue.spaces.get(name)
        assert catalogue.spaces.placed_ids(space.id, "removed") == [placed[0]]


def test_a_file_that_can_no_longer_be_read_retires_its_image(
    catalogue: Catalogue, placed: list[int]
) -> None:
    assert catalogue.images.register([FileRecord("/a", None, "empty file (0 bytes)")]) == [None]
    assert states(catalogue) == {"indexed": 1, "removed": 1}
    assert catalogue.images.paths_of(placed) == {placed[1]: ["/b"]}


def test_an_image_that_is_still_elsewhere_is_not_retired(
    catalogue: Catalogue, offer: Offers, placed: list[int]
) -> None:
    ids(catalogue, offer("/copy of a", "/a"))
    ids(catalogue, offer("/a", "changed"))
    assert states(catalogue) == {"indexed": 2, "pending": 1}
    assert row(catalogue, placed[0]).path == "/copy of a"


def test_two_files_that_change_places_retire_nothing(
    catalogue: Catalogue, offer: Offers, placed: list[int]
) -> None:
    assert ids(catalogue, offer("/a", "/b"), offer("/b", "/a")) == placed[::-1]
    assert states(catalogue) == {"indexed": 2}
    assert [row(catalogue, image_id).path for image_id in placed] == ["/b", "/a"]


# Removed by hand


def test_an_image_removed_by_hand_leaves_every_space_and_is_known_to_have(
    catalogue: Catalogue, placed: list[int]
) -> None:
    space = catalogue.spaces.get("pose-60")
    catalogue.spaces.publish(space.id, 3)
    assert catalogue.images.remove([placed[0], 99]) == [placed[0]]
    assert catalogue.images.remove([placed[0]]) == []
    for name in ("pose-60", "light-60"):
        assert states(catalogue, name) == {"indexed": 1, "removed": 1}
    assert catalogue.images.count() == 1
    assert catalogue.images.removed_by_hand(placed) == {placed[0]}
    assert catalogue.spaces.removed_since(space.id, 3).tolist() == [placed[0]]
    assert catalogue.spaces.removed_since(space.id, 4).tolist() == []
    assert catalogue.spaces.get("pose-60").removals == 1


def test_an_image_removed_before_it_was_indexed_is_not_pending(
    catalogue: Catalogue, offer: Offers, placed: list[int]
) -> None:
    (new,) = ids(catalogue, offer("/c"))
    assert states(catalogue) == {"indexed": 2, "pending": 1}
    catalogue.images.remove([new])
    assert states(catalogue) == {"indexed": 2}
    assert len(placed) == 2


def test_a_restored_image_waits_for_the_next_build(
    catalogue: Catalogue, offer: Offers, placed: list[int]
) -> None:
    ids(catalogue, offer("/a", "changed"))  # retires the first one, not by hand
    catalogue.images.remove([placed[1]])
    catalogue.images.restore(placed)
    assert catalogue.images.removed_by_hand(placed) == set()
    assert states(catalogue) == {"removed": 2, "pending": 1}
    assert catalogue.images.count() == 3


def test_a_purge_leaves_nothing_of_what_was_removed_but_its_hash(
    catalogue: Catalogue, offer: Offers, url: str
) -> None:
    (gone,) = ids(catalogue, replace(offer("/a", identity="s1", pose="45"), landmarks=MARKS))
    (kept,) = ids(catalogue, offer("/b", identity="s2", pose="0"))
    catalogue.images.remove([gone])
    assert catalogue.images.purge() == 1
    assert counted(url, Image, File, Identity, Value) == [2, 1, 1, 1]
    left = row(catalogue, gone)
    assert (left.path, left.identity, left.condition) == (NOWHERE, None, Condition())
    assert (left.landmarks, left.sha256) == (None, sha256_of("/a"))
    assert row(catalogue, kept).identity == "s2"


# Landmarks


def test_landmarks_come_back_and_stay_until_others_are_offered(
    catalogue: Catalogue, offer: Offers
) -> None:
    ids(catalogue, offer("/plain"))
    assert not catalogue.images.has_landmarks()
    (image_id,) = ids(catalogue, replace(offer("/a"), landmarks=MARKS))
    assert catalogue.images.has_landmarks()
    assert row(catalogue, image_id).landmarks == MARKS
    ids(catalogue, offer("/a"))
    assert catalogue.images.landmarks([image_id]) == {image_id: MARKS}
    ids(catalogue, replace(offer("/elsewhere", "/a"), landmarks=OTHERS))
    assert catalogue.images.landmarks([image_id]) == {image_id: MARKS}
    ids(catalogue, replace(offer("/a"), landmarks=OTHERS))
    assert catalogue.images.landmarks([image_id]) == {image_id: OTHERS}


def test_an_image_cut_with_other_landmarks_is_to_be_cut_anew(
    catalogue: Catalogue, offer: Offers
) -> None:
    a, b = ids(catalogue, offer("/a"), replace(offer("/b"), landmarks=MARKS))
    space = catalogue.spaces.add("pose-60", "0" * 64)
    placed = [ImageState(a, "indexed"), ImageState(b, "indexed", landmarks=MARKS)]
    catalogue.spaces.place(space.id, placed, None)
    assert catalogue.spaces.cut_anew(space.id, [a, b]) == set()
    ids(catalogue, replace(offer("/a"), landmarks=MARKS))
    assert catalogue.spaces.cut_anew(space.id, [a, b]) == {a}
    ids(catalogue, replace(offer("/b"), landmarks=OTHERS))
    assert catalogue.spaces.cut_anew(space.id, [a, b]) == {a, b}
    assert catalogue.spaces.cut_anew(space.id, [b]) == {b}


def test_images_are_found_below_a_folder_and_not_beside_it(
    catalogue: Catalogue, offer: Offers
) -> None:
    paths = ("/p/a", "/p/b/c", "/p", "/p.png", "/p0", "/q/p/a")
    found = dict(zip(paths, ids(catalogue, *map(offer, paths)), strict=True))
    below = [found["/p/a"], found["/p/b/c"], found["/p"]]
    assert catalogue.images.below("/p") == sorted(below)
    assert catalogue.images.below("/p/") == sorted(below[:2])
    assert catalogue.images.below("/p.png") == [found["/p.png"]]
    assert catalogue.images.below("/") == sorted(found.values())
    assert catalogue.images.below("/p/b/c/d") == []


# Many at once


def test_1500_files_are_registered_and_asked_for_at_once(
    catalogue: Catalogue, offer: Offers, url: str
) -> None:
    offers = [offer(f"/{n}", identity=f"s{n}") for n in range(1_500)]
    offers += [offer(f"/copy of {n}", f"/{n}") for n in range(0, 1_500, 100)]
    registered = ids(catalogue, *offers)
    assert len(registered) == 1_515
    assert len(set(registered)) == 1_500
    assert ids(catalogue, *offers) == registered
    assert counted(url, Image, File, Identity) == [1_500, 1_515, 1_500]
    assert len(catalogue.images.known([one.path for one in offers])) == 1_515
    rows = catalogue.images.rows(1, registered)
    assert [rows[i].identity for i in registered[:1_500]] == [f"s{n}" for n in range(1_500)]
    space = catalogue.spaces.add("pose-60", "0" * 64)
    catalogue.spaces.place(space.id, [ImageState(i, "indexed") for i in registered[:1_500]], None)
    assert len(catalogue.spaces.states(space.id, registered)) == 1_500
    catalogue.images.register([replace(one, sha256=None, reason="gone") for one in offers])
    assert states(catalogue) == {"removed": 1_500}
    catalogue.images.forget([one.path for one in offers])
    assert catalogue.images.unreadable() == []


def test_one_image_each_is_the_first_of_each_person_and_all_that_nobody_named(
    catalogue: Catalogue, offer: Offers
) -> None:
    named = [replace(offer(name), identity=who) for name, who in zip("abcd", "xyxy", strict=True)]
    nobody = [replace(offer(name), identity=None) for name in "ef"]
    a, b, _, d, e, f = ids(catalogue, *named, *nobody)
    assert catalogue.images.matching("id > 0", one_each=True).tolist() == [a, b, e, f]
    assert catalogue.images.matching(f"id >= {d}", one_each=True).tolist() == [d, e, f]
    catalogue.images.remove([a])
    left = catalogue.images.matching("id > 0", removed=False, one_each=True).tolist()
    assert left == [b, b + 1, e, f]
