import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gallery.align import Aligner, Crop
from gallery.errors import ConfigError, DatasetError, WeightsError, WishError
from gallery.faces import Face, FaceSet
from gallery.readers.registry import open_faces
from generator.networks.registry import architecture
from generator.runs.request import CPU, TrainRequest, make_request
from generator.weights_file import load_card

MakeFaces = Callable[..., FaceSet]


@pytest.fixture
def faces(make_faces: MakeFaces) -> FaceSet:
    return make_faces()


def asked(faces: FaceSet, **changes: Any) -> TrainRequest:
    given: dict[str, Any] = {
        "architecture_name": "two-stage-32",
        "attributes": ("pose",),
        "recipe_name": "fast",
        "out": Path("run"),
        "device": CPU,
    }
    return make_request(faces, **(given | changes))


def test_without_options_everybody_is_trained_on(faces: FaceSet) -> None:
    request = asked(faces)
    assert request.train_identities == ("s1", "s2", "s3", "s4")
    assert request.recipe.name == "fast"
    assert request.checkpoint_every == 500
    assert request.seed == 0


def test_people_are_chosen_by_number_share_or_fold(faces: FaceSet) -> None:
    assert asked(faces, train_identities="3").train_identities == ("s1", "s2", "s3")
    assert asked(faces, train_identities="0.5").train_identities == ("s1", "s2")
    assert asked(faces, fold="2/2").train_identities == ("s1", "s2")
    assert asked(faces, fold="1/4").train_identities == ("s2", "s3", "s4")


def test_people_without_a_label_are_not_counted(faces: FaceSet) -> None:
    nobody = replace(faces, faces=(Face("x.png", "s0"), Face("y.png"), *faces.faces))
    assert asked(nobody, train_identities="1").train_identities == ("s1",)


def test_the_number_of_steps_wins_over_the_file_and_the_file_over_the_recipe(
    faces: FaceSet, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[train]\nsteps = 7\nbatch_size = 9\n[network]\nfeature_layer = "conv4"\n')
    assert asked(faces).recipe.train.steps == 4_000
    assert asked(faces, config=file).recipe.train.steps == 7
    request = asked(faces, config=file, steps=5)
    assert (request.recipe.train.steps, request.recipe.train.batch_size) == (5, 9)
    assert request.recipe.network == {"feature_layer": "conv4"}


def test_the_paper_recipe_is_that_of_the_architecture(faces: FaceSet) -> None:
    for name, rate in (("two-stage-60", 1e-6), ("two-stage-32", 1e-5)):
        request = asked(faces, architecture_name=name, recipe_name="paper")
        assert request.recipe.train.learning_rate == rate


def test_the_aligner_is_that_of_the_architecture_and_the_crop(faces: FaceSet) -> None:
    crop, other = Crop(0.1, 0.1, 0.5, 0.5), Crop(1, 2, 30, 30)
    assert asked(faces).aligner() == Aligner(size=32, channels=1)
    request = asked(replace(faces, crop=crop), architecture_name="two-stage-60")
    assert request.aligner() == Aligner(size=60, channels=3, crop=crop)
    assert asked(replace(faces, crop=crop), crop=other).aligner().crop == other


def test_a_request_says_in_json_what_decides_the_result(faces: FaceSet) -> None:
    request = asked(faces, train_identities="1", seed=3)
    written = request.to_json()
    assert json.loads(json.dumps(written)) == written
    assert list(written) == [
        "spec",
        "architecture",
        "network",
        "attributes",
        "aligner",
        "train_identities",
        "recipe",
        "seed",
        "start",
    ]
    assert written["attributes"] == [
        {"name": "pose", "values": ["-45", "0", "45"], "unit": "degree"}
    ]
    assert written["recipe"] == {"name": "fast", **request.recipe.train.to_json()}
    assert (written["seed"], written["train_identities"]) == (3, ["s1"])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"architecture_name": "two-stage"}, ConfigError, "no architecture 'two-stage'"),
        ({"recipe_name": "slow"}, ConfigError, "no recipe 'slow'"),
        ({"attributes": ("poes",)}, WishError, "no attribute 'poes'; did you mean 'pose'"),
        ({"attributes": ("pose", "pose")}, ConfigError, "--attribute names one twice: pose, pose"),
        ({"steps": 0}, ConfigError, "steps must be above 0, got 0"),
        ({"seed": -1}, ConfigError, "--seed takes a whole number .*, got -1"),
        ({"seed": 2**63}, ConfigError, "--seed takes a whole number .*, got 9223372036854775808"),
        ({"train_identities": "5"}, ConfigError, r"--train-identities takes 1\.\.4 .*'5'"),
        ({"fold": "3/2"}, ConfigError, "--fold takes K/N.*'3/2'"),
        ({"fold": "1/2", "train_identities": "1"}, ConfigError, "give one of them"),
    ],
)
def test_a_wrong_option_is_refused_by_name(
    faces: FaceSet, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asked(faces, **changes)


def test_a_wrong_setting_of_the_network_is_found_before_an_image_is_read(
    faces: FaceSet, tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[network]\nmidle_channels = 1\n")
    with pytest.raises(ConfigError, match="'midle_channels'; did you mean 'middle_channels'"):
        asked(faces, config=file)


def test_without_labels_there_is_nothing_to_train_on(faces: FaceSet) -> None:
    unlabelled = replace(faces, faces=tuple(Face(face.name) for face in faces.faces))
    with pytest.raises(DatasetError, match="no image with an identity and pose"):
        asked(unlabelled)


@pytest.mark.parametrize(("steps", "refused"), [(4, True), (5, False), (None, False)])
def test_a_run_without_a_step_of_the_generator_is_refused(
    faces: FaceSet, steps: int | None, refused: bool
) -> None:
    def ask() -> TrainRequest:
        return asked(faces, architecture_name="sargan", steps=steps)

    if not refused:
        assert ask().recipe.train.critic_steps == 5
        return
    told = r"steps = 4 never reaches the generator, .* every critic_steps = 5th step; say --steps 5"
    with pytest.raises(ConfigError, match=told):
        ask()


@pytest.mark.parametrize("name", ["mindseye-60", "two-stage-32"])
@pytest.mark.parametrize("steps", [0, 7])
def test_an_estimator_that_nothing_trains_is_left_out(
    faces: FaceSet, tmp_path: Path, name: str, steps: int
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"[train]\nestimator_steps = {steps}\n[network]\nestimator = true\n")
    request = asked(faces, architecture_name=name, recipe_name="tuned", config=file)
    network = architecture(name).build(3, request.recipe.network)
    assert (network.estimator is not None) == (steps > 0)
    assert (network.projection is not None) is True


def test_an_estimator_of_the_weights_to_begin_with_is_kept(
    make_fitted_weights: Callable[..., Path],
    make_weights: Callable[..., Path],
    faces_spec: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.toml"
    text = "[train]\nestimator_steps = 0\n[network]\nestimator = true\nprojection = 20\n"
    file.write_text(text, encoding="utf-8")
    for start, kept in ((make_fitted_weights(), True), (make_weights("pose-32"), False)):
        request = asked(open_faces(faces_spec), config=file, start=str(start), steps=0)
        assert request.recipe.network["estimator"] is kept


def test_training_goes_on_with_the_wishes_of_the_weights(
    make_weights: Callable[..., Path], faces_spec: str
) -> None:
    """Faces that show a part of the values teach that part."""
    start = make_weights("all-32")
    known = load_card(start).space
    faces = open_faces(faces_spec)
    some = faces.renamed({"pose": {value: value for value in known["pose"].values[:2]}})
    request = asked(some, start=str(start), steps=3)
    assert request.faces.space == known
    assert {face.condition["pose"] for face in request.faces.faces} == set(known["pose"].values[:2])


def test_weights_that_cannot_be_gone_on_with_are_refused_with_the_next_step(
    make_weights: Callable[..., Path], faces_spec: str
) -> None:
    start, faces = str(make_weights("all-32")), open_faces(faces_spec)
    named = dict.fromkeys(faces.space["pose"].values, "up")
    with pytest.raises(WeightsError, match=r"it knows no pose 'up'; .*--protocol FILE"):
        asked(faces.renamed({"pose": named}), start=start, steps=3)
    with pytest.raises(WeightsError, match="it is two-stage-32, not two-stage-60"):
        asked(faces, start=start, steps=3, architecture_name="two-stage-60")
    with pytest.raises(WeightsError, match="it draws pose, not .*; name the same with --attribute"):
        asked(faces, start=start, steps=3, attributes=(faces.space.names[1],))
