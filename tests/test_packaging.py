"""What is shipped, under which names, and what no module may do."""

import ast
import re
import tomllib
import zipfile
from collections import Counter
from importlib.metadata import distributions, entry_points
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = ("commands", "gallery", "generator", "index", "retrieval", "service")
NAMES = {"cli", "mindseye", *PACKAGES}
MODULES = ("cli.py", "mindseye.py")
SOURCES = sorted(
    [
        *(ROOT / one for one in MODULES),
        *(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")),
    ]
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("dist")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_wheel_holds_the_command_line_the_front_door_six_packages_and_nothing_else(
    wheel: list[str],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    top = {name.partition("/")[0] for name in wheel}
    assert top == {*MODULES, *PACKAGES, f"mindseye-{project['version']}.dist-info"}


def test_the_wheel_holds_the_protocols_by_name(wheel: list[str]) -> None:
    shipped = {name.rpartition("/")[2] for name in wheel if "/shipped_protocols/" in name}
    assert shipped == {path.name for path in (ROOT / "benchmarks" / "protocols").iterdir()}


def test_the_wheel_holds_every_module_and_no_test(wheel: list[str]) -> None:
    assert {name for name in wheel if name.endswith(".py")} == set(map(name_of, SOURCES))
    assert not [name for name in wheel if "test" in name.lower() or "__pycache__" in name]
    assert [name for name in wheel if name.endswith("licenses/LICENSE")]


def test_the_range_of_torch_is_the_one_agreed_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert [one for one in project["dependencies"] if one.startswith("torch")] == [
        "torch>=2.6,<2.14"
    ]
    assert project["requires-python"] == ">=3.11"


def test_the_command_is_called_mindseye() -> None:
    (command,) = entry_points(group="console_scripts", name="mindseye")
    assert command.value == "cli:main"
    assert command.dist is not None
    assert command.dist.name == "mindseye"


def test_no_other_installed_distribution_claims_our_names() -> None:
    claimed: Counter[str] = Counter()
    for distribution in distributions():
        if distribution.name == "mindseye":
            continue
        for file in distribution.files or ():
            top = file.parts[0].partition(".")[0]
            if top in NAMES:
                claimed[f"{distribution.name}: {file.parts[0]}"] += 1
    assert not claimed


def parsed() -> dict[str, ast.Module]:
    """All modules that ship, by name."""
    return {name_of(path): ast.parse(path.read_text("utf-8")) for path in SOURCES}


def test_every_module_says_what_it_is_for() -> None:
    firsts = {
        name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in parsed().items()
    }
    silent = {name: said for name, said in firsts.items() if not said.endswith((".", ":"))}
    assert silent == {}, "these modules have no docstring whose first line is a sentence"


THE_EXCEPTION = {"retrieval/evaluation/embedders/unpickling.py": ["pickle"]}
UNSAFE = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unsafe_imports(tree: ast.AST) -> list[str]:
    """List imports of what unpickles, and calls of torch.load and of eval and exec."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] * (node.module.split(".")[0] in UNSAFE)
            found += [f"{node.module}.load"] * (
                node.module == "torch" and any(alias.name == "load" for alias in node.names)
            )
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            found += [called] * (called in {"torch.load", "eval", "exec"})
            found += [f"{called}(allow_pickle=True)"] * any(
                keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False"
                for keyword in node.keywords
            )
    return found


def test_no_module_unpickles_anything() -> None:
    unsafe = {name: unsafe_imports(tree) for name, tree in parsed().items()}
    assert {name: found for name, found in unsafe.items() if found} == THE_EXCEPTION


def test_what_unpickles_is_recognised() -> None:
    bad = """
import pickle, os.path
import joblib.parallel
from dill import loads
from torch import load
torch.load(path, weights_only=True)
np.load(path, allow_pickle=True)
np.load(path, allow_pickle=False)
"""
    assert unsafe_imports(ast.parse(bad)) == [
        *("pickle", "joblib.parallel", "dill", "torch.load"),
        *("torch.load", "np.load(allow_pickle=True)"),
    ]


def printing(tree: ast.AST) -> set[str]:
    """Return what a module calls that prints, or that changes how others log."""
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return called & {"print", "breakpoint", "logging.basicConfig"}


def test_only_the_command_line_prints() -> None:
    found = {name: printing(tree) for name, tree in parsed().items()}
    assert {name: calls for name, calls in found.items() if calls} == {}


def test_what_prints_is_recognised() -> None:
    assert printing(ast.parse("print(1)\nlogging.basicConfig()\nlogger.info(2)")) == {
        *("print", "logging.basicConfig"),
    }


def test_importing_a_package_imports_nothing() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("__init__.py"):
            tree = ast.parse(path.read_text("utf-8"))
            assert len(tree.body) == 1, path


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in SOURCES if path.parent != ROOT}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_the_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_optional_parts_are_named() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
        "optional-dependencies"
    ]
    assert {"cpu", "gpu", "dev"} <= set(extras)
    assert all(re.match("faiss-(cpu|gpu)", extras[name][0]) for name in ("cpu", "gpu"))


def test_no_two_classes_have_one_name() -> None:
    """Private ones neither: a class is found by its name alone."""
    places: dict[str, list[str]] = {}
    for name, tree in parsed().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert len(places) > 300
    assert {name: there for name, there in places.items() if len(there) > 1} == {}
