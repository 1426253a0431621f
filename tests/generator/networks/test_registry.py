import subprocess
import sys
from typing import Any

import pytest
import torch

from gallery.errors import ConfigError
from generator.networks.family import Network
from generator.networks.registry import ARCHITECTURES, MAY_FUSE, architecture
from generator.networks.two_stage import TwoStage


@pytest.mark.parametrize(
    ("name", "size", "channels"), [("two-stage-60", 60, 3), ("two-stage-32", 32, 1)]
)
def test_an_architecture_builds_the_network_of_its_size(
    name: str, size: int, channels: int
) -> None:
    found = architecture(name)
    assert (found.name, found.size, found.channels) == (name, size, channels)
    with torch.device("meta"):
        config = found.build(5, {}).config
    assert (config.size, config.channels, config.code_size) == (size, channels, 5)


def test_the_architectures_are_those_that_were_promised() -> None:
    names = ["two-stage-60", "two-stage-32", "mindseye-60", "mindseye-32"]
    names += [
        "sargan",
        "stargan",
        "stgan",
        "ganimation",
        "tfem",
        "dai2i",
        "residual-gan",
        "caae",
        "dr-gan",
        "td-gan",
    ]
    assert list(ARCHITECTURES) == names


FAMILIES = {place.rpartition(".")[2] for place in ARCHITECTURES.values()}
OF = {"two-stage-60": {"two_stage"}, "mindseye-60": {"mindseye"}, "stargan": {"sargan", "stargan"}}


def modules_after(code: str) -> set[str]:
    """Return the families whose modules some code imports, in a fresh interpreter."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = "generator.networks."
    return {name.removeprefix(here) for name in run.stdout.split() if here in name} & FAMILIES


def test_the_names_of_the_architectures_are_known_without_their_modules() -> None:
    code = "from generator.networks.registry import ARCHITECTURES\nassert len(ARCHITECTURES) > 9"
    assert modules_after(code) == set()


@pytest.mark.parametrize("name", OF)
def test_an_architecture_imports_its_own_family_alone(name: str) -> None:
    code = f"from generator.networks.registry import architecture\narchitecture({name!r})"
    assert modules_after(code) == OF[name]


def test_opening_weights_imports_their_own_architecture_alone() -> None:
    code = (
        "from generator.checkpoint import load_weights\n"
        "from generator.weights_file import find_weights\n"
    )
    assert modules_after(f"{code}load_weights(find_weights('pose-60'))") == {"two_stage"}


def test_opening_weights_imports_no_compiler() -> None:
    code = (
        "import sys, torch\n"
        "from generator.networks.registry import ARCHITECTURES, architecture\n"
        "with torch.device('meta'):\n"
        "    for name in ARCHITECTURES:\n        architecture(name).build(2, {})\n"
        "from generator.weights_file import find_weights\n"
        "from generator.engine import Engine\n"
        "Engine.open(find_weights('pose-mindseye-60'), torch.device('cpu'))\n"
        "print({'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_module_says_the_names_that_lead_to_it(name: str) -> None:
    assert architecture(name).name == name


@pytest.mark.parametrize("projection", [0, 256])
@pytest.mark.parametrize("size", [32, 60])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_draws_features_of_the_length_that_it_claims(
    name: str, size: int, projection: int
) -> None:
    found = architecture(name)
    changes = {"projection": projection}
    if "size" not in found.fixed:
        changes["size"] = size
    # One looks at the codes; our own hold numbers that no file does.
    with torch.device("cpu" if name == "residual-gan" or "mindseye" in name else "meta"):
        try:
            network = found.build(2, changes).eval()
        except ConfigError:  # some know powers of two alone
            network = found.build(2, {**changes, "size": 64}).eval()
        side, channels = network.config.size, network.config.channels
        drawn = network(torch.zeros(1, channels, side, side), torch.eye(1, 2))
    assert drawn.features.flatten(1).shape == (1, network.dimension)
    assert projection in (0, network.dimension)


@pytest.mark.parametrize("name", ["sargan", "stargan", "stgan", "ganimation", "tfem", "dai2i"])
def test_the_size_of_an_editor_is_a_setting(name: str) -> None:
    found = architecture(name)
    assert (found.size, found.channels) == (128, 3)
    shape = found.configure(2, {"size": 60, "channels": 1})
    assert (shape.size, shape.channels, shape.code_size) == (60, 1, 2)
    for size in (16, 62, 260):
        message = f"{name}: size must be a multiple of 4 from 32 to 256 .*, got {size}"
        with pytest.raises(ConfigError, match=message):
            found.configure(2, {"size": size})
    with pytest.raises(ConfigError, match="channels must be 1 or 3, got 2"):
        found.configure(2, {"channels": 2})


def test_an_unknown_architecture_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'two-stage-61'; did you mean 'two-stage-60'"):
        architecture("two-stage-61")


def test_a_changed_field_reaches_the_network() -> None:
    with torch.device("meta"):
        narrow = architecture("two-stage-60").build(5, {"middle_channels": 1})
        made = architecture("two-stage-32").build(5, {"feature_layer": "conv4"})
    assert isinstance(narrow, TwoStage)
    assert isinstance(made, TwoStage)
    assert narrow.config.middle_channels == 1
    assert made.config.feature_layer == "conv4"
    assert made.refiner.feature_layer == "relu4"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"midle_channels": 1}, "no setting 'midle_channels'; did you mean 'middle_channels'"),
        ({"size": 64}, "no setting 'size'"),
        ({"channels": 1}, "no setting 'channels'; "),
        ({"code_size": 1}, "no setting 'code_size'"),
        ({"feature_layer": "conv9"}, "must be one of conv6, conv5, conv4, got 'conv9'"),
        ({"middle_channels": 0}, "must be positive"),
        ({"middle_channels": 1.5}, "middle_channels takes a whole number, got 1.5"),
        ({"middle_channels": "64"}, "middle_channels takes a whole number, got '64'"),
        ({"middle_channels": True}, "middle_channels takes a whole number, got True"),
        ({"feature_layer": 5}, "feature_layer takes a text, got 5"),
        ({"feature_layer": False}, "feature_layer takes a text, got False"),
    ],
)
def test_a_wrong_setting_of_the_network_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"two-stage-32.*{message}"):
        architecture("two-stage-32").build(3, changes)


def test_who_may_fuse_is_named_where_no_torch_is_loaded() -> None:
    overriding = {
        name for name in ARCHITECTURES if architecture(name).network.fuses is not Network.fuses
    }
    assert overriding == MAY_FUSE
    code = "import sys\nimport generator.networks.registry\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
