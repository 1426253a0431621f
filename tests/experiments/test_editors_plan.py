"""The plan of the editors: every set can be drawn and every network built, on the same budget."""

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.editors import plan
from experiments.editors.plan import Editor, read_plan
from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError
from gallery.studio.attributes import space as studio_space
from gallery.studio.request import RESERVED
from generator.networks.registry import architecture
from generator.training.config import TrainConfig
from retrieval.evaluation.protocol.files import find_protocol

PLAN = read_plan()
EDITORS = PLAN.editors
NAMES = [f"{one.set}/{one.name}" for one in EDITORS]


def space_of(editor: Editor) -> AttributeSpace:
    drawn = PLAN.sets[editor.set]
    options = dict(zip(drawn.draw[::2], drawn.draw[1::2], strict=True))
    assert options["--attributes"] == drawn.attribute
    name, _, values = options.get("--value", "").partition("=")
    return studio_space((drawn.attribute,), {name: tuple(values.split(","))} if name else {})


def training_of(editor: Editor) -> TrainConfig:
    recipe = architecture(editor.architecture).recipe("fast").with_file(editor.path)
    training: TrainConfig = recipe.train
    return training


@pytest.mark.parametrize("editor", EDITORS, ids=NAMES)
def test_every_editor_of_the_plan_can_be_built_for_its_set(editor: Editor) -> None:
    known = architecture(editor.architecture)
    space = space_of(editor)
    known.network.require(space)
    recipe = known.recipe("fast").with_file(editor.path)
    with torch.device("meta"):
        network = known.build(space.size, recipe.network)
    assert network.config.size == 32
    assert set(recipe.train.weights) <= set(network.LOSSES)


def test_editors_on_the_same_set_see_as_many_images() -> None:
    for name in PLAN.sets:
        seen = set()
        for editor in (one for one in EDITORS if one.set == name):
            training = training_of(editor)
            seen.add(training.steps // training.critic_steps * training.batch_size)
        assert len(seen) == 1, f"{name}: {seen}"


def test_every_file_of_settings_belongs_to_an_editor() -> None:
    files = set((plan.FOLDER / "settings").iterdir())
    assert files == {editor.path for editor in EDITORS}


def test_one_change_at_a_time_is_made_to_sargan_and_the_group_makes_the_grid_whole() -> None:
    ablated = {}
    for editor in EDITORS:
        if editor.set == "studio-expressions" and editor.architecture in {"sargan", "stargan"}:
            known = architecture(editor.architecture)
            shape: Any = known.configure(7, known.recipe("fast").with_file(editor.path).network)
            ablated[shape.block, shape.blocks, shape.skip] = editor
            assert (shape.width, shape.critic_width) == (32, 32)
    assert len(ablated) == 8
    for setting in (("attention", 1, True), ("vanilla", 1, True), ("attention", 6, True)):
        assert not ablated[setting].group
    assert not ablated["attention", 1, False].group
    assert not ablated["vanilla", 6, False].group


@pytest.mark.parametrize("name", PLAN.sets)
def test_a_set_has_a_protocol_of_its_own_that_tests_whom_nobody_is_trained_on(name: str) -> None:
    drawn, protocol = PLAN.sets[name], find_protocol(name, "studio:elsewhere")
    options = dict(zip(drawn.draw[::2], drawn.draw[1::2], strict=True))
    assert protocol.train_identities == str(drawn.people)
    assert protocol.attributes == (drawn.attribute,)
    first, people = int(options["--first-identity"]), int(options["--identities"])
    assert drawn.people < people
    assert first + people <= RESERVED


def test_sets_share_nobody() -> None:
    spans = []
    for drawn in PLAN.sets.values():
        options = dict(zip(drawn.draw[::2], drawn.draw[1::2], strict=True))
        first = int(options["--first-identity"])
        spans.append(range(first, first + int(options["--identities"])))
    spans.sort(key=lambda span: span.start)
    assert all(one.stop <= other.start for one, other in pairwise(spans))


def test_editors_are_chosen_by_name_by_set_and_by_group() -> None:
    def found(*asked: str) -> list[str]:
        return [f"{one.set}/{one.name}" for one in PLAN.chosen(asked)]

    assert "studio-expressions/sargan-six-no-skip" not in found()
    assert len(found("grid")) == 3
    rivals = [f"studio-expressions/{name}" for name in ("ganimation", "tfem", "dai2i")]
    assert found("rivals") == rivals
    assert not {*rivals} & {*found()}
    assert found("studio-ages/sargan") == ["studio-ages/sargan"]
    assert len(found("sargan")) == 3
    assert found("stgan", "caae") == ["studio-expressions/stgan", "studio-ages/caae"]
    with pytest.raises(ConfigError, match="no editor 'sargon'; .*sargan"):
        found("sargon")


def test_a_plan_that_names_a_missing_set_or_file_or_the_same_editor_twice_is_refused(
    tmp_path: Path,
) -> None:
    text = plan.PLAN.read_text("utf-8")
    start, _, rest = text.partition("[[editors]]")
    for changed, message in (
        (rest.replace("studio-expressions", "studio-moods", 1), "no set 'studio-moods'"),
        (rest.replace('"stgan"', '"no-such"', 1), "no-such.toml; write its settings"),
        (rest + f"\n[[editors]]{rest.split('[[')[0]}", "are called sargan; rename one"),
    ):
        path = tmp_path / "editors.toml"
        path.write_text(f"{start}[[editors]]{changed}", "utf-8")
        tomllib.loads(path.read_text("utf-8"))
        with pytest.raises(ConfigError, match=message):
            read_plan(path)
