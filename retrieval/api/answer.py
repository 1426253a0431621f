"""An answer to a query: what was found, how it looks, why it is so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

from PIL import Image

from gallery import sheets
from gallery.provenance import WHOLE, mark
from gallery.wishes import Wishes
from retrieval.search import answers
from retrieval.search.drawing import SeenFaces
from retrieval.search.result import Among, Found, SearchResult
from retrieval.search.searcher import Searcher
from retrieval.search.sheets import answer_sheet, hit_tile

if TYPE_CHECKING:
    from retrieval.api.reasons import Reasons

TILE_PX = 112


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked."""

    searcher: Searcher
    faces: SeenFaces
    wishes: Wishes
    k: int
    among: Among


class Answer(Sequence[Found]):
    """What a search found: a sequence of hits, the best first.

    A hit says `rank` (from 1), `score`, `parts` (what the score is the sum of), `confidence` (or
    None), `path`, `identity`, `condition` (what its labels say), `estimate` (the values in which it
    was redrawn) and `sha256`. In a notebook an answer shows source, drawing and hits.

    Attributes:
        notes: What the user should know, such as a crop that is a guess.
    """

    def __init__(self, found: SearchResult, question: Question, notes: Sequence[str] = ()) -> None:
        self._found = found
        self._question = question
        self.notes = tuple(notes)

    @overload
    def __getitem__(self, place: int) -> Found: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Found]: ...
    def __getitem__(self, place: int | slice) -> Found | Sequence[Found]:
        return self._found.hits[place]

    def __len__(self) -> int:
        return len(self._found.hits)

    @property
    def source(self) -> Image.Image:
        """The face in the source image, cut out as the generator saw it."""
        return sheets.to_image(self._found.source)

    @property
    def drawn(self) -> Image.Image:
        """The drawing of what was wished for, a Pillow image."""
        return mark(sheets.to_image(self._found.drawn), WHOLE)

    @property
    def space(self) -> str:
        """Name of the space that answered."""
        return self._found.space

    @property
    def wish(self) -> dict[str, str]:
        """The values that shall be shown, spelt as in the space."""
        return dict(self._found.wish)

    @property
    def wishes(self) -> tuple[str, ...]:
        """All that was wished for, as written: with weights, and what must not be shown."""
        return self._found.wishes.spelt

    @property
    def no_confidence(self) -> str | None:
        """Why hits have no confidence although it was fitted; None otherwise."""
        return None if self._found.doubt is None else self._found.doubt.reason

    def sheet(self) -> Image.Image:
        """Draw source, drawing and hits side by side: what `mindseye query --sheet` saves."""
        question = self._question
        aligner = question.searcher.card.aligner
        return answer_sheet([self._found], aligner, shown=question.k)

    def explain(self, *, redraw: bool = False) -> "Reasons":
        """Draw every value of the wished attributes, and find what comes closest to each.

        Args:
            redraw: Redraw the images that were found, too: what a student saw of them, or what was
                drawn of them, is not kept.

        Raises:
            ConfigError: The answer is about several source images.
        """
        from retrieval.api.reasons import Reasons

        return Reasons(self._question, redraw=redraw)

    def to_json(self, drawn: str | None = None, *, embed: bool = True) -> dict[str, Any]:
        """Return what `mindseye query --json` prints.

        Args:
            drawn: Where the drawing was saved. None: a data URI holds it.
            embed: Whether it does, where the drawing was saved nowhere. Otherwise "drawn" is None.
        """
        if drawn is None and embed:
            drawn = sheets.data_uri(self.drawn)
        return answers.to_json(self._found, drawn)

    def __str__(self) -> str:
        return answers.to_text(self._found)

    def __repr__(self) -> str:
        return f"<Answer to {self._found.wishes} in {self.space}: {len(self)} hits>"

    def _repr_html_(self) -> str:
        """Show source, drawing and hits in a notebook."""
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{"".join(self._figures())}</div>'

    def _figures(self) -> Iterator[str]:
        yield _figure(self.source, "source")
        yield _figure(self.drawn, f"drawn: {self._found.wishes}")
        for hit in self:
            tile = hit_tile(hit, self._question.searcher.card.aligner, sheets.PLAIN)
            picture = None if tile.pixels is None else sheets.to_image(tile.pixels)
            yield _figure(picture, tile.caption, hit.path)


def _figure(picture: Image.Image | None, caption: str, title: str = "") -> str:
    """Return a picture with lines below it as HTML."""
    shown = f'<div style="height:{TILE_PX}px"></div>'
    if picture is not None:
        side = f"width:{TILE_PX}px;height:{TILE_PX}px;object-fit:contain"
        shown = f'<img src="{sheets.data_uri(picture)}" style="{side}" alt="{escape(title)}">'
    lines = "<br>".join(map(escape, caption.split("\n")))
    return (
        f'<figure style="margin:0;width:{TILE_PX}px" title="{escape(title)}">{shown}'
        f'<figcaption style="font-size:11px;overflow-wrap:anywhere">{lines}</figcaption></figure>'
    )
