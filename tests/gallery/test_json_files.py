"""One reader for all JSON: bounded, finite, one clear line for everything else."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import IndexFileError, WeightsError
from gallery.json_files import JsonLimits, Origin, check, parse, read, shaped, spell
from tests.fuzzing import tried

ORIGIN = Origin("card.json", WeightsError, "Copy it again")
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("ab"), below, max_size=3),
    max_leaves=20,
)


@dataclass(frozen=True, slots=True)
class Part:
    size: int
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Whole:
    name: str
    parts: Mapping[str, Part]
    mean: tuple[float, ...] = ()


@given(PLAIN)
def test_what_was_written_is_read_back(data: object) -> None:
    assert parse(spell(data), ORIGIN) == data
    assert parse(spell(data, indent=1, ascii_only=False).encode(), ORIGIN) == data


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "nested deeper than 32"),
        ('{"a":' * 100_000, "nested deeper than 32"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper than 32"),
        ("[" * 40 + "]" * 40, "nested deeper than 32"),
        ('{"a": NaN}', "holds NaN, expected finite numbers"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e999]", "holds 1e999, expected finite"),
        ("[" + "9" * 30 + "]", "at most 64 bits"),
        ("[-18446744073709551616]", "at most 64 bits"),
        ("[" + "9" * 1_000_000 + "]", "9…, expected at most 64 bits"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (r'["\ud800"]', "holds a letter that is none"),
        (r'{"\u0000": 1}', "holds a letter that is none"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        ("\ufeff{}", "Unexpected UTF-8 BOM"),
        ("", "Expecting value"),
        ("[1,]", "Expecting value"),
        ("[" + "0," * 1_000_001 + "0]", "more than 1,000,000 values"),
        ('"' + "a" * 17_000_000 + '"', "more than 16,777,216 letters"),
    ],
)
def test_what_is_no_plain_json_is_one_clear_line(text: str | bytes, why: str) -> None:
    with pytest.raises(WeightsError) as refused:
        parse(text, ORIGIN)
    said = str(refused.value)
    assert why in said
    assert said.startswith("card.json is damaged: ")
    assert said.endswith(". Copy it again")
    assert len(said) < 400


def test_bytes_of_a_path_that_are_no_letters_stay_as_they_are() -> None:
    assert parse(r'["caf\udce9"]', ORIGIN) == ["caf\udce9"]
    check(parse(r'["caf\udce9"]', ORIGIN), list[str], ORIGIN)


def test_a_file_is_read_within_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[1, 2]")
    assert read(path, IndexFileError, "Build it again") == [1, 2]
    with pytest.raises(IndexFileError, match=r"a.json is damaged: it has more than 3 letters"):
        read(path, IndexFileError, "Build it again", JsonLimits(size_bytes=3))
    with pytest.raises(IndexFileError, match=r"b.json is missing. Build it again"):
        read(tmp_path / "b.json", IndexFileError, "Build it again")
    with pytest.raises(
        IndexFileError, match=r"cannot be read \(it is no plain file\). Build it again"
    ):
        read(tmp_path, IndexFileError, "Build it again")
    with pytest.raises(IndexFileError, match="cannot be read"):
        read(Path("/dev/zero"), IndexFileError, "Build it again")


def test_a_shape_is_held_to_and_the_place_is_named() -> None:
    text = '{"name": "x", "parts": {"a": {"size": 1, "share": 1}}, "mean": [1, 2.5], "new": 0}'
    assert shaped(parse(text, ORIGIN), Whole, ORIGIN) == Whole("x", {"a": Part(1, 1.0)}, (1.0, 2.5))
    with pytest.raises(
        WeightsError, match=r"parts.a.size: input should be .*integer, got True\. C"
    ):
        shaped(parse('{"name": "x", "parts": {"a": {"size": true}}}', ORIGIN), Whole, ORIGIN)
    with pytest.raises(WeightsError, match=r"name: input should be .* got 3 \(1 more such\)"):
        shaped(parse('{"name": 3}', ORIGIN), Whole, ORIGIN)
    with pytest.raises(WeightsError, match=r"card.json is damaged: parts is lacking\. Copy"):
        shaped(parse('{"name": "3"}', ORIGIN), Whole, ORIGIN)
    with pytest.raises(WeightsError, match=r"the whole: .* got \[\]"):
        check(parse("[]", ORIGIN), Whole, ORIGIN)
    with pytest.raises(WeightsError, match="holds NaN"):
        shaped(parse('{"name": "x", "parts": {}, "mean": [NaN]}', ORIGIN), Whole, ORIGIN)


def test_what_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        spell({"score": float("nan")})


def test_reading_alone_loads_no_library_for_shapes() -> None:
    told = (
        "import sys, gallery.json_files as j; print(sorted({'pydantic', 'numpy'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


PARTS = ("commands", "gallery", "generator", "index", "retrieval")
ALONE = {
    "gallery/json_files.py",
    "retrieval/evaluation/baselines/cache.py",
}  # the latter its own key


def test_nothing_else_in_the_product_reads_or_prints_json() -> None:
    """Hashes of what we spelt ourselves, and answers to our own questions, are another matter."""
    root = Path(__file__).parents[2]
    places = [path for part in PARTS for path in sorted((root / part).rglob("*.py"))]
    found = [
        f"{path.relative_to(root).as_posix()}: {line.strip()}"
        for path in places
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"json\.loads?\(|echo\(json\.dumps", line)
    ]
    assert [one for one in found if one.partition(":")[0] not in ALONE] == []


SIZE = 16 * 2**20
LARGE = JsonLimits(size_bytes=SIZE)


class Swelling:
    """Texts that take the most memory for their length."""

    def __init__(self, _folder: Path) -> None:
        self.texts = (
            lambda: "[" + "{}," * (SIZE // 3 - 1) + "{}]",
            lambda: "[" + "{}," * 490_000 + "{}]",
            lambda: "[" + '"\\ud83d\\ude00",' * 900_000 + "0]",
            lambda: '"\U0001f600' + "a" * (SIZE - 20) + '"',
            lambda: '{"a":"' + "\\n" * (SIZE // 2 - 10) + '"}',
            lambda: "[" * (SIZE - 2),
            lambda: "[" + "1e5," * 900_000 + "0]",
        )

    def __call__(self, random: Random) -> None:
        text = random.choice(self.texts)().encode()
        check(parse(text, ORIGIN, LARGE), list[object], ORIGIN)


def test_no_text_within_limits_takes_much_memory(tmp_path: Path) -> None:
    told = tried(Swelling, tmp_path, range(12))
    assert told["refused"] > 1
    assert told["taken"] > 1
