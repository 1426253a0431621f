"""A command beside the same of another commit: what is run, and what is said of it."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
against: Any = import_module("against")  # benchmarks is a folder of scripts
HERE = against.ROOT


def side(name: str = "now", place: Path = HERE) -> Any:
    return against.Side(name, place, Path(sys.executable))


def test_ratios_are_of_pairs_with_their_quartiles() -> None:
    taken = {
        "then": [{"wall_s": wall, "none": 0.0} for wall in (1.0, 2.0, 4.0)],
        "now": [{"wall_s": wall, "none": 1.0} for wall in (0.5, 2.0, 1.0)],
    }
    found = against.summary(taken)
    assert found["ratio"] == {"wall_s": [0.38, 0.5, 0.75]}  # of 0.25, 0.5, 1; nothing by nothing
    assert found["median"]["then"] == {"wall_s": 2.0, "none": 0.0}
    assert found["range"]["now"]["wall_s"] == [0.5, 2.0]
    shown = against.table(found).splitlines()
    assert shown[2] == (
        "| seconds by the clock | 2.00 [1.00, 4.00] | 1.00 [0.50, 2.00] | **0.50** [0.38, 0.75] |"
    )
    assert shown[3].endswith("|  |")


def test_one_pair_is_its_own_spread() -> None:
    assert against.quartiles([0.7]) == [0.7, 0.7, 0.7]


def test_sides_take_turns_and_the_first_pair_does_not_count() -> None:
    asked: list[str] = []

    def measure(one: Any) -> dict[str, float]:
        asked.append(one.name)
        return {"number": float(len(asked))}

    taken = against.in_turn((side("then"), side("now")), measure, 2)
    assert asked == ["then", "now"] * 3
    assert taken == {
        "then": [{"number": 3.0}, {"number": 5.0}],
        "now": [{"number": 4.0}, {"number": 6.0}],
    }


def test_what_a_process_took_is_its_own(tmp_path: Path) -> None:
    code = "import os, sys; open(sys.argv[1], 'w').write(os.getcwd()); bytearray(60 << 20)"
    small = side().run(["python", "-c", "pass"])
    large = side("then", tmp_path).run(["python", "-c", code, str(tmp_path / "{side}.txt")])
    assert (tmp_path / "then.txt").read_text() == str(tmp_path)
    assert large["peak_mib"] > 60
    assert min(small["wall_s"], small["cpu_s"]) > 0


def test_a_command_that_fails_ends_the_measurement() -> None:
    with pytest.raises(SystemExit, match=r"(?s)python -c 1/0 failed in .*ZeroDivisionError"):
        against.Side("now", HERE, Path("python")).run(["python", "-c", "1/0"])


def test_another_commit_has_its_own_files_and_the_packages_of_here(tmp_path: Path) -> None:
    try:
        then, now = against.both("HEAD", tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("this checkout has no history")
    assert (then.place / "cli.py").is_file()
    assert (now.place, now.python) == (HERE, Path(sys.executable))
    code = "import gallery, numpy, sys; open(sys.argv[1], 'w').write(gallery.__file__)"
    then.run(["python", "-c", code, str(tmp_path / "where")])
    assert (tmp_path / "where").read_text() == str(then.place / "gallery" / "__init__.py")
