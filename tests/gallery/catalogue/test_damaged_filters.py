"""Expressions of `--where` as nobody would write them: refused in a line, or answered."""

from pathlib import Path
from random import Random

import pytest

from gallery.attributes import Condition
from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.records import FileRecord, ImageState
from gallery.catalogue.store import Catalogue
from tests.fuzzing import damaged, quick_and_long, tried

GOOD = (
    "illumination=3 and expression!=happy",
    'identity in (ann, "Ben B.") or not (estimate.pose >= 30 and eyes is unknown)',
    "path ~ '/photos/2024/*' and size_bytes > 10 and mtime_ns <= 99",
    "pose not in (0, 45, up) and condition.eyes is not known and state != removed",
    "((id=1) or (sha256='00' and not not pose=-45.0))",
)
NAMES = ("pose", "eyes", "identity", "path", "id", "state", "estimate.pose", "estimate.", "sha256")
SIGNS = (
    "=",
    "!=",
    "<",
    ">=",
    "~",
    " in ",
    " not in ",
    " is ",
    " and ",
    " or ",
    " not ",
    "(",
    ")",
    ",",
)
VALUES = (
    *("45", "-0", "1e999", "nan", "inf", "9" * 5_000, "-9223372036854775809", "0x10", "٣", "½"),
    *("'", '"', "\\", "''", '"\\', "%", "_", "*", "?" * 300, "[", "a\0b", "\udce9", "\ud800", "🙂"),
    *("known", "unknown", "'; drop table image; --", "\u2028", "\r\n", "a" * 100_000, "*a" * 200),
)


class Filters:
    """Asks a small catalogue what random and damaged expressions are true of."""

    def __init__(self, folder: Path) -> None:
        self._catalogue = Catalogue.open(sqlite_url(folder / "catalogue.db"))
        self._catalogue.images.register(
            [
                FileRecord(
                    f"/photos/2024/{n}.png",
                    f"{n:064}",
                    None,
                    ("ann", "Ben B.", None)[n % 3],
                    Condition(pose=str(n - 5), eyes="open", illumination="3", expression="sad"),
                    n,
                    n,
                )
                for n in range(12)
            ]
        )
        space = self._catalogue.spaces.add("pose-60", "0" * 64)
        placed = [
            ImageState(n, "indexed", estimate=Condition(pose=str(n % 3))) for n in range(1, 9)
        ]
        self._catalogue.spaces.place(space.id, placed, None)

    def __call__(self, random: Random) -> None:
        how = random.choice((_spoilt, _spoilt, _made_up, _made_up, _nested, _long))
        self._catalogue.images.matching(how(random), 1, removed=random.random() < 0.5)


def _spoilt(random: Random) -> str:
    content = random.choice(GOOD).encode()
    return damaged(content, random).decode("utf-8", "surrogateescape")


def _made_up(random: Random) -> str:
    kinds = (NAMES, SIGNS, VALUES, ("pose=45",), (" and ", " or "))
    return "".join(random.choice(random.choice(kinds)) for _ in range(random.randrange(1, 20)))


def _nested(random: Random) -> str:
    depth = random.choice((1, 20, 39, 41, 1_000, 100_000))
    opening = random.choice(("(", "not ", "not (", "(pose=1 or "))
    closing = ")" * (depth * opening.count("(") + random.choice((0, 0, 0, -1, 1)))
    return f"{opening * depth}{random.choice(GOOD)}{closing}"


def _long(random: Random) -> str:
    terms = [random.choice(GOOD[:4]) for _ in range(random.choice((2, 30, 150)))]
    return random.choice((" and ", " or ")).join(terms)


@pytest.mark.parametrize("seeds", quick_and_long(500, 20_000))
def test_a_filter_that_is_damaged_or_hostile_is_refused_in_a_line_or_answered(
    tmp_path: Path, seeds: range
) -> None:
    told = tried(Filters, tmp_path, seeds)
    assert told["refused"] > 0
    assert told["taken"] > 0
