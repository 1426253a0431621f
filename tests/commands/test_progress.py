"""What a command says while it works, away from a terminal."""

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from commands.progress import Rate, bar, result, tell, told_if_slow


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
    clock = iter((0.0, *seconds))
    monkeypatch.setattr("commands.progress.time", SimpleNamespace(monotonic=clock.__next__))


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
        "drawing: 12 of 100, 1.0/s, 0:01:28 left",
        "drawing: 23 of 100, 1.0/s  loss 0.2500, 0:01:17 left",
    ]


def test_another_phase_is_timed_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 2, 8, 18)  # the first line in ten seconds comes with the third step
    list(bar(iter((Step("reading", 50), Step("writing", 1), Step("writing", 20))), "working", 1))
    assert capsys.readouterr().err == "writing: 20 of 100, 1.9/s, 0:00:42 left\n"


def test_steps_that_say_nothing_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at(monkeypatch, 1, 12)
    assert list(bar(iter("ab"), "packing", 5)) == ["a", "b"]
    assert capsys.readouterr().err == "packing: 2 of 5, 5.5/min, 0:00:33 left\n"


@pytest.mark.parametrize(
    ("terminal", "finished", "said"),
    [(True, False, "Opening\n"), (True, True, ""), (False, False, "")],
)
def test_what_takes_long_is_said_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    terminal: bool,
    finished: bool,
    said: str,
) -> None:
    """With a clock that strikes when it is told to."""
    clocks: list[threading.Timer] = []

    def timer(_: float, call: Callable[..., None], given: list[str]) -> threading.Timer:
        clocks.append(threading.Timer(3600, call, given))
        return clocks[-1]

    monkeypatch.setattr("commands.progress.threading", SimpleNamespace(Timer=timer))
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    with told_if_slow("Opening"):
        for clock in [] if finished else clocks:
            clock.function(*clock.args)
    assert capsys.readouterr().err == said
    assert all(clock.finished.is_set() for clock in clocks)  # cancelled at the end


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


def test_no_rate_and_no_time_left_is_told_before_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first step of a build is a batch of 256 images: "1000.0/s, 0:00:00 left", it said."""
    at(monkeypatch, 95, 190)
    list(bar(iter((Step("indexing", 256, 600), Step("indexing", 512, 600))), "working", 600))
    assert capsys.readouterr().err.splitlines() == [
        "indexing: 256 of 600",
        "indexing: 512 of 600, 2.7/s, 0:00:33 left",
    ]


def test_what_was_done_before_is_no_part_of_a_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A resumed run begins far ahead."""
    at(monkeypatch, 0.1, 20.1)
    list(bar(iter((Step("stage 1", 5000, 9000), Step("stage 1", 5020, 9000))), "training", 1))
    assert capsys.readouterr().err == "stage 1: 5020 of 9000, 1.0/s, 1:06:20 left\n"


def test_a_rate_is_that_of_the_last_half_minute() -> None:
    rate = Rate()
    for second in range(100):
        rate.add(second, 10 * second)
    for second in range(100, 141):
        rate.add(second, 1000 + second - 100)
    assert rate.per_s == pytest.approx(1.0)
    assert rate.left_s(1050) == pytest.approx(10.0)


@pytest.mark.parametrize("marks", [[(0.0, 5)], [(0.0, 5), (0.5, 50)], [(0.0, 5), (9.0, 5)]])
def test_too_little_to_tell_is_no_rate(marks: list[tuple[float, int]]) -> None:
    rate = Rate()
    for now, done in marks:
        rate.add(now, done)
    assert rate.per_s is None
    assert rate.left_s(100) is None
