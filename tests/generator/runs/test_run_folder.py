"""Which folders a training may go on in; whole runs in them: test_run.py."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from gallery.align import Crop
from gallery.errors import ConfigError
from generator.runs.request import TrainRequest
from generator.runs.run_folder import (
    CHECKPOINT_FILE,
    RUN_FILE,
    begin_folder,
    open_folder,
    shorten_log,
)
from generator.training.config import Recipe


@pytest.mark.parametrize("left", [RUN_FILE, "weights.safetensors", CHECKPOINT_FILE])
def test_a_run_is_not_overwritten(tiny: TrainRequest, left: str) -> None:
    tiny.out.mkdir()
    (tiny.out / left).write_text("{}")
    with pytest.raises(ConfigError, match="already holds a training run; add --resume .*--out"):
        open_folder(tiny, resume=False)
    assert [path.name for path in tiny.out.iterdir()] == [left]


def changed_recipe(request: TrainRequest) -> TrainRequest:
    config = replace(request.recipe.train, learning_rate=0.5)
    return replace(request, recipe=replace(request.recipe, train=config))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: replace(r, seed=5), "seed = 0, now it is 5; say the same again, or name"),
        (
            lambda r: replace(r, train_identities=("s2",)),
            r'train_identities = \["s1"\], now it is \["s2"\]',
        ),
        (lambda r: replace(r, attributes=("light",)), "attributes = .*pose.*now it is .*light"),
        (lambda r: replace(r, architecture="two-stage-60"), 'architecture = "two-stage-32", now'),
        (
            lambda r: replace(r, crop=Crop(0, 0, 1, 1)),
            r"aligner\.crop = null, now it is \"0,0,1,1\"",
        ),
        (changed_recipe, r"recipe\.learning_rate = 0\.001, now it is 0\.5"),
        (
            lambda r: replace(r, recipe=replace(r.recipe, network={"feature_layer": "conv4"})),
            r'network\.feature_layer = as usual, now it is "conv4"',
        ),
        (
            lambda r: replace(r, faces=replace(r.faces, spec="folder:b")),
            "spec = .*, now it is .*folder:b",
        ),
        (
            lambda r: replace(r, seed=5, architecture="two-stage-60"),
            'architecture = "two-stage-32", now it is "two-stage-60"; say',
        ),
    ],
    ids=["seed", "who", "what", "net", "crop", "recipe", "layer", "spec", "first"],
)
def test_a_run_is_not_resumed_with_other_settings(
    tiny: TrainRequest, change: Callable[[TrainRequest], TrainRequest], message: str
) -> None:
    tiny.out.mkdir()
    (tiny.out / RUN_FILE).write_text(json.dumps(tiny.to_json()))
    with pytest.raises(ConfigError, match=f"run was begun with {message}") as caught:
        open_folder(change(tiny), resume=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: replace(r, train=replace(r.train, beta1=0.5)),
            r"recipe\.beta1 = 0\.5, now it is",
        ),
        (
            lambda r: replace(r, train=replace(r.train, weights={"cycle": 5.0})),
            r'recipe\.weights = {"cycle": 5\.0}, now it is',
        ),
        (
            lambda r: replace(r, network={"feature_layer": "conv4"}),
            r'network\.feature_layer = "conv4", now it is',
        ),
    ],
    ids=["younger", "losses", "network"],
)
def test_a_setting_that_is_no_longer_given_is_missed(
    tiny: TrainRequest, change: Callable[[Recipe], Recipe], message: str
) -> None:
    tiny.out.mkdir()
    begun = replace(tiny, recipe=change(tiny.recipe))
    (tiny.out / RUN_FILE).write_text(json.dumps(begun.to_json()))
    with pytest.raises(ConfigError, match=f"run was begun with {message} as usual; say the same"):
        open_folder(tiny, resume=True)


@pytest.mark.parametrize("content", [None, "", "{", "7", "\udcff"])
def test_a_run_without_its_settings_is_not_resumed(tiny: TrainRequest, content: str | None) -> None:
    tiny.out.mkdir()
    (tiny.out / CHECKPOINT_FILE).write_text("")
    if content is not None:
        (tiny.out / RUN_FILE).write_text(content, errors="surrogateescape")
    with pytest.raises(ConfigError, match=r"run\.json is (missing|damaged).*--out"):
        open_folder(tiny, resume=True)


def test_a_begun_folder_is_gone_on_with_from_its_beginning(tiny: TrainRequest) -> None:
    assert open_folder(tiny, resume=False) is None
    begin_folder(tiny)
    assert sorted(path.name for path in tiny.out.iterdir()) == [RUN_FILE, "samples"]
    assert open_folder(tiny, resume=True) is None


def test_what_was_logged_after_a_checkpoint_is_dropped(tiny: TrainRequest) -> None:
    log = tiny.out.with_name("log.jsonl")
    places = [(1, 2), (1, 4), (2, 2), (2, 4)]
    lines = [json.dumps({"stage": stage, "step": step}) for stage, step in places]
    log.write_text("\n".join([*lines, '{"stage": 2, "st']))
    shorten_log(log, 2, 2)
    assert log.read_text() == "".join(f"{line}\n" for line in lines[:3])
