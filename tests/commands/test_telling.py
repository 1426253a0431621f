"""What a command says while it works, away from a terminal."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from commands.telling import bar, result, tell


@dataclass(frozen=True)
class Step:
    """A step that says more of itself."""

    phase: str
    done: int
    total: int = 100
    loss: float | None = None
    note: str | None = None


def at(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let a bar that starts at 0 take its steps at these times."""
    clock = iter((0.0, 0.0, *seconds))
    monkeypatch.setattr("commands.telling.time", SimpleNamespace(monotonic=clock.__next__))


def test_a_line_is_said_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 0, 5, 11, 15, 22)
    steps = [Step("drawing", done) for done in (1, 6, 12, 16)]
    last = Step("drawing", 23, loss=0.25)
    assert list(bar(iter((*steps, last)), "working", 1)) == [*steps, last]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "drawing: 12 of 100, 1.1/s, 0:01:21 left",
        "drawing: 23 of 100, 1.0/s  loss 0.2500, 0:01:14 left",
    ]


def test_another_phase_is_timed_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 2, 8, 18)
    list(bar(iter((Step("reading", 50), Step("writing", 1), Step("writing", 20))), "working", 1))
    assert capsys.readouterr().err == "writing: 20 of 100, 2.0/s, 0:00:40 left\n"


def test_steps_that_say_nothing_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 1, 12)
    assert list(bar(iter("ab"), "packing", 5)) == ["a", "b"]
    assert capsys.readouterr().err == "packing: 2 of 5, 0.2/s, 0:00:16 left\n"


def test_notes_are_told_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    def steps() -> Iterator[Step]:
        yield Step("asking", 1, note="rival left out")
        tell("after it")

    list(bar(steps(), "working", 1))
    assert capsys.readouterr().err == "rival left out\nafter it\n"


def test_what_a_generator_returns_is_kept() -> None:
    def steps() -> Generator[int, None, str]:
        yield from (1, 2)
        return "done"

    assert result(steps(), "working") == "done"
