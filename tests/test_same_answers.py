"""The command line and Python give the same answer, as both ask the same functions."""

import json
import pickle
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

import mindseye as front  # noqa: TID251  its tests may
from gallery.readers.registry import open_faces
from generator.engine import Engine
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.show import describe
from tests.retrieval.test_golden import NAMES, Golden, images, needs_the_recogniser, unpack
from tests.running import Mindseye

__all__ = ["images"]  # a fixture


def without_times(answer: Any) -> Any:
    """Return an answer as JSON, without what no two answers have in common."""
    return {
        key: said for key, said in json.loads(json.dumps(answer)).items() if key != "timings_ms"
    }


@pytest.mark.parametrize("wish", ["pose=45", "light=left"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"crop": "2,2,30,30"},
        {"exclude_source": True, "where": "pose != 0"},
        {"min_score": 0.9},
    ],
    ids=["plain", "crop", "part", "best"],
)
def test_a_search_finds_what_the_command_finds(
    mindseye: Mindseye,
    collection_dir: Path,
    faces_dir: Path,
    wish: str,
    options: dict[str, Any],
) -> None:
    given: list[object] = []
    for name, value in options.items():
        given += [f"--{name.replace('_', '-')}", *([] if value is True else [value])]
    source = faces_dir / "p1-0-left.png"
    told = mindseye(
        *("query", source, "--wish", wish, "-k", 7, "--json", "--collection", collection_dir),
        *given,
    ).json
    with front.open_gallery(collection_dir) as gallery:
        name, _, value = wish.partition("=")
        answer = gallery.search(source, {name: value}, 7, **options)
        assert without_times(answer.to_json()) == without_times(told)
        assert [hit.path for hit in answer] == [hit["path"] for hit in told["hits"]]


def test_a_photograph_that_the_gallery_does_not_know_is_cut_alike(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path
) -> None:
    shutil.copy(faces_dir / "p1-0-left.png", "known.png")
    photo = Path("wide.png")
    front.load_faces(f"folder:{faces_dir}").load(open_faces(f"folder:{faces_dir}").faces[0]).resize(
        (60, 40)
    ).save(photo)
    for path in (photo, Path("known.png")):
        ran = mindseye("query", path, "--wish", "pose=0", "--json", "--collection", collection_dir)
        with front.open_gallery(collection_dir) as gallery:
            answer = gallery.search(path, "pose=0")
        assert without_times(answer.to_json()) == without_times(ran.json)
        assert ran.err.splitlines() == list(answer.notes)
        assert bool(answer.notes) == (path == photo)


def test_a_file_of_the_gallery_is_cut_by_its_landmarks_in_python_too(
    mindseye: Mindseye, faces_dir: Path, pose_weights: Path, tmp_path: Path
) -> None:
    album = Path(shutil.copytree(faces_dir, tmp_path / "album"))
    Path("marks.csv").write_text(
        "path,left_eye_x,left_eye_y,right_eye_x,right_eye_y,chin_x,chin_y\n"
        "p1-0-left.png,24,14,16,14,20,27\n",
        "utf-8",
    )
    with front.open_gallery("mine", create=True) as gallery:
        gallery.add(f"folder:{album}", weights=pose_weights, landmarks="marks.csv")
        answer = gallery.search(album / "p1-0-left.png", {"pose": 45}, k=3)
        elsewhere = gallery.search(album / "p1-0-left.png", {"pose": 45}, k=3, crop="0,0,40,40")
    told = mindseye(
        *("query", album / "p1-0-left.png", "--wish", "pose=45", "-k", 3, "--json"),
        *("--collection", "mine"),
    ).json
    assert without_times(answer.to_json()) == without_times(told)
    assert answer.to_json()["drawn"] != elsewhere.to_json()["drawn"]


def test_both_choose_the_same_score_for_a_new_space(
    mindseye: Mindseye, faces_spec: str, make_fitted_weights: Callable[..., Path]
) -> None:
    weights = make_fitted_weights(
        fusion={"clip": -10.0, "without_identity": {"log_probability": 0.2}}
    )
    built = mindseye("index", "build", faces_spec, "--weights", weights, "--collection", "told")
    assert built.status == 0, built.err
    notes: list[str] = []
    with front.open_gallery("asked", create=True) as gallery:
        gallery.add(
            faces_spec, weights=weights, progress=lambda step: notes.append(step.note or "")
        )
        (space,) = gallery.show()["spaces"]
    (told,) = mindseye("index", "show", "--collection", "told", "--json").json["spaces"]
    assert (space["score"], space["hypotheses"]) == (told["score"], told["hypotheses"])
    assert space["score"] == "drawing+values"
    with closing(Collection.open_or_create(Path("built"))) as collection:
        with collection.writing():
            list(
                build(
                    collection,
                    open_faces(faces_spec),
                    Engine.open(weights, torch.device("cpu")),
                    weights,
                )
            )
        (space,) = describe(collection)["spaces"]
        assert (space["score"], space["hypotheses"]) == (told["score"], told["hypotheses"])
    assert [note for note in notes if note] == [
        line for line in built.err.splitlines() if line.startswith("Score: ")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_collection_answers_both_alike(
    mindseye: Mindseye, name: str, tmp_path: Path, images: Path
) -> None:
    pytest.importorskip("faiss", reason='needs FAISS: pip install "mindseye[cpu]"')
    golden: Golden = unpack(name, tmp_path)
    needs_the_recogniser(golden)
    with front.open_gallery(golden.root) as gallery:
        for number, asked in enumerate(golden.answers[:4]):
            source = images / asked["source"]
            told = mindseye(
                *("query", source, "--wish", asked["wish"], "--json"),
                *("--collection", golden.root),
            )
            answer = gallery.search(source, asked["wish"])
            assert without_times(answer.to_json()) == without_times(told.json)
            said = told.err.splitlines()  # of a space, an open gallery says it once
            again = [line for line in said if "no longer at their place" in line]  # of an answer
            assert list(answer.notes) == (said if number == 0 else again)
        listed = mindseye("index", "show", "--where", "id < 4", "--collection", golden.root)
        assert listed.out == "".join(f"{row}\n" for row in gallery.images("id < 4"))
        for command, report in (("show", gallery.show()), ("verify", gallery.verify())):
            there = ("index", command, "--collection", golden.root)
            assert mindseye(*there).out == f"{report}\n"
            assert mindseye(*there, "--json").json == json.loads(json.dumps(report))


def test_what_is_told_is_a_dictionary_that_prints_itself(collection_dir: Path) -> None:
    with front.open_gallery(collection_dir) as gallery:
        told = gallery.show()
        assert str(told).startswith(f"{collection_dir}: 30 images\nspace ")
        assert pickle.loads(pickle.dumps(told)) == told  # noqa: S301  our own
        assert str(pickle.loads(pickle.dumps(told))) == str(told)  # noqa: S301
        assert gallery.meant_space("pose=45") is None


def test_both_remove_compact_and_carry_alike(
    mindseye: Mindseye, collection_dir: Path, faces_dir: Path, tmp_path: Path
) -> None:
    copies = [shutil.copytree(collection_dir, tmp_path / name) for name in ("told", "asked")]
    told, asked = copies
    away = ("index", "remove", "--identity", "p2", "--collection", told)
    would = mindseye(*away, "--dry-run", "--json").json
    gone = mindseye(*away, "--json").json["removed"]
    packed = mindseye("index", "compact", "--collection", told, "--json").json
    steps: list[front.Progress] = []
    with front.open_gallery(asked) as gallery:
        assert gallery.remove(identities=["p2"], dry_run=True) == would["removed"]
        removed = gallery.remove(identities=["p2"])
        assert (removed, removed.notes) == (gone, ())
        assert len(removed) == 6
        assert gallery.compact(progress=steps.append) == packed
        archive = gallery.export(tmp_path / "asked.tar", progress=steps.append)
        with pytest.raises(front.UserError, match="A PATH is empty"):
            gallery.remove([""])
    assert mindseye("index", "export", "told.tar", "--collection", told).status == 0
    assert mindseye("index", "import", archive, "--collection", "one").status == 0
    with front.import_gallery("told.tar", "other", progress=steps.append) as other:
        shown, source = other.show(), faces_dir / "p1-0-left.png"
        (first, *_) = other.search(source, {"pose": 45})
    states = shown["spaces"][0]["states"]
    assert (states["indexed"], states["removed"]) == (24, 6)
    with front.open_gallery("one") as one:
        kept = one.show()
        for told_space, space in zip(kept["spaces"], shown["spaces"], strict=True):
            assert told_space.pop("published_at") != space.pop("published_at")
            assert told_space == space
        assert one.search(source, {"pose": 45})[0] == first
    assert {"packing", "unpacking"} <= {step.phase for step in steps}


def test_damage_is_told_and_mended_alike(
    mindseye: Mindseye, collection_dir: Path, tmp_path: Path
) -> None:
    told, asked = (shutil.copytree(collection_dir, tmp_path / n) for n in ("told", "asked"))
    for root in (told, asked):
        next(root.glob("spaces/*/embeddings/*.npy")).write_bytes(b"nothing")
    with front.open_gallery(asked) as gallery:
        found = gallery.verify()
        after = gallery.verify(mend=True)
    assert not found["ok"]
    assert (after["found"], after["pending"]) == (found, 30)
    ran = mindseye("index", "verify", "--repair", "--collection", told)
    assert ran.out == f"{found}\n".replace(str(asked), str(told))
    assert "30 images wait to be built again" in ran.err
    assert ran.status == (0 if after["ok"] else 1)


def test_weights_are_listed_and_shown_alike(mindseye: Mindseye, pose_weights: Path) -> None:
    listed, shown = front.list_weights(), front.show_weights(pose_weights)
    assert mindseye("weights", "list").out == f"{listed}\n"
    assert mindseye("weights", "list", "--json").json == json.loads(json.dumps(listed.to_json()))
    assert mindseye("weights", "show", pose_weights).out == f"{shown}\n"
    assert mindseye("weights", "show", pose_weights, "--json").json == shown.to_json()
    assert [one.name for one in listed] == [one.name for one in listed[:]]
    (pose,) = (one for one in listed if one.name == "pose-mindseye-60")
    assert "45" in pose.attributes["pose"]
    assert pose.licence == "Apache-2.0"
