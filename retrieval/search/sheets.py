"""Pictures of answers: source, drawing, and what was found."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gallery.align import Aligner, Pixels
from gallery.captions import shortened
from gallery.errors import DatasetError, ImageError
from gallery.images import decode
from gallery.provenance import PART, mark
from gallery.readers.registry import read_image
from gallery.sheets import GREEN, PLAIN, RED, Tile, sheet
from retrieval.search.result import Found, SearchResult

SHOWN = 5
NAME_LETTERS = 18  # of a name, so that its end is seen below a tile


def answer_sheet(
    answers: Sequence[SearchResult],
    aligner: Aligner,
    *,
    right: Sequence[Sequence[bool]] | None = None,
    title: str = "",
    shown: int = SHOWN,
) -> Image.Image:
    """Draw a row for each answer: source, drawing, the first images found.

    Args:
        answers: What queries brought.
        aligner: Cuts the found images out as it did when they were indexed.
        right: Whether each hit of each answer is right: framed green, or else red. None frames
            nothing, as nobody knows.
        title: Above.
        shown: Hits in a row.
    """
    rows = []
    for number, answer in enumerate(answers):
        row = [source_tile(answer), Tile(answer.drawn, f"drawn:\n{answer.wishes}")]
        for place, hit in enumerate(answer.hits[:shown]):
            colour = PLAIN if right is None else GREEN if right[number][place] else RED
            row.append(hit_tile(hit, aligner, colour))
        rows.append(row)
    return mark(sheet(rows, tile_px=112, title=title), PART)


def source_tile(answer: SearchResult) -> Tile:
    """Show what was asked about, and why there is no confidence, where that is so."""
    doubt = "" if answer.doubt is None else f"\n{answer.doubt.brief}"
    return Tile(answer.source, f"source{doubt}")


def cut_hit(hit: Found, aligner: Aligner) -> Pixels:
    """Cut a found image out as it was when it was indexed, (S, S, C).

    Raises:
        DatasetError: Its file is gone, holds another image now, or no face can be cut out of it.
    """
    content = read_image(Path(hit.path))
    if hit.sha256 and hashlib.sha256(content).hexdigest() != hit.sha256:
        raise ImageError("the file holds another image now")
    return aligner.align(decode(content), hit.landmarks)


def hit_tile(hit: Found, aligner: Aligner, frame: str) -> Tile:
    """Show one found image: rank and score, whose face, how sure, and what is known of it."""
    who = shortened(hit.identity or Path(hit.path).name, NAME_LETTERS)
    values = [f"{name}={value}" for name, value in hit.condition.items()]
    sure = [] if hit.confidence is None else [f"confidence {100 * hit.confidence:.0f} %"]
    parts = [f"{name} {part:.3f}" for name, part in hit.parts.items()]
    caption = "\n".join([f"{hit.rank}.  {hit.score:.3f}", who, *sure, *parts, *values])
    try:
        return Tile(cut_hit(hit, aligner), caption, frame)
    except DatasetError as error:
        return Tile(None, f"{caption}\n({error})")
