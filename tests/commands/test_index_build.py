"""Building an index: of good and bad files, of a part of the people, stopped and refused."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from tests.running import Mindseye, one_line_error


def test_a_folder_of_50_files_good_and_bad_is_indexed(
    mindseye: Mindseye, holiday: Path, light_weights: Path
) -> None:
    ran = mindseye("index", "build", f"folder:{holiday}", "--weights", light_weights.parent)
    assert (ran.status, ran.out) == (
        0,
        "light-32: 44 images indexed, 0 known already, 1 duplicates, 5 files left out\n",
    )
    assert "Reasons: mindseye index show --collection mindseye-collection\n" in ran.err
    shown = mindseye("index", "show", "--json").json
    assert list(shown) == [
        *(
            "collection",
            "engine",
            "images",
            "unreadable_files",
            "duplicates",
            "contradictions",
            "spaces",
        )
    ]
    assert shown["duplicates"] == [
        {"path": str(holiday / "z duplicate.png"), "same_as": str(holiday / "photo 5.png")}
    ]
    (space,) = shown["spaces"]
    assert list(space) == [
        *("name", "weights_sha256", "architecture", "attributes", "score"),
        *("confidence", "profile", "advice"),
        *("hypotheses", "canonical", "landmarks", "min_score", "runtime", "generation"),
        *("published_at", "kind", "vectors", "dimension", "index", "strangers"),
        *("states", "skipped"),
    ]
    assert space["states"] == {"indexed": 44, "skipped": 3, "removed": 0, "pending": 0}
    reasons = {Path(one["path"]).name: one["reason"] for one in space["skipped"]}
    assert {name: reason[:17] for name, reason in reasons.items()} == {
        "truncated.jpg": "damaged or trunca",
        "empty.jpg": "empty file (0 byt",
        "text.png": "not an image of a",
        "huge.png": "20000 x 20000 pix",
        "link.jpg": "not a regular fil",
    }
    for path in (one["path"] for one in space["skipped"]):
        assert Path(path).is_absolute()
    text = mindseye("index", "show").out
    for name, reason in reasons.items():
        assert f"  skipped {holiday / name}: {reason}\n" in text
    assert f"duplicate {holiday}/z duplicate.png: same as {holiday}/photo 5.png\n" in text

    answer = mindseye("query", holiday / "rotated.jpg", "--wish", "light=left", "-k", 60, "--json")
    found = [Path(hit["path"]).name for hit in answer.json["hits"]]
    good = {path.name for path in holiday.iterdir()} - reasons.keys() - {"z duplicate.png"}
    assert (set(found), len(found)) == (good, 44)


def test_a_gallery_without_labels_is_indexed_for_poses(mindseye: Mindseye, faces_dir: Path) -> None:
    photo = shutil.copy(faces_dir / "p1-0-left.png", "one.png")
    Path("photos").mkdir()
    shutil.copy(photo, "photos")
    built = mindseye("index", "build", "folder:photos", "--device", "cpu")
    assert built.status == 0, built
    assert "Weights: pose-mindseye-60 (packaged)" in built.err
    assert "pose-mindseye-60: 1 images indexed" in built.out
    answer = mindseye("query", photo, "--wish", "pose=30", "--device", "cpu", "--json").json
    assert answer["space"] == "pose-mindseye-60"
    assert len(answer["hits"]) == 1


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Build nothing, and tell whom each build was given."""
    seen: list[set[str]] = []

    def build(_collection: Any, faces: Any, *_: Any, **__: Any) -> Iterator[BuildProgress]:
        seen.append(set(faces.identities))
        yield BuildProgress(0, 0, 0, 0, 0)

    monkeypatch.setattr("retrieval.collection.build.build", build)
    return seen


@pytest.mark.parametrize(
    ("split", "people"), [("train", {"p1", "p2", "p3"}), ("test", {"p4", "p5"})]
)
def test_a_split_takes_the_people_on_the_card_or_the_others(
    mindseye: Mindseye,
    faces_spec: str,
    pose_weights: Path,
    indexed: list[set[str]],
    split: str,
    people: set[str],
) -> None:
    mindseye("index", "build", faces_spec, "--weights", pose_weights, "--split", split)
    assert indexed == [people]


def test_people_that_something_was_fitted_on_are_on_the_card_too(
    mindseye: Mindseye,
    faces_spec: str,
    make_fitted_weights: Callable[..., Path],
    indexed: list[set[str]],
) -> None:
    weights = make_fitted_weights(fusion={"fitted_on": {"people": ["p3"]}})
    for split in ("train", "test"):
        mindseye("index", "build", faces_spec, "--weights", weights, "--split", split)
    assert indexed == [{"p1", "p2", "p3"}, {"p4", "p5"}]


def test_a_shortcut_is_part_of_the_space_and_still_answers(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, faces_dir: Path
) -> None:
    given = ("--weights", pose_weights, "--collection", "short")
    assert mindseye("index", "build", faces_spec, *given, "--refine-best", 2).status == 0
    contract = json.loads(Path("short/spaces/pose-32/contract.json").read_text("utf-8"))
    assert contract["canonicalisation"] == "reconstruction, best 2 refined"
    photo = faces_dir / "p1-0-left.png"
    ran = mindseye("query", photo, "--wish", "pose=45", "--collection", "short", "--json")
    assert len(ran.json["hits"]) == 10


def test_a_stopped_build_says_how_to_go_on(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        yield BuildProgress(1, 30, 1, 0, 0)
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.collection.build.build", build)
    ran = mindseye("index", "build", faces_spec, "--weights", pose_weights)
    assert (ran.status, ran.out) == (130, "")
    assert "Stopped; what was finished is kept. Run the same command again" in ran.err


def test_ctrl_c_finishes_the_batch_in_hand_and_twice_stops_at_once(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def build(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            seen.append("the batch in hand")
            yield BuildProgress(1, 30, 1, 0, 0)
            seen.append("another")
        finally:
            seen.append("closed")

    monkeypatch.setattr("retrieval.collection.build.build", build)
    before = signal.getsignal(signal.SIGINT)
    ran = mindseye("index", "build", faces_spec, "--weights", pose_weights)
    assert (ran.status, seen) == (130, ["the batch in hand", "closed"])
    assert "Finishing the batch in hand; Ctrl-C again stops at once." in ran.err
    assert "Stopped; what was finished is kept. Run the same command again" in ran.err
    assert signal.getsignal(signal.SIGINT) is before

    def twice(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        seen.append("never")
        yield BuildProgress(1, 30, 1, 0, 0)

    monkeypatch.setattr("retrieval.collection.build.build", twice)
    assert mindseye("index", "build", faces_spec, "--weights", pose_weights).status == 130
    assert "never" not in seen


def test_a_second_build_is_told_of_the_first(
    mindseye: Mindseye,
    collection_dir: Path,
    faces_spec: str,
    pose_weights: Path,
    tmp_path: Path,
) -> None:
    copied = Path(shutil.copytree(collection_dir, tmp_path / "copied"))
    collection = Collection.open(copied)
    with collection.writing():
        ran = mindseye(
            *("index", "build", faces_spec, "--weights", pose_weights, "--collection", copied)
        )
    collection.close()
    assert f"is being written to by process {os.getpid()} on" in one_line_error(ran)


def test_refining_few_is_kept_as_the_other_options_are(
    mindseye: Mindseye, faces_spec: str, pose_weights: Path
) -> None:
    given = ("index", "build", faces_spec, "--weights", pose_weights, "--collection", "mine")
    assert mindseye(*given, "--refine-best", 2).status == 0
    again = mindseye(*given)
    assert (again.status, "0 images indexed, 30 known already" in again.out) == (0, True)
    other = mindseye(*given, "--refine-best", 3)
    assert "another contract: canonicalisation: reconstruction" in one_line_error(other)
