"""Why an answer is as it is."""

from pathlib import Path
from typing import Any

from PIL import Image

from gallery.errors import ConfigError
from gallery.sheets import png_of
from retrieval.api.answer import Question
from retrieval.search import explain


class Reasons:
    """Why an answer is as it is: the drawing of every value, and what each finds."""

    def __init__(self, question: Question, *, redraw: bool = False) -> None:
        if len(question.faces.pixels) > 1:
            raise ConfigError("--explain tells of one image; leave the others out")
        asked = question
        self._aligner = asked.searcher.card.aligner
        self._told = explain.explain_faces(
            asked.searcher, asked.faces, asked.wishes, asked.k, asked.among, redraw=redraw
        )

    def sheet(self) -> Image.Image:
        """Draw source and redrawing, then a row for each value with what it finds."""
        return explain.sheet(self._told, self._aligner)

    def to_json(self) -> dict[str, Any]:
        """Return what `explain.json` holds."""
        return explain.to_json(self._told)

    def write(self, folder: str | Path) -> list[Path]:
        """Write sheet, drawings and explain.json; return the files.

        Raises:
            DatasetError: A picture cannot be written.
        """
        return list(explain.write(self._told, Path(folder), self._aligner))

    def __repr__(self) -> str:
        return f"<Reasons: {len(self._told.rows)} values drawn>"

    def _repr_png_(self) -> bytes:
        """Show the sheet in a notebook."""
        return png_of(self.sheet())
