import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from gallery.attributes import Condition
from gallery.errors import ConfigError, DatasetError, WeightsError
from gallery.faces import FaceSet
from gallery.files import file_sha256
from gallery.pixels import Aligned, align_all, align_each
from generator import checkpoint
from generator.checkpoint import load_checkpoint, load_weights, save_checkpoint
from generator.engine import Engine
from generator.runs import run
from generator.runs.request import CPU, TrainRequest
from generator.runs.run import TrainingProgress, train
from generator.runs.run_folder import CHECKPOINT_FILE, LOG_FILE, RUN_FILE
from generator.runs.samples import measure
from generator.runs.trainer import Trainer, TrainingStep
from generator.training.held_out import data_sha256
from generator.weights_file import find_weights

Paint = Callable[..., FaceSet]
Ask = Callable[..., TrainRequest]


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, paint: Paint, ask: Ask
) -> tuple[TrainRequest, list[TrainingProgress]]:
    """A run that was trained to its end, and what it said; to be read only."""
    folder = tmp_path_factory.mktemp("finished")
    request = ask(paint(folder / "faces", poses=2, lights=1), folder / "run", steps=3)
    return request, list(train(request))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, paint: Paint, ask: Ask) -> bytes:
    """The weights' file in which a request like `tiny` ends."""
    folder = tmp_path_factory.mktemp("unbroken")
    request = ask(paint(folder / "faces", people=2, poses=2, lights=1), folder / "run")
    list(train(request))
    return weights_of(request)


def weights_of(request: TrainRequest) -> bytes:
    return find_weights(str(request.out)).read_bytes()


def stop(request: TrainRequest, phase: str, done: int) -> None:
    """Begin a run, and leave it where it is."""
    running = train(request)
    for progress in running:
        if (progress.phase, progress.done) == (phase, done):
            return
    raise AssertionError(f"never came to {phase} {done}")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def log(request: TrainRequest) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (request.out / LOG_FILE).read_text().splitlines()]


def part(request: TrainRequest, people: list[str]) -> Aligned:
    chosen = request.faces.of(people)
    return align_all(list(align_each(chosen, request.aligner())), "test")


# What a run leaves


def test_a_run_leaves_weights_card_log_and_pictures(
    finished: tuple[TrainRequest, list[TrainingProgress]],
) -> None:
    out = finished[0].out
    expected = ["log.jsonl", "run.json", "samples", "weights.json", "weights.safetensors"]
    assert names(out) == expected
    assert find_weights(str(out)) == out / "weights.safetensors"
    assert json.loads((out / RUN_FILE).read_text()) == finished[0].to_json()
    assert names(out / "samples") == [
        f"stage{stage}-00000{step}.png" for stage in (1, 2) for step in (2, 3)
    ]
    for picture in (out / "samples").iterdir():
        with Image.open(picture) as image:
            assert image.width > 4 * 128


def test_a_run_says_how_far_it_is(finished: tuple[TrainRequest, list[TrainingProgress]]) -> None:
    said = finished[1]
    assert [(p.phase, p.done, p.total) for p in said] == [
        *(("reading", done, 4) for done in (1, 2, 3, 4) * 2),
        *((f"stage {stage}", done, 3) for stage in (1, 2) for done in (1, 2, 3)),
        *(("measuring", done, 1) for done in (0, 1)),
    ]
    assert all(progress.problem is None for progress in said)
    assert said[-3].loss == log(finished[0])[-1]["loss"]


def test_the_card_says_how_the_weights_came_about(
    finished: tuple[TrainRequest, list[TrainingProgress]],
) -> None:
    request = finished[0]
    network, card = load_weights(request.out / "weights.safetensors")
    trained = part(request, ["s1", "s2"])
    assert network.config.code_size == 2
    assert (card.name, card.architecture, card.seed) == ("run", "two-stage-32", 0)
    assert card.space == request.faces.space.only(["pose"])
    assert card.aligner == request.aligner()
    assert card.mean == pytest.approx([trained.pixels.mean()])
    assert card.deviation == pytest.approx([trained.pixels.std()])
    assert card.train_identities == ("s1", "s2")
    assert card.data == {
        "spec": request.faces.spec,
        "images": 4,
        "pairs": 2 * 2 + 4,
        "sha256": data_sha256(trained),
    }
    assert card.recipe == {"name": "fast", **request.recipe.train.to_json()}
    assert card.network == {
        "middle_channels": 64,
        "feature_layer": "conv6",
        "code_branch": "layers",
        "projection": 0,
        "estimator": False,
    }
    assert card.sha256 == file_sha256(request.out / "weights.safetensors")


def test_the_card_says_what_was_measured_on_both_parts(
    finished: tuple[TrainRequest, list[TrainingProgress]],
) -> None:
    request = finished[0]
    engine = Engine.open(request.out / "weights.safetensors", CPU, precision=torch.float32)
    metrics = engine.card.metrics
    assert set(metrics) == {"train_loss", "train", "heldout"}
    assert metrics["train_loss"] == log(request)[-1]["loss"]
    for name, people in (("train", ["s1", "s2"]), ("heldout", ["s3", "s4"])):
        expected = measure(engine, part(request, people), 0)
        assert expected is not None
        assert metrics[name] == pytest.approx(expected, abs=0.02)
        assert metrics[name]["pairs"] == 4


def test_the_log_holds_the_last_step_of_either_stage_and_every_twentieth(
    finished: tuple[TrainRequest, list[TrainingProgress]],
) -> None:
    lines = log(finished[0])
    assert [(line["stage"], line["step"]) for line in lines] == [(1, 3), (2, 3)]
    assert list(lines[0]) == ["stage", "step", "loss", "learning_rate", "images_per_s"]
    assert all(line["images_per_s"] > 0 for line in lines)
    assert run.LOG_EVERY == 20


def test_a_log_line_holds_the_loss_and_the_rate_of_its_step(
    tiny: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOG_EVERY", 2)
    request = replace(tiny, recipe=replace(tiny.recipe, train=replace(tiny.recipe.train, steps=3)))
    said = [(p.phase, p.done, p.loss) for p in train(request) if p.phase.startswith("stage")]
    lines = log(request)
    assert [(line["stage"], line["step"]) for line in lines] == [(1, 2), (1, 3), (2, 2), (2, 3)]
    losses = [line["loss"] for line in lines]
    assert [loss for _, _, loss in said] == [None, *losses[:2], losses[1], *losses[2:]]
    config = request.recipe.train
    rise = (3 / 101, 2 / 101)  # of a warm-up of 100 steps
    assert lines[1]["learning_rate"] == pytest.approx(config.learning_rate * rise[0] * 0.25)
    assert lines[0]["learning_rate"] == pytest.approx(config.learning_rate * rise[1] * 0.75)


def test_pictures_show_people_held_out_and_the_second_stage_once_it_is_trained(
    tiny: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str | None], bool, str]] = []

    def spy(engine: Engine, part: Aligned, seed: int, *, refined: bool, title: str) -> Image.Image:
        del engine, seed
        seen.append(({face.identity for face in part.faces}, refined, title))
        return Image.new("L", (1, 1))

    monkeypatch.setattr(run, "sample_sheet", spy)
    list(train(tiny))
    assert seen == [
        ({"s2"}, False, "stage 1, step 2 (held out)"),
        ({"s2"}, True, "stage 2, step 2 (held out)"),
    ]
    seen.clear()
    list(train(replace(tiny, train_identities=("s1", "s2"), out=tiny.out / "all")))
    assert seen[0] == ({"s1", "s2"}, False, "stage 1, step 2 (trained on)")


def test_with_nobody_held_out_the_card_says_nothing_of_them(tiny: TrainRequest) -> None:
    request = replace(tiny, train_identities=("s1", "s2"))
    list(train(request))
    assert set(load_weights(request.out / "weights.safetensors")[1].metrics) == {
        "train_loss",
        "train",
    }


def test_a_few_people_held_out_are_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, paint: Paint, ask: Ask
) -> None:
    monkeypatch.setattr(run, "HELDOUT_PEOPLE", 1)
    request = ask(paint(tmp_path / "more", people=3, poses=2, lights=1), tmp_path / "run")
    request = replace(request, train_identities=("s1",))
    read = [p.total for p in train(request) if p.phase == "reading"]
    assert read == [2, 2, 2, 2]


def test_two_runs_of_one_request_end_in_the_same_bits(tiny: TrainRequest, unbroken: bytes) -> None:
    for seed, every in ((0, 500), (1, 2)):  # how often it is saved does not matter
        request = replace(tiny, seed=seed, checkpoint_every=every, out=tiny.out / str(seed))
        list(train(request))
        assert (weights_of(request) == unbroken) == (seed == 0)


# Refusals


def test_a_folder_with_other_files_may_be_trained_in(tiny: TrainRequest) -> None:
    tiny.out.mkdir()
    (tiny.out / "notes.txt").write_text("mine")
    stop(tiny, "stage 1", 1)
    assert (tiny.out / "notes.txt").read_text() == "mine"


def test_a_run_may_be_resumed_elsewhere_and_with_other_pauses(tiny: TrainRequest) -> None:
    stop(tiny, "stage 1", 2)
    moved = replace(tiny, out=tiny.out.with_name("moved"), checkpoint_every=1)
    tiny.out.rename(moved.out)
    list(train(moved, resume=True))
    assert find_weights(str(moved.out)).is_file()


def repaint(request: TrainRequest) -> None:
    """Change one pixel of an image that is trained on."""
    path = request.faces.root / "s1-0-0.png"
    with Image.open(path) as image:
        image.putpixel((20, 20), (255, 0, 255))
        image.save(path)


@pytest.mark.parametrize("change", ["pixel", "label", "image"])
def test_a_run_is_not_resumed_with_other_data(tiny: TrainRequest, change: str) -> None:
    stop(tiny, "stage 1", 2)
    faces = list(tiny.faces.faces)
    if change == "pixel":
        repaint(tiny)
    elif change == "label":
        faces[0] = replace(faces[0], condition=Condition(pose="-45", light="right"))
        faces[1] = replace(faces[1], condition=Condition(pose="0", light="right"))
    else:
        faces.append(replace(faces[0], name="s2-0-0.png"))
    request = replace(tiny, faces=replace(tiny.faces, faces=tuple(faces)))
    with pytest.raises(ConfigError, match="The images of .* are not those that .* begun with"):
        list(train(request, resume=True))


def test_other_images_of_people_held_out_do_not_matter(tiny: TrainRequest) -> None:
    stop(tiny, "stage 1", 2)
    shutil.copy(tiny.faces.root / "s2-1-0.png", tiny.faces.root / "s2-0-0.png")
    list(train(tiny, resume=True))
    assert find_weights(str(tiny.out)).is_file()


# Going on


def test_a_finished_run_is_left_as_it_is(
    finished: tuple[TrainRequest, list[TrainingProgress]],
) -> None:
    request = finished[0]
    before = {path: path.read_bytes() for path in request.out.glob("*.*")}
    stray = request.out / CHECKPOINT_FILE  # of a run killed between its card and this file's end
    stray.write_text("")
    assert list(train(request, resume=True)) == []
    assert {path: path.read_bytes() for path in request.out.glob("*.*")} == before


@pytest.mark.parametrize(
    ("phase", "done", "left"),
    [
        ("stage 1", 1, [("stage 1", 1), ("stage 1", 2), ("stage 2", 1), ("stage 2", 2)]),
        ("stage 1", 2, [("stage 2", 1), ("stage 2", 2)]),
        ("stage 2", 1, [("stage 2", 1), ("stage 2", 2)]),
        ("stage 2", 2, []),
        ("measuring", 0, []),
    ],
)
def test_a_resumed_run_does_again_what_was_done_since_its_last_checkpoint(
    tiny: TrainRequest, phase: str, done: int, left: list[tuple[str, int]]
) -> None:
    stop(tiny, phase, done)
    said = [(progress.phase, progress.done) for progress in train(tiny, resume=True)]
    assert [one for one in said if one[0].startswith("stage")] == left
    assert said[-1] == ("measuring", 1)


def test_a_run_that_could_not_save_its_weights_need_not_be_trained_again(
    tiny: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run, "save_weights", full)
        with pytest.raises(OSError, match="No space left"):
            list(train(tiny))
    phases = {progress.phase for progress in train(tiny, resume=True)}
    assert phases == {"reading", "measuring"}


def test_a_torn_checkpoint_says_how_to_begin_anew(tiny: TrainRequest, unbroken: bytes) -> None:
    stop(tiny, "stage 2", 1)
    file = tiny.out / CHECKPOINT_FILE
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors is damaged.*; delete it to b"):
        next(train(tiny, resume=True))
    file.unlink()
    list(train(tiny, resume=True))
    assert len(log(tiny)) == 2
    assert weights_of(tiny) == unbroken


def test_the_checkpoint_of_another_network_is_refused(tiny: TrainRequest) -> None:
    stop(tiny, "stage 1", 2)
    tensors, position = load_checkpoint(tiny.out / CHECKPOINT_FILE)
    tensors["network.first.image.conv1.weight"] = torch.zeros(1)
    save_checkpoint(tiny.out / CHECKPOINT_FILE, tensors, position)
    with pytest.raises(WeightsError, match="checkpoint does not fit this network.*conv1"):
        list(train(tiny, resume=True))


def test_what_a_kill_left_half_written_does_no_harm(tiny: TrainRequest) -> None:
    stop(tiny, "stage 1", 2)
    for name in (CHECKPOINT_FILE, RUN_FILE, "weights.safetensors", "weights.json", LOG_FILE):
        (tiny.out / f"{name}.tmp").write_bytes(b"half a fi")
    list(train(tiny, resume=True))
    assert not [name for name in names(tiny.out) if CHECKPOINT_FILE in name]
    assert not [name for name in names(tiny.out) if name.startswith("weights.") and ".tmp" in name]
    load_weights(find_weights(str(tiny.out)))


# Accidents


def test_a_loss_that_runs_away_stops_the_run(
    tmp_path: Path, paint: Paint, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LOG_EVERY", 3)
    faces = paint(tmp_path / "faces", people=2, poses=2, lights=1)
    request = ask(faces, tmp_path / "run", recipe="paper", steps=8, learning_rate=1e10)
    for every, step in ((1_000, 3), (2, 2)):  # seen where the loss is logged, or saved
        request = replace(request, checkpoint_every=every, out=tmp_path / str(every))
        message = rf"at step {step} of stage 1 the loss is (nan|inf)\. Lower learning_rate .*--out"
        with pytest.raises(ConfigError, match=message):
            list(train(request))
        assert CHECKPOINT_FILE not in names(request.out)
    with pytest.raises(WeightsError, match="holds no weights"):
        find_weights(str(request.out))


def test_weights_that_are_no_numbers_are_never_saved(
    tiny: TrainRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Trainer.update_once

    def spoiled(self: Trainer) -> TrainingStep:
        step = update(self)
        with torch.no_grad():
            self.network.get_parameter("first.decoder.conv2.bias").fill_(float("nan"))
        return step

    monkeypatch.setattr(Trainer, "update_once", spoiled)
    running = train(replace(tiny, checkpoint_every=1))
    with pytest.raises(ConfigError, match=r"ran away: at step 1 of stage 1 the loss is \d"):
        list(running)
    assert CHECKPOINT_FILE not in names(tiny.out)


def test_a_full_disk_stops_the_run_and_leaves_the_last_checkpoint(
    tiny: TrainRequest, unbroken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    running = train(tiny)
    for progress in running:
        if progress.phase == "stage 2":
            break
    before = (tiny.out / CHECKPOINT_FILE).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        with pytest.raises(OSError, match="No space left on device"):
            list(running)
    assert (tiny.out / CHECKPOINT_FILE).read_bytes() == before
    list(train(tiny, resume=True))
    assert weights_of(tiny) == unbroken


def test_a_folder_that_cannot_be_made_stops_the_run_before_an_image_is_read(
    tiny: TrainRequest,
) -> None:
    tiny.out.write_text("a file")
    with pytest.raises(OSError, match="run"):
        next(train(replace(tiny, out=tiny.out / "below")))


def test_files_that_are_no_images_are_named_and_left_out(tiny: TrainRequest) -> None:
    request = replace(tiny, train_identities=("s1", "s2"))
    bad = request.faces.root / "s2-1-0.png"
    bad.write_bytes(bad.read_bytes()[:60])
    problems = [p.problem for p in train(request) if p.problem is not None]
    assert [problem.name for problem in problems] == ["s2-1-0.png"]
    assert load_weights(request.out / "weights.safetensors")[1].data["images"] == 3


def test_whoever_cannot_be_seen_was_not_trained_on(tiny: TrainRequest) -> None:
    request = replace(tiny, train_identities=("s1", "s2"))
    for bad in request.faces.root.glob("s2*"):
        bad.write_bytes(b"")
    list(train(request))
    assert load_weights(request.out / "weights.safetensors")[1].train_identities == ("s1",)


def test_without_one_good_image_to_train_on_there_is_no_run(tiny: TrainRequest) -> None:
    for bad in tiny.faces.root.glob("s1*"):
        bad.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"No image of folder:.* can be used; the first: s1-0-0"):
        list(train(tiny))


def test_without_one_good_image_of_people_held_out_there_is_a_run(tiny: TrainRequest) -> None:
    for bad in tiny.faces.root.glob("s2*"):
        bad.write_bytes(b"")
    list(train(tiny))
    metrics = load_weights(tiny.out / "weights.safetensors")[1].metrics
    assert "train" in metrics
    assert "heldout" not in metrics


def test_a_run_that_could_not_begin_leaves_its_folder_free(tiny: TrainRequest) -> None:
    faces = [face for face in tiny.faces.faces if face.condition["pose"] == "0"]
    with pytest.raises(DatasetError, match="differ in pose alone"):
        list(train(replace(tiny, faces=replace(tiny.faces, faces=tuple(faces)))))
    stop(tiny, "stage 1", 1)
    assert RUN_FILE in names(tiny.out)
