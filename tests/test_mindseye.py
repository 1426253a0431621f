"""The Python front door: what can be asked of it, and what it costs to import."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mindseye  # noqa: TID251  its tests may
from tests.retrieval.recognising import FUSION, Colours, tell_by_colours

ROOT = Path(__file__).parents[1]
PUBLIC = {
    *("Demonstration", "Removed", "Report", "WeightsCard", "WeightsList"),
    *("demo", "import_gallery", "list_weights", "show_weights"),
    *("Added", "Answer", "FaceSet", "Gallery", "Generator", "Progress", "Reasons", "UserError"),
    *("Benchmark", "FitResult", "benchmark", "fit", "train", "Adapted", "adapt"),
    *("find_faces", "load_faces", "load_generator", "open_gallery"),
    *(
        "CanonicalView",
        "LocatedFace",
        "Photograph",
        "SourceFace",
        "WishDrawing",
        "open_photograph",
        "demo_gallery",
    ),
    *("StudentReport", "distil", "measure_student"),
}


def test_the_public_names_are_those_that_were_promised() -> None:
    assert set(mindseye.__all__) == PUBLIC
    assert dir(mindseye) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(mindseye, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'open_galery'"):
        mindseye.open_galery  # noqa: B018


def test_importing_the_front_door_loads_nothing_heavy() -> None:
    code = """
import sys
import mindseye
heavy = {"torch", "pydantic", "sqlalchemy", "numpy", "PIL", "faiss", "onnxruntime"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


@pytest.fixture
def gallery(collection_dir: Path) -> mindseye.Gallery:
    return mindseye.open_gallery(collection_dir)


def test_an_answer_is_a_sequence_of_hits_that_shows_itself(
    gallery: mindseye.Gallery, faces_dir: Path, tmp_path: Path
) -> None:
    with gallery:
        answer = gallery.search(faces_dir / "p1-0-left.png", {"pose": 45}, k=3)
        assert isinstance(answer, mindseye.Answer)
        assert answer.to_json(embed=False)["drawn"] is None
        reasons = answer.explain()
        assert repr(reasons) == "<Reasons: 3 values drawn>"
        assert reasons._repr_png_().startswith(b"\x89PNG")
        assert len(answer) == 3
        assert [hit.rank for hit in answer] == [1, 2, 3]
        assert [hit.rank for hit in answer[1:]] == [2, 3]
        assert answer.wish == {"pose": "45"}
        assert (answer.space, answer.no_confidence) == ("pose-32", None)
        assert answer.drawn.size == answer.source.size == (32, 32)
        assert answer.sheet().width > 5 * 100
        assert json.loads(json.dumps(answer.to_json("there.png")))["drawn"] == "there.png"
        assert str(answer).startswith("pose=45  (space pose-32)\n  1  ")
        shown = answer._repr_html_()
        assert shown.count('<img src="data:image/png;base64,') == 2 + 3
        assert "drawn: pose=45" in shown
        reasons = answer.explain()
        assert len(reasons.to_json()["drawings"]) == 3
        assert reasons.sheet().size[0] > 0
        written = {path.name for path in reasons.write(tmp_path / "why")}
        assert {"sheet.png", "explain.json"} < written


def test_what_a_file_is_called_does_not_end_the_page(
    make_weights: Callable[..., Path], faces_dir: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "photos" / "<b>&.png"
    odd.parent.mkdir()
    odd.write_bytes((faces_dir / "p1-0-left.png").read_bytes())
    with mindseye.open_gallery(tmp_path / "mine", create=True) as mine:
        mine.add(f"folder:{odd.parent}", weights=make_weights("pose-32"))
        shown = mine.search(odd, {"pose": 45})._repr_html_()
    assert "&lt;b&gt;&amp;.png" in shown
    assert "<b>" not in shown


def test_an_open_image_can_be_asked_about(gallery: mindseye.Gallery, faces_dir: Path) -> None:
    path = faces_dir / "p1-0-left.png"
    with gallery, Image.open(path) as opened:
        by_path = gallery.search(path, {"pose": 45})
        by_image = gallery.search(opened, {"pose": 45})
        assert [hit.path for hit in by_image] == [hit.path for hit in by_path]
        with pytest.raises(mindseye.UserError, match="give the path of the source"):
            gallery.search(opened, {"pose": 45}, exclude_source=True)


def test_a_gallery_is_made_when_something_is_added(
    make_weights: Callable[..., Path], faces_spec: str, tmp_path: Path
) -> None:
    weights = make_weights("pose-32")
    steps: list[mindseye.Progress] = []
    with mindseye.open_gallery(tmp_path / "mine", create=True) as mine:
        assert mine.spaces == []
        with pytest.raises(mindseye.UserError, match="There is no collection"):
            mine.show()
        with pytest.raises(mindseye.UserError, match="missing"):
            mine.add(faces_spec, weights=tmp_path / "missing")
        assert not (tmp_path / "mine").exists()
        (added,) = mine.add(faces_spec, weights=weights, progress=steps.append)
        assert (added.space, added.indexed, added.skipped) == ("pose-32", 30, 0)
        assert steps[0].phase == "indexing with pose-32"
        assert (mine.spaces, mine.verify()["ok"]) == (["pose-32"], True)
        (again,) = mine.add(mindseye.load_faces(faces_spec))
        assert (again.indexed, again.known) == (0, 30)
        first = mine.search(tmp_path_of(mine), {"pose": 45}, k=1)[0]
        assert len(mine.remove(first.path)) == 1
        assert first.path not in {hit.path for hit in mine.search(tmp_path_of(mine), "pose=45", 30)}
        assert len(list(mine.images("pose=45"))) in {9, 10}
        assert mine.compact()
    with pytest.raises(mindseye.UserError, match="There is no collection"):
        mindseye.open_gallery(tmp_path / "nowhere")


def tmp_path_of(gallery: mindseye.Gallery) -> str:
    """Return the path of some image."""
    path: str = next(gallery.images("identity=p1"))["path"]
    return path


def test_what_progress_raises_ends_a_build_after_the_batch_in_hand(
    make_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("retrieval.collection.builder.BATCH", 4)

    class EnoughError(Exception):
        pass

    def stop(_: mindseye.Progress) -> None:
        raise EnoughError

    with mindseye.open_gallery(tmp_path / "mine", create=True) as mine:
        with pytest.raises(EnoughError):
            mine.add(faces_spec, weights=make_weights("pose-32"), progress=stop)
        (added,) = mine.add(faces_spec)
        assert added.known >= 4
        assert added.known + added.indexed == 30


def test_a_generator_draws_estimates_and_embeds(
    gallery: mindseye.Gallery, pose_weights: Path, faces_dir: Path
) -> None:
    path = faces_dir / "p1-0-left.png"
    generator = mindseye.load_generator(pose_weights, device="cpu")
    assert generator.attributes == {"pose": ("-45", "0", "45")}
    assert set(generator.estimate(path)) == {"pose"}
    with gallery:
        answer = gallery.search(path, {"pose": 45}, k=1, space="pose-32")
        assert generator.draw(path, {"pose": 45}).tobytes() == answer.drawn.tobytes()
        hit = answer[0]
    probe, found = generator.embed(path, {"pose": 45}), generator.embed(hit.path)
    assert probe.shape == found.shape
    assert np.linalg.norm(probe) == pytest.approx(1, abs=1e-5)
    assert float(probe @ found) == pytest.approx(hit.score, abs=1e-4)
    with pytest.raises(mindseye.UserError, match="no attribute estimator"):
        generator.probabilities(path)


def test_probabilities_sum_to_one(
    make_fitted_weights: Callable[..., Path], faces_dir: Path
) -> None:
    generator = mindseye.load_generator(make_fitted_weights(), device="cpu")
    shares = generator.probabilities(faces_dir / "p1-0-left.png")["pose"]
    assert list(shares) == ["-45", "0", "45"]
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"wish": {"pose": 46}}, "46"),
        ({"k": 0}, "at least 1"),
        ({"crop": "1,2"}, "X,Y,W,H"),
        ({"source": "missing.jpg"}, "missing.jpg"),
        ({"source": []}, "No source image"),
        ({"where": "pose ="}, "where|expression|value"),
    ],
)
def test_mistakes_are_user_errors(
    gallery: mindseye.Gallery, faces_dir: Path, asked: dict[str, object], message: str
) -> None:
    given: dict[str, object] = {"source": faces_dir / "p1-0-left.png", "wish": {"pose": 45}}
    with gallery, pytest.raises(mindseye.UserError, match=message):
        gallery.search(**{**given, **asked})  # type: ignore[arg-type]


def test_a_card_that_names_no_recogniser_is_said_so_once(
    tmp_path: Path,
    faces_dir: Path,
    make_fitted_weights: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell_by_colours(monkeypatch)
    for told, count in (("", 1), (Colours.fingerprint, 0)):
        weights = make_fitted_weights(fusion={"recogniser": told, **FUSION})
        with mindseye.open_gallery(tmp_path / f"kept {count}", create=True) as gallery:
            gallery.add(f"folder:{faces_dir}", weights=[str(weights)], score="fused")
            asked = [gallery.search(faces_dir / "p1-0-left.png", {"pose": 45}) for _ in range(2)]
        said = ["does not say which recogniser" in note for one in asked for note in one.notes]
        assert said.count(True) == count
        assert count == 0 or any("does not say" in note for note in asked[0].notes)
