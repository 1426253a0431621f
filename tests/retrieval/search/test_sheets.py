from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from gallery.align import Aligner
from gallery.attributes import Condition
from gallery.sheets import GREEN, PLAIN, RED
from gallery.wishes import Wishes
from retrieval.search.result import Found, SearchResult, Timings
from retrieval.search.sheets import SHOWN, answer_sheet, hit_tile

ALIGNER = Aligner(size=32, channels=1)
CELL = 112 + 12


@pytest.fixture
def answer(faces_dir: Path) -> SearchResult:
    """An answer of seven hits, the third of which is no longer there."""
    paths = [faces_dir / f"p{person}-0-left.png" for person in (1, 2, 3, 4, 5, 1, 2)]
    paths[2] = faces_dir / "gone.png"
    return SearchResult(
        space="pose-32",
        wishes=Wishes.of(Condition(pose="45")),
        source=np.full((32, 32, 1), 40, dtype=np.uint8),
        drawn=np.full((32, 32, 1), 180.4, dtype=np.float32),
        timings_ms=Timings(1.0, 1.0, 1.0),
        hits=tuple(
            Found(rank, 0.5, str(path), None, Condition(pose="45"), Condition(pose="0"))
            for rank, path in enumerate(paths, start=1)
        ),
    )


def colour_of(sheet: Image.Image, column: int, x: int = 4, y: int = 60) -> str:
    """Return a pixel of a tile in the first row; by default one of its frame."""
    pixel = sheet.getpixel((column * CELL + x, y))
    assert isinstance(pixel, tuple)
    return "#" + "".join(f"{int(level):02x}" for level in pixel)


def test_a_row_shows_source_drawing_and_the_first_hits(answer: SearchResult) -> None:
    sheet = answer_sheet([answer], ALIGNER)
    assert sheet.width == (2 + SHOWN) * CELL
    assert colour_of(sheet, 0, x=60) == "#282828"
    assert colour_of(sheet, 1, x=60) == "#b4b4b4"
    assert [colour_of(sheet, column) for column in range(7)] == ["#ffffff"] * 7


def test_right_hits_are_framed_green_and_wrong_ones_red(answer: SearchResult) -> None:
    right = [[True, False, True, False, True, True, True]]
    sheet = answer_sheet([answer], ALIGNER, right=right)
    frames = [colour_of(sheet, column) for column in range(7)]
    assert frames == ["#ffffff", "#ffffff", GREEN, RED, "#ffffff", RED, GREEN]


def test_a_hit_whose_file_is_gone_leaves_its_place_empty(answer: SearchResult) -> None:
    sheet = answer_sheet([answer], ALIGNER)
    hits = [np.asarray(sheet)[8:116, c * CELL + 8 : c * CELL + 116] for c in range(2, 7)]
    assert [bool((hit == 255).all()) for hit in hits] == [False, False, True, False, False]


def test_a_long_name_hides_neither_the_score_nor_its_own_end(faces_dir: Path) -> None:
    path = faces_dir / f"{'holiday-in-rome-' * 3}013_smiling.jpg"
    hit = Found(12, 0.4321, str(path), None, Condition(pose="45"), Condition(pose="0"))
    score, name, *_ = hit_tile(hit, ALIGNER, PLAIN).caption.split("\n")
    assert (score, name) == ("12.  0.432", "holiday-…iling.jpg")
    font = ImageFont.load_default(size=11)
    assert max(font.getlength(line) for line in (score, name)) <= CELL - 4
    named = replace(hit, identity="ann")
    assert hit_tile(named, ALIGNER, PLAIN).caption.startswith("12.  0.432\nann\n")


def test_as_many_hits_are_shown_as_are_asked_for(answer: SearchResult) -> None:
    assert answer_sheet([answer], ALIGNER, shown=3).width == 5 * CELL
    assert answer_sheet([answer], ALIGNER, shown=100).width == 9 * CELL
    one, two = (answer_sheet([answer] * rows, ALIGNER).height for rows in (1, 2))
    assert two == 2 * one
