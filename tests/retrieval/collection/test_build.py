"""Building a space, with a generator that draws at once; see test_killed_build.py for kills."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gallery.attributes import AttributeSpace, Condition
from gallery.catalogue.records import ImageRow
from gallery.errors import ImageError, IndexFileError, WeightsError
from gallery.faces import Face, FaceSet
from gallery.images import decode
from gallery.readers.registry import open_faces
from generator.canonical import RECONSTRUCTION, canonicalise
from generator.checkpoint import load_weights
from generator.engine import Engine
from index import store
from index.base import Index, Neighbours
from retrieval.collection import builder as module
from retrieval.collection import ingest
from retrieval.collection.build import build
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.own_weights import copy_weights
from retrieval.collection.show import describe
from retrieval.embedding import contract_of

Photograph = Callable[..., Path]
Run = Callable[..., BuildProgress]


@pytest.fixture
def engine(quick: Callable[[Path], Engine], pose_weights: Path) -> Engine:
    return quick(pose_weights)


@pytest.fixture
def run(collection: Collection, photos: Path, engine: Engine, pose_weights: Path) -> Run:
    """Build the space `pose-32` of all that is in `photos`, or of another face set."""

    def run(faces: FaceSet | None = None, **changes: Any) -> BuildProgress:
        faces = open_faces(f"folder:{photos}") if faces is None else faces
        return list(build(collection, faces, engine, pose_weights, **changes))[-1]

    return run


def opened(collection: Collection, engine: Engine) -> Index:
    space = collection.catalogue.spaces.get(engine.card.name)
    assert space.generation is not None
    contract = contract_of(engine, RECONSTRUCTION)
    return store.open_index(collection.space_dir(space.name), space.generation, contract)


def search(collection: Collection, engine: Engine, probe: int = 0) -> list[tuple[str, float]]:
    """Rank all images for a probe; a probe is a vector of noise."""
    index = opened(collection, engine)
    vector = np.random.default_rng(probe).normal(size=(1, engine.dimension)).astype(np.float32)
    found = index.search(vector, index.size)
    rows = rows_of(collection, found)
    return [
        (Path(rows[i].path).name, round(score, 5))
        for i, score in zip(found.ids[0].tolist(), found.scores[0].tolist(), strict=True)
    ]


def rows_of(collection: Collection, found: Neighbours) -> dict[int, ImageRow]:
    space = collection.catalogue.spaces.get("pose-32")
    return collection.catalogue.images.rows(space.id, found.ids[0].tolist())


def by_name(collection: Collection, engine: Engine) -> dict[str, ImageRow]:
    """Return every image that can be found, by the name of its file."""
    index = opened(collection, engine)
    probe = np.ones((1, engine.dimension), dtype=np.float32)
    found = rows_of(collection, index.search(probe, index.size))
    return {Path(row.path).name: row for row in found.values()}


def states(collection: Collection, name: str = "pose-32") -> dict[str, int]:
    counts = collection.catalogue.spaces.state_counts(collection.catalogue.spaces.get(name).id)
    return {state: count for state, count in counts.items() if count}


def skipped(collection: Collection) -> dict[str, str]:
    """Return the reasons why files were left out, by name."""
    (space,) = describe(collection)["spaces"]
    return {Path(one["path"]).name: one["reason"] for one in space["skipped"]}


def face_set(root: Path, *names: str, **changes: Any) -> FaceSet:
    faces = tuple(Face(name) for name in names)
    return FaceSet(spec="made up", root=root, faces=faces, space=AttributeSpace(()), **changes)


def files_below(root: Path) -> dict[str, int]:
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


# What a built space finds


def test_a_search_equals_brute_force_over_embeddings_made_one_by_one(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    slow = {}
    for number in range(12):
        path = photograph(photos / f"{number}.png", seed=number)
        pixels = engine.card.aligner.align(decode(path.read_bytes()))
        slow[path.name] = canonicalise(engine, pixels[None])
    assert run() == BuildProgress(done=12, total=12, indexed=12, known=0, skipped=0)
    for probe in range(5):
        vector = np.random.default_rng(probe).normal(size=engine.dimension).astype(np.float32)
        scores = {name: float(view.embeddings[0] @ vector) for name, view in slow.items()}
        expected = sorted(scores.items(), key=lambda item: -item[1])
        found = search(collection, engine, probe)
        assert [name for name, _ in found] == [name for name, _ in expected]
        assert [s for _, s in found] == pytest.approx([s for _, s in expected], abs=1e-4)
    rows = by_name(collection, engine)
    assert {name: row.estimate for name, row in rows.items()} == {
        name: view.estimates[0] for name, view in slow.items()
    }
    assert len({row.estimate for row in rows.values()}) > 1


def test_an_image_finds_itself_through_the_real_generator(
    collection_dir: Path, pose_weights: Path, faces_spec: str
) -> None:
    collection = Collection.open(collection_dir)
    engine = Engine.open(pose_weights, torch.device("cpu"))
    faces = open_faces(faces_spec)
    chosen = [faces.faces[n] for n in (0, 13, 29)]
    pixels = np.stack([engine.card.aligner.align(faces.load(face)) for face in chosen])
    found = opened(collection, engine).search(canonicalise(engine, pixels).embeddings, 1)
    rows = collection.catalogue.images.rows(1, found.ids[:, 0].tolist())
    paths = [rows[i].path for i in found.ids[:, 0].tolist()]
    assert paths == [str(faces.path(face)) for face in chosen]
    assert found.scores[:, 0] == pytest.approx(np.ones(3), abs=1e-5)
    collection.close()


def test_batches_change_nothing(
    run: Run,
    collection: Collection,
    engine: Engine,
    photos: Path,
    photograph: Photograph,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    pose_weights: Path,
) -> None:
    for number in range(10):
        photograph(photos / f"{number}.png", seed=number)
    run()
    other = Collection.open_or_create(tmp_path / "other")
    monkeypatch.setattr(module, "BATCH", 4)
    steps = list(build(other, open_faces(f"folder:{photos}"), engine, pose_weights))
    assert [(step.done, step.indexed) for step in steps] == [(4, 4), (8, 8), (10, 10)]
    assert search(other, engine) == search(collection, engine)
    other.close()


def test_a_flat_index_finds_the_same(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    pytest.importorskip("faiss")
    for number in range(6):
        photograph(photos / f"{number}.png", seed=number)
    run()
    exact = search(collection, engine)
    assert run(request=store.Request(kind="flat")).known == 6
    assert describe(collection)["spaces"][0]["kind"] == "flat"
    flat = search(collection, engine)
    assert [name for name, _ in flat] == [name for name, _ in exact]
    assert [s for _, s in flat] == pytest.approx([s for _, s in exact], abs=1e-4)


# Building again


def test_building_again_adds_nothing(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    for number in range(5):
        photograph(photos / f"{number}.png", seed=number)
    run()
    before, found = files_below(collection.root / "spaces"), search(collection, engine)
    assert run() == BuildProgress(done=5, total=5, indexed=0, known=5, skipped=0)
    assert files_below(collection.root / "spaces") == before
    assert search(collection, engine) == found
    assert states(collection) == {"indexed": 5}


def test_files_that_have_not_changed_are_not_read_again(
    run: Run, photos: Path, photograph: Photograph, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    read = []

    def recorded(_faces: FaceSet, face: Face) -> bytes:
        read.append(face.name)
        return b"no image"

    monkeypatch.setattr(FaceSet, "read", recorded)
    run()
    assert read == []
    os.utime(photos / "a.png", ns=(1, 1))
    run()
    assert read[0] == "a.png"


def test_new_files_are_added(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "a.png", seed=1)
    photograph(photos / "b.png", seed=2)
    run()
    old = dict(search(collection, engine))
    photograph(photos / "c.png", seed=3)
    assert run() == BuildProgress(done=3, total=3, indexed=1, known=2, skipped=0)
    found = dict(search(collection, engine))
    assert found.keys() == {"a.png", "b.png", "c.png"}
    assert {name: found[name] for name in old} == old
    space = collection.catalogue.spaces.get("pose-32")
    assert space.generation == 2
    contract = contract_of(engine, RECONSTRUCTION)
    assert store.open_index(collection.space_dir("pose-32"), 1, contract).size == 2


def test_another_folder_is_added_to_the_same_space(
    run: Run, collection: Collection, engine: Engine, tmp_path: Path, photograph: Photograph
) -> None:
    for name in ("x", "y"):
        photograph(tmp_path / name / f"{name}.png", seed=ord(name))
        run(open_faces(f"folder:{tmp_path / name}"))
    assert {name for name, _ in search(collection, engine)} == {"x.png", "y.png"}


def test_a_changed_file_gives_its_place_to_the_new_image(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    for name, seed in (("a.png", 1), ("b.png", 2)):
        photograph(photos / name, seed)
    run()
    before = dict(search(collection, engine))
    photograph(photos / "a.png", seed=3)
    assert run().indexed == 1
    after = dict(search(collection, engine))
    assert (after["b.png"], len(after)) == (before["b.png"], 2)
    assert after["a.png"] != before["a.png"]
    assert states(collection) == {"indexed": 2, "removed": 1}


def test_an_image_that_comes_back_can_be_found_again_and_once(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    for name, seed in (("a.png", 1), ("b.png", 2)):
        photograph(photos / name, seed)
    run()
    before = search(collection, engine)
    photograph(photos / "a.png", seed=3)
    run()
    photograph(photos / "a.png", seed=1)
    os.utime(photos / "a.png", ns=(1, 1))
    assert run().indexed == 1
    assert search(collection, engine) == before
    assert states(collection) == {"indexed": 2, "removed": 1}


def test_a_moved_file_is_recognised_with_its_new_labels(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "old" / "a.png", seed=1)
    (photos / "labels.csv").write_text("path,identity,pose\nold/a.png,s1,45\n")
    run()
    before = files_below(collection.space_dir("pose-32") / "embeddings")
    (photos / "new").mkdir()
    (photos / "old" / "a.png").rename(photos / "new" / "b.png")
    (photos / "labels.csv").write_text("path,identity,pose\nnew/b.png,s2,0\n")
    assert run() == BuildProgress(done=1, total=1, indexed=0, known=1, skipped=0)
    assert files_below(collection.space_dir("pose-32") / "embeddings") == before
    row = by_name(collection, engine)["b.png"]
    assert row.path == str(photos / "new" / "b.png")
    assert (row.identity, row.condition) == ("s2", Condition(pose="0"))
    assert describe(collection)["duplicates"] == []


def test_labels_are_brought_up_to_date(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    assert by_name(collection, engine)["a.png"].identity is None
    for who, pose in (("s1", "45"), ("s2", "0")):
        (photos / "labels.csv").write_text(f"path,identity,pose\na.png,{who},{pose}\n")
        assert run().indexed == 0
        row = by_name(collection, engine)["a.png"]
        assert (row.identity, row.condition) == (who, Condition(pose=pose))


# What cannot be used


def test_a_bad_image_is_skipped_with_a_reason_and_stops_nothing(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "good.png", seed=1)
    (photos / "empty.png").touch()
    (photos / "text.png").write_text("this is no image")
    (photos / "cut.png").write_bytes((photos / "good.png").read_bytes()[:700])
    (photos / "link.png").symlink_to("good.png")
    Image.new("L", (400, 1)).save(photos / "tiny.png")
    last = run()
    assert (last.done, last.total, last.indexed, last.skipped) == (6, 6, 2, 4)
    reasons = skipped(collection)
    assert reasons.pop("cut.png").startswith("damaged or truncated: ")
    assert reasons.pop("text.png").startswith("not an image of a known format (")
    assert reasons == {
        "empty.png": "empty file (0 bytes)",
        "link.png": "not a regular file (a link, pipe or device)",
    }
    assert {name for name, _ in search(collection, engine)} == {"good.png", "tiny.png"}
    assert states(collection) == {"indexed": 2, "skipped": 2}
    again = run()
    assert (again.indexed, again.known, again.skipped) == (0, 2, 4)
    assert skipped(collection).keys() == {"cut.png", "empty.png", "link.png", "text.png"}
    (photos / "empty.png").unlink()
    (photos / "link.png").unlink()
    run()
    assert skipped(collection).keys() == {"cut.png", "text.png"}


def test_an_image_that_could_not_be_used_is_tried_again(
    run: Run,
    collection: Collection,
    photos: Path,
    photograph: Photograph,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photograph(photos / "a.png", seed=1)

    def fail(_: bytes, **_how: object) -> Image.Image:
        raise ImageError("damaged or truncated: out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "decode", fail)
        assert run().skipped == 1
    assert run() == BuildProgress(done=1, total=1, indexed=1, known=0, skipped=0)
    assert skipped(collection) == {}


def test_a_view_without_labels_takes_none_away(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "sub" / "a.png", seed=1)
    (photos / "labels.csv").write_text("path,identity,pose\nsub/a.png,s1,0\n")
    run()
    run(open_faces(f"folder:{photos / 'sub'}"))
    found = by_name(collection, engine)["a.png"]
    assert (found.identity, found.condition) == ("s1", Condition(pose="0"))


def test_a_changed_image_leaves_every_space(
    collection: Collection,
    photos: Path,
    photograph: Photograph,
    quick: Callable[[Path], Engine],
    pose_weights: Path,
    light_weights: Path,
) -> None:
    photograph(photos / "a.png", seed=1)
    photograph(photos / "b.png", seed=2)
    for weights in (pose_weights, light_weights):
        list(build(collection, open_faces(f"folder:{photos}"), quick(weights), weights))
    photograph(photos / "a.png", seed=3)
    list(build(collection, open_faces(f"folder:{photos}"), quick(light_weights), light_weights))
    assert opened(collection, quick(pose_weights)).size == 1
    assert opened(collection, quick(light_weights)).size == 2


def test_damage_in_another_space_does_not_stop_a_build(
    collection: Collection,
    photos: Path,
    photograph: Photograph,
    quick: Callable[[Path], Engine],
    pose_weights: Path,
    light_weights: Path,
) -> None:
    photograph(photos / "a.png", seed=1)
    for weights in (pose_weights, light_weights):
        list(build(collection, open_faces(f"folder:{photos}"), quick(weights), weights))
    (collection.space_dir("pose-32") / "embeddings" / "000001.npy").unlink()
    photograph(photos / "b.png", seed=2)
    list(build(collection, open_faces(f"folder:{photos}"), quick(light_weights), light_weights))
    assert opened(collection, quick(light_weights)).size == 2
    list(build(collection, open_faces(f"folder:{photos}"), quick(pose_weights), pose_weights))
    assert opened(collection, quick(pose_weights)).size == 2


def test_the_kind_of_index_stays_unless_another_is_named(
    run: Run, collection: Collection, photos: Path, photograph: Photograph
) -> None:
    pytest.importorskip("faiss")
    photograph(photos / "a.png", seed=1)
    run(request=store.Request(kind="flat"))
    photograph(photos / "b.png", seed=2)
    run()
    space = collection.catalogue.spaces.get("pose-32")
    assert space.generation == 2
    directory = collection.space_dir("pose-32")
    first, second = (store.read_manifest(directory, generation) for generation in (1, 2))
    assert (first.kind, second.kind) == ("flat", "flat")
    assert first.main == second.main  # taken over, not made again
    assert second.images == 2


def test_a_build_says_what_its_index_costs_and_ends_with_the_images(
    collection: Collection,
    engine: Engine,
    pose_weights: Path,
    photos: Path,
    photograph: Photograph,
) -> None:
    pytest.importorskip("faiss")
    photograph(photos / "a.png", seed=1)
    steps = list(
        build(
            collection,
            open_faces(f"folder:{photos}"),
            engine,
            pose_weights,
            store.Request(kind="sq8"),
        )
    )
    notes = [step.note for step in steps if step.note]
    assert notes[0].startswith("Index of kind sq8: about ")
    assert notes[1] == "sq8: too few images to measure its accuracy with"
    assert (steps[-1].phase, steps[-1].note) == (None, None)
    assert (steps[-1].done, steps[-1].total, steps[-1].indexed) == (1, 1, 1)


def test_a_build_says_what_was_guessed_of_its_photographs(
    collection: Collection,
    engine: Engine,
    pose_weights: Path,
    photos: Path,
    photograph: Photograph,
) -> None:
    photograph(photos / "plain.png", seed=1)
    for number in range(3):
        with Image.open(photograph(photos / f"odd{number}.png", seed=2 + number)) as image:
            image.save(photos / f"odd{number}.png", exif=b"Exif\0\0rubbish")
    faces = open_faces(f"folder:{photos}")
    notes = [one.note for one in build(collection, faces, engine, pose_weights) if one.note]
    said = "odd0.png and 2 more: its EXIF orientation cannot be read; taken to be upright"
    assert notes.count(said) == 1
    again = [one.note for one in build(collection, faces, engine, pose_weights)]
    assert said not in again


def test_an_index_whose_file_is_lost_is_made_again(
    run: Callable[..., BuildProgress],
    collection: Collection,
    engine: Engine,
    photos: Path,
    photograph: Photograph,
) -> None:
    pytest.importorskip("faiss")
    photograph(photos / "a.png", seed=1)
    run(request=store.Request(kind="sq8"))
    found = search(collection, engine)
    (collection.space_dir("pose-32") / "index" / "000001" / "index.faiss").unlink()
    run()
    assert collection.catalogue.spaces.get("pose-32").generation == 2
    assert search(collection, engine) == found


def test_images_of_another_folder_in_a_lost_shard_are_counted(
    run: Run, collection: Collection, photos: Path, photograph: Photograph, tmp_path: Path
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    (collection.space_dir("pose-32") / "embeddings" / "000001.npy").unlink()
    photograph(tmp_path / "others" / "b.png", seed=2)
    assert run(open_faces(f"folder:{tmp_path / 'others'}")).lost == 1
    assert run(open_faces(f"folder:{photos}")).lost == 0


def test_a_duplicate_is_listed_and_indexed_once(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "a.png", seed=1)
    shutil.copy(photos / "a.png", photos / "b.png")
    assert run() == BuildProgress(2, 2, indexed=1, known=0, skipped=0, duplicates=1)
    assert [name for name, _ in search(collection, engine)] == ["a.png"]
    shutil.copy(photos / "a.png", photos / "c.png")
    assert run() == BuildProgress(3, 3, indexed=0, known=1, skipped=0, duplicates=2)
    copies = [str(photos / name) for name in ("b.png", "c.png")]
    assert describe(collection)["duplicates"] == [
        {"path": path, "same_as": str(photos / "a.png")} for path in copies
    ]


@pytest.mark.parametrize("names", [("cat#1.png", "dog.png"), ("a#", "b"), ("#1.png", "#2.png")])
def test_names_with_a_number_sign_are_as_good_as_others(
    run: Run, collection: Collection, photos: Path, photograph: Photograph, names: tuple[str, str]
) -> None:
    first, second = (photos / name for name in names)
    photograph(photos / "x.png", seed=1).rename(first)
    shutil.copy(first, second)
    expected = [{"path": str(second), "same_as": str(first)}]
    for _ in range(2):
        run(face_set(photos, *names))
        assert describe(collection)["duplicates"] == expected


def test_what_the_reader_could_not_use_is_listed_by_its_absolute_path(
    run: Run,
    collection: Collection,
    photos: Path,
    photograph: Photograph,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photograph(photos / "good.png", seed=1)
    (photos / "link.png").symlink_to("good.png")
    monkeypatch.chdir(photos)
    run(open_faces("folder:."))
    monkeypatch.chdir("/")
    run()
    assert [path for path, _ in collection.catalogue.images.unreadable()] == [
        str(photos / "link.png")
    ]


def test_a_link_that_becomes_a_photograph_is_indexed(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    (photos / "a.png").symlink_to("gone.png")
    assert run().skipped == 1
    (photos / "a.png").unlink()
    photograph(photos / "a.png", seed=1)
    assert run().indexed == 1
    assert skipped(collection) == {}
    assert [name for name, _ in search(collection, engine)] == ["a.png"]


def test_a_folder_of_nothing_but_bad_files_makes_a_space_that_finds_nothing(
    run: Run, collection: Collection, engine: Engine, photos: Path
) -> None:
    (photos / "text.png").write_text("this is no image")
    assert run() == BuildProgress(done=1, total=1, indexed=0, known=0, skipped=1)
    with pytest.raises(IndexFileError, match="holds no images. Add some, then build"):
        opened(collection, engine)


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_build(
    run: Run,
    collection: Collection,
    engine: Engine,
    photos: Path,
    photograph: Photograph,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "KEPT_BYTES", 0)  # so that it is read twice
    contents = [photograph(photos / f"{n}.png", seed=n).read_bytes() for n in range(2)]
    reads = iter([contents[0], contents[1], contents[1], contents[1]])
    faces = face_set(photos, "a", reader=lambda _face: next(reads))
    assert run(faces).skipped == 1
    assert skipped(collection) == {"a": "changed while it was being read; build again"}
    assert run(faces).indexed == 1
    assert skipped(collection) == {}
    assert [name for name, _ in search(collection, engine)] == ["a"]


def test_images_inside_a_container_are_read_through_it(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    content = {f"{n}": photograph(photos / f"{n}.png", seed=n).read_bytes() for n in range(3)}

    def read(face: Face) -> bytes:
        if face.name not in content:
            raise ImageError("the container has no such image")
        return content[face.name]

    faces = face_set(photos / "box.zip", "0", "1", "2", "3", reader=read)
    for indexed, known in ((3, 0), (0, 3)):
        last = run(faces)
        assert (last.indexed, last.known, last.skipped) == (indexed, known, 1)
    assert {name for name, _ in search(collection, engine)} == {"0", "1", "2"}
    assert skipped(collection) == {"3": "the container has no such image"}


# Weights, spaces, damage


def test_other_weights_of_the_same_name_are_refused(
    run: Run,
    collection: Collection,
    quick: Callable[[Path], Engine],
    make_weights: Callable[..., Path],
    photos: Path,
    photograph: Photograph,
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    before = files_below(collection.root / "spaces")
    other = make_weights("pose-32", seed=9)
    with pytest.raises(
        IndexFileError,
        match=f"The space pose-32 of {collection.root} was made under another contract: weights_s",
    ):
        list(build(collection, open_faces(f"folder:{photos}"), quick(other), other))
    assert files_below(collection.root / "spaces") == before


def test_two_spaces_hold_the_same_images_each_in_its_own_state(
    run: Run,
    collection: Collection,
    quick: Callable[[Path], Engine],
    light_weights: Path,
    photos: Path,
    photograph: Photograph,
) -> None:
    photograph(photos / "a.png", seed=1)
    faces = open_faces(f"folder:{photos}")
    run()
    photograph(photos / "b.png", seed=2)
    list(build(collection, open_faces(f"folder:{photos}"), quick(light_weights), light_weights))
    assert states(collection) == {"indexed": 1, "pending": 1}
    assert states(collection, "light-32") == {"indexed": 2}
    assert collection.catalogue.images.count() == 2
    assert len(faces) == 1


def test_a_space_keeps_a_copy_of_its_weights(
    run: Run, collection: Collection, pose_weights: Path, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    for suffix in (".safetensors", ".json"):
        kept = collection.weights_path("pose-32").with_suffix(suffix)
        assert kept.read_bytes() == pose_weights.with_suffix(suffix).read_bytes()
    assert not list(collection.root.rglob("*.partial"))


def test_a_space_can_be_built_on_with_its_own_copy(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    photograph(photos / "b.png", seed=2)
    kept = collection.weights_path("pose-32")
    last = list(build(collection, open_faces(f"folder:{photos}"), engine, kept))[-1]
    assert (last.indexed, last.known) == (1, 1)
    copy_weights(kept, kept, "not looked at")
    assert load_weights(kept)[1] == engine.card


def test_the_index_can_be_rebuilt_without_the_images(
    run: Run, collection: Collection, engine: Engine, photos: Path, photograph: Photograph
) -> None:
    for number in range(5):
        photograph(photos / f"{number}.png", seed=number)
    run()
    found = search(collection, engine)
    shutil.rmtree(collection.space_dir("pose-32") / "index")
    with pytest.raises(IndexFileError, match=r"manifest\.json is missing\. Build it again"):
        opened(collection, engine)
    run(face_set(photos))
    assert search(collection, engine) == found
    for generation, name in ((2, "manifest.json"), (3, "excluded.npy")):
        index = collection.space_dir("pose-32") / "index" / f"{generation:06d}"
        (index / name).write_bytes(b"{}")
        run(face_set(photos))
        assert search(collection, engine) == found


def test_images_of_a_lost_shard_are_embedded_again(
    run: Run,
    collection: Collection,
    engine: Engine,
    photos: Path,
    photograph: Photograph,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(6):
        photograph(photos / f"{number}.png", seed=number)
    run()
    found = search(collection, engine)
    embeddings = collection.space_dir("pose-32") / "embeddings"
    (embeddings / "000001.npy").unlink()
    (embeddings / "000003.ids.npy").write_bytes(b"torn")
    assert run().indexed == 4
    assert sorted(search(collection, engine)) == sorted(found)
    space = collection.catalogue.spaces.get("pose-32")
    assert [row.number for row in collection.catalogue.spaces.shards(space.id)] == [2, 4, 5]


def test_only_the_last_two_generations_stay(
    run: Run, collection: Collection, photos: Path, photograph: Photograph
) -> None:
    for number in range(4):
        photograph(photos / f"{number}.png", seed=number)
        run()
    index = collection.space_dir("pose-32") / "index"
    assert sorted(path.name for path in index.iterdir()) == ["000003", "000004"]


def test_a_lost_copy_of_the_weights_is_made_again(
    run: Run, collection: Collection, photos: Path, photograph: Photograph, pose_weights: Path
) -> None:
    photograph(photos / "a.png", seed=1)
    run()
    copy = collection.weights_path("pose-32")
    copy.unlink()
    run()
    assert copy.read_bytes() == pose_weights.read_bytes()


def test_a_face_set_without_faces_is_one_step(run: Run, photos: Path) -> None:
    assert run(face_set(photos)) == BuildProgress(0, 0, 0, 0, 0)


def test_a_space_named_as_no_folder_can_be_is_refused(
    collection: Collection, engine: Engine, pose_weights: Path, photos: Path
) -> None:
    engine.card = replace(engine.card, name="../up")
    with pytest.raises(WeightsError, match=r"Weights named '\.\./up' cannot name a space"):
        list(build(collection, face_set(photos), engine, pose_weights))
    assert not (collection.root / "spaces").exists()
