"""Images that were removed: gone from answers at once, from disk when compacted."""

from pathlib import Path

import pytest

from gallery.attributes import Condition
from gallery.errors import CatalogueError, ConfigError
from retrieval.selecting import Selection, select
from tests.retrieval.conftest import Gallery


def remove(gallery: Gallery, **selection: object) -> list[int]:
    chosen = select(gallery.collection, Selection(**selection))  # type: ignore[arg-type]
    return gallery.collection.catalogue.images.remove(chosen.tolist())


def test_a_removed_image_is_gone_from_an_open_searcher_at_once(gallery: Gallery) -> None:
    index = gallery.open()
    before = gallery.scores(index)
    generation = gallery.space.generation
    assert remove(gallery, paths=[gallery.photos / "3.png"]) == [gallery.id_of("3.png")]
    after = gallery.scores(index)
    assert after == [(name, score) for name, score in before if name != "3.png"]
    assert gallery.space.generation == generation
    assert gallery.scores(gallery.open()) == after
    gallery.build()
    assert gallery.scores(index) == after
    assert gallery.space.generation == (generation or 0) + 1
    assert gallery.states() == {"indexed": 7, "removed": 1}


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({"identities": ["p1", "p3"]}, "2367"),
        ({"where": "identity=p1 or pose=45"}, "235"),
        ({"ids": [1, 3]}, "02"),
        ({"ids": [1], "where": "pose=45"}, "025"),
    ],
)
def test_images_are_removed_by_what_is_known_of_them(
    gallery: Gallery, selection: dict[str, object], names: str
) -> None:
    remove(gallery, **selection)
    left = {f"{n}.png" for n in range(8)} - {f"{name}.png" for name in names}
    assert set(gallery.names(gallery.open())) == left


def test_a_folder_is_removed_with_all_below_it(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gallery.photos.parent)
    remove(gallery, paths=[Path(gallery.photos.name)])
    assert gallery.names(gallery.open()) == []
    assert gallery.states() == {"removed": 8}


def test_images_whose_files_are_gone_are_removed(gallery: Gallery) -> None:
    (gallery.photos / "1.png").unlink()
    (gallery.photos / "6.png").unlink()
    remove(gallery, missing=True)
    assert set(gallery.names(gallery.open())) == {f"{n}.png" for n in (0, 2, 3, 4, 5, 7)}


def test_a_collection_without_any_of_its_files_is_not_emptied(gallery: Gallery) -> None:
    gallery.photos.rename(gallery.photos.with_name("elsewhere"))
    with pytest.raises(CatalogueError, match="Not one file of .* is on this machine; was it moved"):
        remove(gallery, missing=True)
    assert len(gallery.names(gallery.open())) == 8


@pytest.mark.parametrize(
    ("selection", "error", "message"),
    [
        ({}, ConfigError, "Say which images: a PATH, --identity, --id, --where or --missing"),
        ({"identities": ["p1", "p9"]}, CatalogueError, "No image of .* shows 'p9'; see whose"),
        ({"ids": [99]}, CatalogueError, "has no image of id 99"),
        ({"paths": [Path("/none")]}, CatalogueError, "was found at /none or below it"),
        ({"where": "psoe=1"}, ConfigError, "nothing is named 'psoe'; did you mean 'pose'"),
    ],
)
def test_what_names_no_image_is_refused(
    gallery: Gallery, selection: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        remove(gallery, **selection)


def test_a_build_takes_in_again_what_was_removed_only_if_told_to(gallery: Gallery) -> None:
    before = gallery.scores(gallery.open())
    remove(gallery, identities=["p0"])
    assert remove(gallery, identities=["p0"]) == []
    last = gallery.build()
    assert (last.indexed, last.known, last.removed) == (0, 6, 2)
    assert len(gallery.names(gallery.open())) == 6
    last = gallery.build(restore=True)
    assert (last.indexed, last.known, last.removed) == (2, 6, 0)
    assert sorted(gallery.scores(gallery.open())) == sorted(before)
    assert gallery.states() == {"indexed": 8}


def test_an_image_is_found_once_after_it_came_back(gallery: Gallery) -> None:
    remove(gallery, ids=[1])
    gallery.build()
    gallery.build(restore=True)
    spaces = gallery.collection.catalogue.spaces
    rows = sum(shard.rows for shard in spaces.shards(gallery.space.id))
    assert rows == 8


def test_new_landmarks_cut_an_image_anew(gallery: Gallery) -> None:
    before = dict(gallery.scores(gallery.open()))
    assert gallery.build().indexed == 0
    header = "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y"
    marks = gallery.photos / "landmarks.csv"
    marks.write_text(f"{header}\n3.png,10,8,20,8,15,30\n")
    assert gallery.build().indexed == 1
    after = dict(gallery.scores(gallery.open()))
    assert {name for name in before if before[name] != after[name]} == {"3.png"}
    rows = gallery.collection.catalogue.images.rows(gallery.space.id, [gallery.id_of("3.png")])
    assert rows[gallery.id_of("3.png")].condition == Condition(pose="-45")
    assert gallery.build().indexed == 0
    marks.write_text(f"{header}\n3.png,10,9,20,9,15,30\n")
    assert gallery.build().indexed == 1
    assert dict(gallery.scores(gallery.open())).keys() == before.keys()


def test_a_filter_is_pushed_into_the_search(gallery: Gallery) -> None:
    index = gallery.open()
    images = gallery.collection.catalogue.images
    everything = gallery.scores(index)
    for where, names in (("pose=45", "25"), ("identity!=p0 and pose<=0", "34679"), ("id=4", "3")):
        found = gallery.scores(index, images.matching(where, gallery.space.id))
        wanted = {f"{n}.png" for n in names} & {name for name, _ in everything}
        assert found == [one for one in everything if one[0] in wanted]
    estimated = images.matching("estimate.pose=0", gallery.space.id)
    assert 0 < len(estimated) < 8
    assert len(gallery.names(index, estimated)) == len(estimated)
