"""What finds faults, tried on readers that are known to have some."""

import signal
from pathlib import Path
from random import Random

import pytest

from gallery.errors import UserError
from tests import fuzzing


class Careful:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, random: Random) -> None:
        if fuzzing.damaged(b"abcdefgh" * 100, random) != b"":
            raise UserError("It is damaged. Copy it again")


class Careless(Careful):
    def __call__(self, random: Random) -> None:
        fuzzing.damaged_json(b'{"a": [1, {"b": "c"}]}', random).decode()
        raise KeyError("a")


class Greedy(Careful):
    def __call__(self, _random: Random) -> None:
        bytearray(700 * 2**20)[::4096] = b"\1" * (700 * 2**20 // 4096)


class Endless(Careful):
    def __call__(self, _random: Random) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.1)
        while True:
            pass


class Talkative(Careful):
    def __call__(self, _random: Random) -> None:
        raise UserError("one line\nand another")


def test_what_is_refused_in_one_line_is_no_fault(tmp_path: Path) -> None:
    told = fuzzing.tried(Careful, tmp_path, range(20))
    assert told["refused"] + told["taken"] == 20
    assert told["mb"] < 100


@pytest.mark.parametrize(
    ("reader", "why"),
    [
        (Careless, "seed 3: Traceback"),
        (Talkative, "seed 3: no clear line"),
        (Endless, r"ended \(-27\) at seed 3"),
        (Greedy, "MB above the start"),
    ],
)
def test_a_fault_is_told_with_its_seed(reader: type[Careful], why: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=why):
        fuzzing.tried(reader, tmp_path, range(3, 5))
