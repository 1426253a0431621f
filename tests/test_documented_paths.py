"""Every script, experiment, benchmark and settings file that a page names is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = "scripts|experiments|benchmarks|findings"
FOLDERS = ("docs", *PLACES.split("|"))
PATH = re.compile(rf"(?<![\w/.-])(?:{PLACES})/[\w./-]*")
MODULE = re.compile(rf"-m ((?:{PLACES})\.[\w.]*\w)")
PLACEHOLDER = re.compile(r"\b[A-Z]{3,}\b")  # benchmarks/NAME.py


def pages() -> list[Path]:
    found = [
        *ROOT.glob("*.md"),
        *(page for name in FOLDERS for page in (ROOT / name).rglob("*.md")),
    ]
    return sorted(page for page in found if page.name != "CHANGELOG.md")


def missing(text: str) -> list[str]:
    """Return the paths and modules of this house that a text names and that are not there."""
    paths = [one.rstrip(".") for one in PATH.findall(text) if not PLACEHOLDER.search(one)]
    modules = [f"{name.replace('.', '/')}.py" for name in MODULE.findall(text)]
    return [one for one in (*paths, *modules) if not (ROOT / one).exists()]


def test_everything_that_a_page_names_is_there() -> None:
    lost = {str(page.relative_to(ROOT)): missing(page.read_text("utf-8")) for page in pages()}
    assert {page: names for page, names in lost.items() if names} == {}


def test_everything_that_scripts_settings_and_messages_name_is_there() -> None:
    folders = ("commands", "gallery", "generator", "index", "retrieval", *PLACES.split("|"))
    lost = {}
    for path in (path for name in folders for path in (ROOT / name).rglob("*")):
        if path.suffix in {".py", ".sh", ".toml"} or path.parent == ROOT / "scripts":
            lost[str(path.relative_to(ROOT))] = missing(path.read_text("utf-8"))
    assert {path: names for path, names in lost.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("`bash scripts/test --slow`, then benchmarks/protocols/.", []),
        ("bash scripts/train-weights all", ["scripts/train-weights"]),
        ("--config benchmarks/few.toml --out runs/scripts/x", ["benchmarks/few.toml"]),
        (
            "python -m experiments.seeds.table, python -m experiments.no.such",
            ["experiments/no/such.py"],
        ),
        ("python benchmarks/NAME.py", []),
    ],
)
def test_a_path_that_is_not_there_is_found(text: str, lost: list[str]) -> None:
    assert missing(text) == lost


def test_every_experiment_says_what_it_answers_and_how_it_is_run() -> None:
    listed = (ROOT / "experiments" / "README.md").read_text("utf-8")
    folders = [path for path in (ROOT / "experiments").iterdir() if (path / "run.sh").is_file()]
    assert folders
    for folder in folders:
        text = (folder / "README.md").read_text("utf-8")
        said = (
            "**Question.**",
            "**Time.**",
            "**Result.**",
            f"bash experiments/{folder.name}/run.sh",
        )
        assert [one for one in said if one not in text] == [], folder
        assert f"({folder.name}/README.md)" in listed
