"""Training: what the options ask for, and how a stopped one goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.runs.request import TrainRequest
from generator.runs.run import TrainingProgress
from tests.running import Mindseye


def test_the_options_of_train_make_the_request(
    mindseye: Mindseye, faces_spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[TrainRequest, bool]] = []

    def train(request: TrainRequest, *, resume: bool) -> Iterator[TrainingProgress]:
        seen.append((request, resume))
        yield TrainingProgress("stage 1", 1, 2, 0.5)

    monkeypatch.setattr("generator.runs.run.train", train)
    (tmp_path / "c.toml").write_text("[train]\nbatch_size = 7\n")
    ran = mindseye(
        *("train", faces_spec, "--architecture", "two-stage-60", "--attribute", "light"),
        *("--attribute", "pose", "--recipe", "paper", "--out", "runs/x", "--config", "c.toml"),
        *("--steps", 3, "--train-identities", "0.6", "--seed", 5, "--device", "cpu", "--resume"),
        *("--crop", "1,2,30,30"),
    )
    assert (ran.status, ran.out) == (0, "Weights: runs/x\n")
    ((request, resume),) = seen
    assert resume
    assert (request.architecture, request.attributes) == ("two-stage-60", ("light", "pose"))
    assert (request.recipe.name, request.seed) == ("paper", 5)
    assert (request.recipe.train.steps, request.recipe.train.batch_size) == (3, 7)
    assert request.train_identities == ("p1", "p2", "p3")
    assert (request.out, str(request.crop)) == (Path("runs/x"), "1,2,30,30")
    mindseye(
        *("train", faces_spec, "--architecture", "two-stage-32", "--attribute", "pose"),
        *("--out", "runs/y", "--fold", "1/5"),
    )
    assert seen[1][0].train_identities == ("p2", "p3", "p4", "p5")
    assert (seen[1][0].recipe.name, seen[1][1]) == ("fast", False)


def test_a_protocol_says_which_images_are_learnt_from_and_how_values_are_called(
    mindseye: Mindseye, faces_spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[TrainRequest] = []

    def train(request: TrainRequest, *, resume: bool) -> Iterator[TrainingProgress]:
        assert not resume
        seen.append(request)
        yield TrainingProgress("stage 1", 1, 2, 0.5)

    monkeypatch.setattr("generator.runs.run.train", train)
    (tmp_path / "mine.toml").write_text(
        '[names.light]\nleft = "west"\nright = "east"\n[gallery]\npose = ["0", "45"]\n'
    )
    asked = ("train", faces_spec, "--architecture", "two-stage-32", "--attribute", "light")
    assert mindseye(*asked, "--out", "runs/x", "--protocol", "mine.toml").status == 0
    (request,) = seen
    assert len(request.faces) == 20
    assert set(request.faces.space["light"].values) == {"west", "east"}
    assert request.train_identities == ("p1", "p2", "p3", "p4", "p5")
    assert request.to_json()["about"] == {
        "names": {"light": {"left": "west", "right": "east"}},
        "gallery": {"pose": ["0", "45"]},
    }
    (tmp_path / "split.toml").write_text('[split]\ntrain_identities = "3"\n')
    mindseye(*asked, "--out", "runs/y", "--protocol", "split.toml")
    mindseye(*asked, "--out", "runs/z", "--protocol", "split.toml", "--train-identities", "2")
    assert [len(one.train_identities) for one in seen[1:]] == [3, 2]


def test_a_stopped_training_says_how_to_go_on(
    mindseye: Mindseye, faces_spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(_request: TrainRequest, *, resume: bool) -> Iterator[TrainingProgress]:
        assert not resume
        yield TrainingProgress("reading", 1, 30)
        raise KeyboardInterrupt

    monkeypatch.setattr("generator.runs.run.train", train)
    ran = mindseye(
        *("train", faces_spec, "--architecture", "two-stage-32", "--attribute", "pose"),
        *("--out", "runs/x"),
    )
    assert (ran.status, ran.out) == (130, "")
    assert "Stopped; what was finished is kept. Add --resume to the same command" in ran.err
