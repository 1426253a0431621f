"""Answers in words and in JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from gallery.readers.registry import is_there
from retrieval.collection.missing_files import MOVED
from retrieval.search.result import Found, SearchResult


def to_json(answer: SearchResult, drawn: str | None) -> dict[str, Any]:
    """Return an answer as JSON.

    Args:
        answer: What a query brought.
        drawn: Where the drawing is: a path, or a data URI that holds it. None: it is not told.
    """
    return {
        "space": answer.space,
        "wish": dict(answer.wish),
        "wishes": list(answer.wishes.spelt),
        "drawn": drawn,
        "timings_ms": asdict(answer.timings_ms),
        "runtime": answer.runtime,
        "no_confidence": None if answer.doubt is None else answer.doubt.reason,
        "hits": [hit_to_json(hit) for hit in answer.hits],
        "missing": missing(answer),
    }


def missing(answer: SearchResult) -> list[str]:
    """Return the paths of found images that are no longer at their place."""
    return [hit.path for hit in answer.hits if not is_there(Path(hit.path))]


def missing_note(answer: SearchResult) -> list[str]:
    """Say in a line how many found images are no longer at their place, and what to do."""
    gone = len(missing(answer))
    if not gone:
        return []
    one, are = len(answer.hits) == 1, "is" if gone == 1 else "are"
    said = "The image found is" if one else f"{gone} of the {len(answer.hits)} images found {are}"
    return [f"Warning: {said} no longer at {'its' if gone == 1 else 'their'} place; {MOVED}"]


def hit_to_json(hit: Found) -> dict[str, Any]:
    """Return one answer as JSON: "parts" is what its score is the sum of, if of several.

    "wishes" is what each wish added, where values are estimated. "second_estimate" is there where
    the image was redrawn in two values.
    """
    second = {} if hit.second is None else {"second_estimate": dict(hit.second)}
    return {
        "rank": hit.rank,
        "score": hit.score,
        "parts": dict(hit.parts),
        "confidence": hit.confidence,
        "path": hit.path,
        "identity": hit.identity,
        "condition": dict(hit.condition),
        "estimate": dict(hit.estimate),
        "id": hit.id,
        **second,
        **({"wishes": dict(hit.wishes)} if hit.wishes else {}),
    }


def to_text(answer: SearchResult) -> str:
    """Return an answer as lines of text, best first."""
    lines = [f"{answer.wishes}  (space {answer.space})"]
    for hit in answer.hits:
        who = hit.identity or "-"
        sure = "" if hit.confidence is None else f"  {100 * hit.confidence:3.0f} %"
        lines.append(f"{hit.rank:>3}  {hit.score:.3f}{sure}  {who:<12} {hit.condition}  {hit.path}")
    if not answer.hits:
        lines.append("nothing found")
    if answer.doubt is not None:
        lines.append(f"No confidence: {answer.doubt.reason}")
    times = answer.timings_ms
    lines.append(f"draw {times.draw} ms, embed {times.embed} ms, search {times.search} ms")
    return "\n".join(lines)
