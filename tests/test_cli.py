"""The command line: its commands, its help, and how it tells what went wrong."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import cli  # noqa: TID251  its tests may
from gallery.errors import ConfigError, DatabaseFailedError
from retrieval.collection.build_progress import BuildProgress
from tests.running import Mindseye, in_a_process, one_line_error

ROOT = Path(__file__).parents[1]


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]

    def walk(group: Any, path: tuple[str, ...]) -> None:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                walk(command, (*path, name))
            else:
                found.append((*path, name))

    walk(typer.main.get_command(cli.app), ())
    return found


def test_the_commands_are_those_that_were_promised() -> None:
    assert sorted(commands()) == [
        (),
        ("adapt",),
        ("bench",),
        ("data", "find-faces"),
        ("data", "show"),
        ("data", "strengths"),
        ("demo",),
        ("index", "add"),
        ("index", "build"),
        ("index", "compact"),
        ("index", "export"),
        ("index", "import"),
        ("index", "move"),
        ("index", "remove"),
        ("index", "show"),
        ("index", "verify"),
        ("query",),
        ("serve",),
        ("studio", "assets"),
        ("studio", "draw"),
        ("studio", "lift"),
        ("train",),
        ("weights", "agree"),
        ("weights", "distil"),
        ("weights", "fit"),
        ("weights", "list"),
        ("weights", "show"),
    ]


OPTIONS = {
    "data show": "--sheet --json",
    "data find-faces": "--out --sheet --json",
    "data strengths": "--out --json",
    "train": "--architecture --attribute --recipe --out --config --steps --train-identities --seed"
    " --device --resume",
    "index build": "--weights --attribute --collection --split --kind --memory --accuracy"
    " --refine-best --score --resume --restore",
    "index add": "--collection --space --split --restore",
    "index remove": "--collection --identity --id --where --missing --dry-run --json",
    "index verify": "--collection --repair --json",
    "index compact": "--collection --json",
    "index export": "--collection",
    "index import": "--collection",
    "index show": "--collection --where --json",
    "query": "--wish --collection -k --space --weights --crop --sheet --where --min-score --json"
    " --explain",
    "bench": "--weights --out --protocol --methods --queries --seed --seeds --editing --compare"
    " --json",
    "demo": "--out --full",
    "weights fit": "--people --identities --queries --seed --protocol --json",
    "weights list": "--json",
    "weights show": "--sheet --faces --json",
    "studio assets": "--folder",
    "studio draw": "--identities --attributes --size --seed --workers --assets",
    "studio lift": "--attributes --value --size --seed --workers --assets",
}


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_help_holds_a_worked_example_and_the_promised_options(
    mindseye: Mindseye, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for option in ("--help", "-h"):
        ran = mindseye(*command, option)
        assert (ran.status, ran.err) == (0, "")
        assert f"  Example: mindseye {' '.join(command)}" in ran.out
        words = ran.out.split()
        for promised in OPTIONS.get(" ".join(command), "").split():
            assert promised in words, promised


@pytest.mark.parametrize("group", ["", "data", "index", "studio", "weights"])
def test_no_line_about_a_command_is_cut_in_a_list_of_commands(
    mindseye: Mindseye, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = mindseye(*group.split(), "--help").out.partition("Commands:\n")[2].splitlines()
    assert len(told) >= 3
    assert [line for line in told if line.endswith("...")] == []


def test_no_help_waits_for_anything_heavy() -> None:
    code = """
import sys
import cli
for command in sys.argv[1:]:
    cli.app([*command.split(), "--help"], prog_name="mindseye", standalone_mode=False)
heavy = {"torch", "sqlalchemy", "numpy", "PIL", "safetensors", "faiss"} & set(sys.modules)
print("heavy:", sorted(heavy), file=sys.stderr)
"""
    asked = commands()
    done = in_a_process(code, *map(" ".join, asked))
    assert (done.returncode, done.stderr) == (0, "heavy: []\n")
    assert done.stdout.startswith("Usage: mindseye [OPTIONS] COMMAND")
    assert done.stdout.count("Usage: mindseye") == len(asked)


def test_the_reference_names_every_command_and_option() -> None:
    reference = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for command in commands():
        section = reference.partition(f"## {' '.join(('mindseye', *command))}\n")[2]
        section = section.partition("\n## ")[0]
        helped = CliRunner().invoke(cli.app, [*command, "--help"]).stdout
        options = re.findall(r"(?<!\S)--[a-z-]+", helped)
        assert "--help" in options
        missing = [option for option in options if option not in section]
        assert not missing, f"run scripts/cli_reference.py: {command} lacks {missing}"


def test_the_version_is_told(mindseye: Mindseye) -> None:
    ran = mindseye("--version")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("mindseye 0.")


KEPT = "put this right. What was finished is kept. Run the same command again"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), f"device; {KEPT}"),
        (DatabaseFailedError("The disk is full"), "The disk is full. What was finished is kept"),
        (MemoryError(), "Out of memory. Say --device cpu"),
        (RuntimeError("CUDA out of memory. Tried"), "Out of memory. Say --device cpu"),
    ],
)
def test_a_machine_at_its_end_is_one_line_too(
    mindseye: Mindseye,
    faces_spec: str,
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    message: str,
) -> None:
    def build(*_: Any, **__: Any) -> Iterator[BuildProgress]:
        yield BuildProgress(1, 30, 1, 0, 0)
        raise error

    monkeypatch.setattr("retrieval.collection.build.build", build)
    ran = mindseye("index", "build", faces_spec, "--weights", pose_weights)
    assert message in one_line_error(ran)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), DatabaseFailedError("Disk")])
@pytest.mark.parametrize(
    ("doing", "arguments"),
    [
        (
            "retrieval.search.searcher.open_space",
            ("query", "p1-0-left.png", "--wish", "pose=45"),
        ),
        ("retrieval.collection.verify.verify", ("index", "verify")),
        ("retrieval.collection.archive.export", ("index", "export", "out.tar")),
        ("retrieval.collection.archive.import_archive", ("index", "import", "in.tar")),
        ("retrieval.collection.show.describe", ("index", "show")),
        ("gallery.summary.summarise", ("data", "show", "folder:.")),
    ],
)
def test_nothing_is_said_to_be_kept_of_what_keeps_nothing(
    mindseye: Mindseye,
    monkeypatch: pytest.MonkeyPatch,
    collection_dir: Path,
    faces_dir: Path,
    error: Exception,
    doing: str,
    arguments: tuple[str, ...],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(doing, fail)
    monkeypatch.chdir(faces_dir)
    given = () if arguments[0] == "data" else ("--collection", collection_dir)
    said = one_line_error(mindseye(*arguments, *given))
    assert str(error) in said
    assert "kept" not in said


def test_a_damaged_collection_is_one_line(mindseye: Mindseye, tmp_path: Path) -> None:
    (tmp_path / "mindseye-collection").mkdir()
    (tmp_path / "mindseye-collection" / "catalogue.db").write_bytes(b"no database" * 1_000)
    assert "file is not a database" in one_line_error(mindseye("index", "show"))


def test_a_mistake_looks_the_same_from_outside(collection_dir: Path, faces_dir: Path) -> None:
    done = in_a_process(
        "import cli; cli.main()",
        *("query", str(faces_dir / "p1-0-left.png"), "--wish", "light=rihgt"),
        *("--collection", str(collection_dir), "--space", "light-32"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: light has no value 'rihgt'; did you mean 'right'? Known: left, right."
        " Wish like light=left\n"
    )


def test_a_message_of_several_lines_is_shown_in_one(
    mindseye: Mindseye, monkeypatch: pytest.MonkeyPatch, collection_dir: Path
) -> None:
    def describe(_collection: object) -> None:
        raise ConfigError("first\n  second\n\tthird")

    monkeypatch.setattr("retrieval.collection.show.describe", describe)
    ran = mindseye("index", "show", "--collection", collection_dir)
    assert one_line_error(ran) == "first second third"
