"""Why an answer is as it is: the drawing for every wishable value, and what each finds.

`write` leaves a folder that is read on its own: `sheet.png` with a row for each drawing,
`explain.json` with all scores split into their parts, and the pictures in `drawings/`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from gallery import sheets
from gallery.align import Aligner, Crop
from gallery.arrays import Floats
from gallery.attributes import Attribute, Condition
from gallery.errors import DatasetError
from gallery.files import write_whole
from gallery.json_files import spell
from gallery.provenance import PART, WHOLE, mark
from gallery.wishes import Wishes
from generator.canonical import canonicalise
from generator.values import shares_of
from retrieval.search.answers import hit_to_json
from retrieval.search.drawing import SeenFaces
from retrieval.search.result import ALL, Among, Found, SearchResult
from retrieval.search.searcher import Searcher
from retrieval.search.sheets import SHOWN, cut_hit, hit_tile, source_tile

READING = (
    "sheet.png: first the source and its canonical redrawing; then a row for each value: the"
    " drawing, and the gallery images that come closest to it. score = drawing (cosine of drawing"
    " and canonical view) + log_p (how surely the image shows the wished values) + identity (how"
    " alike source and image are to a face recogniser) + not (how surely the image does not show"
    " what must not be), each as weighted; drawing alone where there is no more. wishes: what"
    " each wish added. confidence: calibrated probability that person and wish are right;"
    " no_confidence: why there is none although it was fitted."
)


@dataclass(frozen=True, slots=True)
class ExplainedValue:
    """One drawing and what it finds.

    Attributes:
        attribute: Which is varied.
        value: Drawn here.
        wished: Whether this is what was wished for.
        answer: What a query for it brings.
    """

    attribute: str
    value: str
    wished: bool
    answer: SearchResult


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer, and what other wishes would have brought.

    Attributes:
        wishes: What was wished for.
        score: What scores are made of, as in `--score`.
        estimate: The values that the source seems to show.
        redrawn: The source, redrawn in these, grey levels in [0, 255], (S, S, C).
        error: Mean squared distance of that to the source, grey levels squared.
        probabilities: What the estimator holds every value for, by attribute; None without an
            estimator.
        rows: For each wished attribute, every value in order.
        hits: By hash, the images that were found for the wish, redrawn as the gallery holds them,
            grey levels, (S, S, C) each; empty where nobody asked for it.
    """

    wishes: Wishes
    score: str
    estimate: Condition
    redrawn: Floats
    error: float
    probabilities: dict[str, dict[str, float]] | None
    rows: tuple[ExplainedValue, ...]
    hits: Mapping[str, Floats] = field(default_factory=dict)


def explain(
    searcher: Searcher,
    image: Image.Image,
    wishes: Wishes | Condition | Sequence[str],
    k: int = SHOWN,
    crop: Crop | None = None,
    *,
    among: Among = ALL,
) -> Explanation:
    """Draw every value of each wished attribute, the other wishes held, and ask for each.

    Args:
        searcher: The searcher of the space that answers.
        image: The source, upright.
        wishes: What is wished for; or as written, like "pose=45".
        k: How many images for each.
        crop: Where the face is in this image; otherwise the weights' own crop.
        among: Which images may answer.

    Raises:
        WishError: A wish names an unknown attribute or value.
        ImageError: The crop does not fit the image.
    """
    wished = searcher.wishes(wishes)
    return explain_faces(searcher, searcher.see([image], [crop]), wished, k, among)


def explain_faces(
    searcher: Searcher,
    faces: SeenFaces,
    wished: Wishes,
    k: int,
    among: Among,
    *,
    redraw: bool = False,
) -> Explanation:
    """Explain what is asked about a face that is cut out already, of one image; see `explain`.

    Args:
        searcher: The searcher of the space that answers.
        faces: The source.
        wished: What is wished for.
        k: How many images for each.
        among: Which images may answer.
        redraw: Whether the images that are found for the wish are redrawn, too.
    """
    log_p = searcher.estimate(faces.pixels, faces.portraits)
    seen = canonicalise(searcher.engine, faces.pixels, searcher.rule, log_p)
    space = searcher.card.space
    asked = wished.values.items()
    values = [(name, value) for name, w in asked for value in _drawn_values(space[name], w)]
    drawings = searcher.draw([(faces, wished.showing(name, value)) for name, value in values])
    rows = [
        ExplainedValue(name, value, one.wishes == wished, searcher.find(one, k, among))
        for (name, value), one in zip(values, drawings, strict=True)
    ]
    probabilities = None
    if log_p is not None:
        probabilities = _by_value(searcher, log_p)
    hits: Mapping[str, Floats] = {}
    if redraw:
        hits = _redrawn(searcher, [hit for row in rows if row.wished for hit in row.answer.hits])
    return Explanation(
        wished,
        searcher.scoring.name,
        seen.estimates[0],
        seen.images[0],
        round(float(seen.errors[0]), 2),
        probabilities,
        tuple(rows),
        hits,
    )


def _redrawn(searcher: Searcher, hits: Sequence[Found]) -> dict[str, Floats]:
    """Redraw what was found, in the values that the gallery holds it for; what is gone is not."""
    space = searcher.card.space
    made: dict[str, Floats] = {}
    for hit in hits:
        with suppress(DatasetError):
            pixels = cut_hit(hit, searcher.card.aligner)
            drawn = searcher.engine.draw(pixels[None], space.one_hot(hit.estimate)[None])
            made[hit.sha256] = drawn.refined[0]
    return made


def write(explanation: Explanation, out: Path, aligner: Aligner) -> Iterator[Path]:
    """Write the folder; yield each file.

    Args:
        explanation: What is told.
        out: Folder; made if it is not there.
        aligner: Cuts the found images out as it did when they were indexed.

    Raises:
        DatasetError: A picture cannot be written.
        OSError: The folder cannot be written.
    """
    first = explanation.rows[0].answer
    pictures: dict[str, NDArray[Any]] = {
        "source": first.source,
        "source redrawn": explanation.redrawn,
    }
    pictures |= {_name(row): row.answer.drawn for row in explanation.rows}
    pictures |= {
        f"hit {hit.rank} redrawn": explanation.hits[hit.sha256]
        for row in explanation.rows
        for hit in row.answer.hits
        if row.wished and hit.sha256 in explanation.hits
    }
    for name, pixels in pictures.items():
        path = out / "drawings" / f"{name}.png"
        picture = sheets.to_image(pixels)
        sheets.save(picture if name == "source" else mark(picture, WHOLE), path)
        yield path
    sheets.save(sheet(explanation, aligner), out / "sheet.png")
    yield out / "sheet.png"
    text = spell(to_json(explanation), indent=1, ascii_only=False)
    write_whole(out / "explain.json", text.encode())
    yield out / "explain.json"


def sheet(explanation: Explanation, aligner: Aligner) -> Image.Image:
    """Draw the source and its redrawing, then a row for each drawing with what it finds."""
    first = explanation.rows[0].answer
    redrawn = f"redrawn as\n{explanation.estimate}\nMSE {explanation.error:g}"
    rows = [[source_tile(first), sheets.Tile(explanation.redrawn, redrawn)]]
    for row in explanation.rows:
        caption = f"{row.attribute}={row.value}{chr(10) + 'wished for' if row.wished else ''}"
        frame = sheets.GREEN if row.wished else sheets.PLAIN
        found = [hit_tile(hit, aligner, sheets.PLAIN) for hit in row.answer.hits]
        rows.append([sheets.Tile(row.answer.drawn, caption, frame), *found])
        if row.wished and explanation.hits:
            again = [
                sheets.Tile(explanation.hits.get(hit.sha256), f"redrawn as\n{hit.estimate}")
                for hit in row.answer.hits
            ]
            rows.append([sheets.Tile(row.answer.drawn, "compared with"), *again])
    title = f"{explanation.wishes}: every value drawn, and its nearest images ({explanation.score})"
    return mark(sheets.sheet(rows, tile_px=112, title=title), PART)


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Return what `explain.json` holds."""
    doubt = explanation.rows[0].answer.doubt
    return {
        "reading": READING,
        "space": explanation.rows[0].answer.space,
        "wish": dict(explanation.wishes.values),
        "wishes": list(explanation.wishes.spelt),
        "score": explanation.score,
        "no_confidence": None if doubt is None else doubt.reason,
        "source": {
            "picture": "drawings/source.png",
            "redrawn": "drawings/source redrawn.png",
            "estimate": dict(explanation.estimate),
            "mse": explanation.error,
            "probabilities": explanation.probabilities,
        },
        "drawings": [
            {
                "attribute": row.attribute,
                "value": row.value,
                "wished": row.wished,
                "wish": dict(row.answer.wish),
                "wishes": list(row.answer.wishes.spelt),
                "picture": f"drawings/{_name(row)}.png",
                "timings_ms": asdict(row.answer.timings_ms),
                "hits": [hit_to_json(hit) for hit in row.answer.hits],
            }
            for row in explanation.rows
        ],
    }


def _drawn_values(attribute: Attribute, wished: str) -> list[str]:
    """Return the values that are drawn: all; of a strength the grid, and the one wished for."""
    if wished in attribute.values:
        return [*attribute.values]
    return sorted([*attribute.values, wished], key=float)


def _by_value(searcher: Searcher, log_p: Floats) -> dict[str, dict[str, float]]:
    space = searcher.card.space
    return {
        attribute.name: {
            value: round(share, 4)
            for value, share in zip(attribute.values, part[0].tolist(), strict=True)
        }
        for attribute, part in zip(space, shares_of(log_p, space), strict=True)
    }


def _name(row: ExplainedValue) -> str:
    """Name a row's picture; values may hold what a file name may not."""
    return re.sub(r"[^\w.=+-]", "_", f"{row.attribute}={row.value}")
