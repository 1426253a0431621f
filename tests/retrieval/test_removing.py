"""Images that were removed: gone from answers at once, from disk when compacted."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery.attributes import Condition
from gallery.errors import CatalogueError, ConfigError
from gallery.readers.registry import open_faces
from generator.drawer import Drawer
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.missing_files import FolderMissingError
from retrieval.collection.selection import Selection, select
from retrieval.collection.show import images_where
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


SPACE_WORDS = ("state=pending", "state!=indexed", "state=indexed", "estimate.pose=45")
MORE_WORDS = ("not estimate.pose=45", "estimate.pose is unknown", "pose=45", "identity=p1")


def listed(gallery: Gallery, where: str, space: str | None = None) -> list[int]:
    return [row["id"] for row in images_where(gallery.collection, where, space)]


def selected(gallery: Gallery, where: str, space: str | None = None) -> list[int]:
    return [int(i) for i in select(gallery.collection, Selection(where=where, space=space))]


@pytest.mark.parametrize("where", [*SPACE_WORDS, *MORE_WORDS])
def test_what_is_removed_is_what_show_lists_for_the_same_words(
    gallery: Gallery, where: str
) -> None:
    (gallery.photos / "3.png").write_bytes((gallery.photos / "0.png").read_bytes())
    gallery.build()  # what was in 3.png is nowhere now
    remove(gallery, ids=[1])
    chosen, shown = selected(gallery, where), listed(gallery, where)
    assert set(chosen) == set(shown) - {1}
    assert remove(gallery, where=where) == chosen


@pytest.mark.parametrize("where", [*SPACE_WORDS, "identity=p1 or not estimate.pose=45"])
def test_which_space_is_meant_is_asked_where_it_matters(
    gallery: Gallery, light_weights: Path, quick: Callable[[Path], Drawer], where: str
) -> None:
    faces = open_faces(f"folder:{gallery.photos}")
    list(build(gallery.collection, faces, quick(light_weights), light_weights))
    with pytest.raises(ConfigError, match="say which one: --space light-32 or --space pose-32"):
        selected(gallery, where)
    assert selected(gallery, where, "pose-32") == listed(gallery, where, "pose-32")
    assert selected(gallery, "pose=45") == listed(gallery, "pose=45")
    with pytest.raises(CatalogueError, match="no space 'pos-32'; did you mean 'pose-32'"):
        selected(gallery, where, "pos-32")


@pytest.mark.parametrize("where", ["estimate.psoe=45", "not estimate.psoe=45"])
def test_an_estimate_that_nobody_made_is_a_mistake(
    gallery: Gallery, collection: Collection, where: str
) -> None:
    message = r"no estimate is named 'estimate\.psoe'; did you mean 'pose'"
    for choose in (selected, listed):
        with pytest.raises(ConfigError, match=message):
            choose(gallery, where)
    for space in collection.catalogue.spaces.all():
        collection.catalogue.spaces.forget_placements(space.id, list(range(1, 9)))
    for choose in (selected, listed):
        with pytest.raises(ConfigError, match=r"no estimate is named .*None is known"):
            choose(gallery, where)


def test_a_space_without_words_about_it_is_a_mistake(gallery: Gallery) -> None:
    with pytest.raises(ConfigError, match="--space says whose .* add --where"):
        select(gallery.collection, Selection(ids=[1], space="pose-32"))


@pytest.fixture
def two_disks(gallery: Gallery, photograph: Callable[..., Path]) -> Path:
    """Of two disks, the one that is not mounted: an empty folder, below which two images were."""
    disk = gallery.photos / "disk"
    for number in (8, 9):
        photograph(disk / "below" / f"{number}.png", seed=number)
    (gallery.photos / "labels.csv").unlink()
    gallery.build()
    for path in (disk / "below").iterdir():
        path.unlink()
    (disk / "below").rmdir()
    return disk


def test_a_disk_that_is_not_mounted_is_not_removed(gallery: Gallery, two_disks: Path) -> None:
    (gallery.photos / "1.png").unlink()
    message = (
        rf"Not one known file is left in {two_disks}/below \(2 known\); was .* disk not mounted"
    )
    with pytest.raises(FolderMissingError, match=message):
        remove(gallery, missing=True)
    assert len(gallery.names(gallery.open())) == 10
    assert len(remove(gallery, missing=True, whole_folders=True)) == 3


def test_a_folder_whose_images_are_elsewhere_too_or_removed_asks_nothing(
    gallery: Gallery, two_disks: Path, photograph: Callable[..., Path]
) -> None:
    photograph(gallery.photos / "copy.png", seed=8)
    gallery.build()
    remove(gallery, paths=[two_disks / "below" / "9.png"])
    assert remove(gallery, missing=True) == []


def test_a_file_that_cannot_be_looked_at_is_not_missing(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        if path.endswith("1.png"):
            raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr("retrieval.collection.missing_files.os.lstat", refuse)
    assert remove(gallery, missing=True) == []
