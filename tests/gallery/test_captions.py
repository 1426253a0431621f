import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.captions import (
    CUT,
    MOST_LETTERS,
    MOST_LINES,
    caption_lines,
    drawable,
    fitting,
    most_lines,
    shortened,
    shown,
)


def test_an_endless_line_is_measured_a_few_times_and_never_whole() -> None:
    measured: list[int] = []

    def length(text: str) -> float:
        measured.append(len(text))
        return 6.0 * len(text)

    assert fitting("x" * 1_000_000, 60, length) == "x" * 9 + CUT
    assert len(measured) < 15
    assert max(measured) <= MOST_LETTERS


@given(st.text(alphabet="abc…", max_size=60), st.integers(0, 40))
def test_what_is_cut_fits_and_is_as_long_as_can_be(text: str, width: int) -> None:
    cut = fitting(text, width, len)
    assert len(cut) <= width
    if len(text) <= width:
        assert cut == text
    elif width:
        assert cut == text[: width - 1].rstrip(CUT) + CUT or not cut


def test_endless_lines_and_letters_are_cut() -> None:
    lines = caption_lines("\n" * 30_000)
    assert len(lines) == MOST_LINES
    assert lines[-1] == CUT
    assert len(caption_lines("x" * 30_000)[0]) == MOST_LETTERS + 1
    assert most_lines(["", "a\nb", "\n" * 30_000]) == MOST_LINES
    assert most_lines([]) == most_lines([""]) == 0


@given(st.text(max_size=40), st.integers(1, 30))
def test_a_shortened_name_keeps_both_ends(name: str, most: int) -> None:
    short = shortened(name, most)
    if len(name) <= most:
        assert short == name
    else:
        assert len(short) == most
        assert short == name[: most - 1 - most // 2] + CUT + name[len(name) - most // 2 :]


def test_a_short_caption_stays_as_it_is() -> None:
    assert caption_lines("1. Zoë  0.912\npose=45") == ["1. Zoë  0.912", "pose=45"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\tb\rc\x1b[31m", "a\\tb\\rc\\x1b[31m"),
        (os.fsdecode(b"caf\xe9.png"), "caf\\xe9.png"),
        ("\ud83d", "\\ud83d"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("顔 😀 é", "顔 😀 é"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text: str, seen: str) -> None:
    assert shown(text) == seen


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Zoë Núñez-Müller", "Zoe Nunez-Muller"),
        ("Zoe\u0308", "Zoe"),  # as macOS names files
        ("Søren Groß, Łódź", "Soren Gross, Lodz"),
        ("Ærø \u2013 “3 \u00d7 4”", 'AEro - "3 x 4"'),
        ("½ ﬁ\u00a0x", "\\xbd fi x"),
        ("顔 😀", "\\u9854 \\U0001f600"),
        ("plain.png", "plain.png"),
    ],
)
def test_a_letter_that_the_font_lacks_is_written_in_those_it_has(text: str, drawn: str) -> None:
    assert drawable(text, str.isascii) == drawn


def test_a_letter_that_the_font_has_stays() -> None:
    assert drawable("Zoë ß 顔", lambda _: True) == "Zoë ß 顔"
