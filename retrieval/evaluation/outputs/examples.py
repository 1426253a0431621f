"""Which queries are shown: successes and failures of `ours`, among those drawn by lot before."""

from collections import Counter
from dataclasses import dataclass

from retrieval.evaluation.drawing_records import Example
from retrieval.evaluation.outputs import pictures
from retrieval.evaluation.protocol.wishes import wish_of
from retrieval.evaluation.records import REFERENCE, Record
from retrieval.evaluation.statistics.outcomes import Kind, kinds, rank_all

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with what is said of it.

    Attributes:
        uri: The image itself.
        alt: What it shows, for those who cannot see it.
        caption: Below it.
        kind: Name of its `Kind`; empty if it is not an answer.
    """

    uri: str
    alt: str
    caption: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ExampleQuery:
    """A query with its answers.

    Attributes:
        title: Whom and what it asks for.
        outcome: Where the first right image stands.
        asked: Source, drawing and target.
        found: The first images of the ranking.
    """

    title: str
    outcome: str
    asked: tuple[Picture, ...]
    found: tuple[Picture, ...]


def choose(record: Record, wanted: int = SHOWN) -> tuple[list[ExampleQuery], list[ExampleQuery]]:
    """Choose successes (a right image under C2 stands first) and failures (none is shown).

    Of the pictures that were kept, those of other people and other wishes come first; nothing else
    decides.

    Returns:
        Successes and failures, at most `wanted` of each.
    """
    ours = next((m for m in record.methods if m.name == REFERENCE and not m.skipped), None)
    if ours is None or not record.examples:
        return [], []
    first = rank_all(ours, record.queries)["C2"].first
    measured = record.queries.measured["C2"]
    asked = [example for example in record.examples if measured[example.query]]
    good = [example for example in asked if first[example.query] == 0]
    bad = [e for e in asked if not 0 <= first[e.query] < len(e.found)]
    found = kinds(record, ours)
    groups = []
    for group in (good, bad):
        chosen = _varied(group, record, wanted)
        groups.append(
            [_shown(e, record, found[e.query].tolist(), int(first[e.query])) for e in chosen]
        )
    return groups[0], groups[1]


def _varied(examples: list[Example], record: Record, wanted: int) -> list[Example]:
    """Take examples one by one, each of a person and a wish that were taken least so far."""
    taken: Counter[tuple[str, *tuple[int, ...]]] = Counter()
    left, chosen = list(examples), list[Example]()
    while left and len(chosen) < wanted:
        best = min(left, key=lambda example: sum(taken[key] for key in _keys(example, record)))
        left = [example for example in left if example is not best]
        taken.update(_keys(best, record))
        chosen.append(best)
    return chosen


def _keys(example: Example, record: Record) -> tuple[tuple[str, *tuple[int, ...]], ...]:
    wished = record.queries.wished[example.query]
    values = wished[wished >= 0].tolist()
    return ("who", int(record.identity[example.query])), ("wish", *values)


def _shown(example: Example, record: Record, found: list[int], first: int) -> ExampleQuery:
    queries, gallery = record.queries, record.gallery
    query, source = example.query, int(queries.source[example.query])
    wish = wish_of(gallery.space, queries.wished[query])
    own = wish_of(gallery.space, gallery.values[source]).only(wish)
    before, after = (", ".join(f"{n} {v}" for n, v in one.items()) for one in (own, wish))
    who = record.people.names[int(gallery.identity[source])]
    ours = next(m for m in record.methods if m.name == REFERENCE)
    asked = (
        Picture(pictures.photograph(example.source), f"source: {who}, {before}", "source"),
        Picture(pictures.photograph(example.drawn), f"drawn: {after}", "drawn"),
        Picture(pictures.photograph(example.target), f"target: {who}, {after}", "target"),
    )
    answers = []
    for rank, pixels in enumerate(example.found):
        image = int(ours.top[query, rank])
        kind = Kind(found[rank]).name.lower()
        said = _said(record, image, source)
        alt = f"rank {rank + 1}, {'right' if kind == 'right' else 'wrong'}: {said}"
        answers.append(Picture(pictures.photograph(pixels), alt, said, kind))
    outcome = (
        f"first right image at rank {first + 1:,}" if first >= 0 else "no right image is ranked"
    )
    title = f"{who}: {', '.join(f'{name} {own[name]} → {wish[name]}' for name in wish)}"
    return ExampleQuery(title, outcome, asked, tuple(answers))


def _said(record: Record, image: int, source: int) -> str:
    """Say who an image shows, and which of its values the source does not have."""
    gallery = record.gallery
    identity = int(gallery.identity[image])
    who = record.people.names[identity] if identity >= 0 else "unknown"
    changed = [
        f"{attribute.name} {attribute.values[mine] if mine >= 0 else 'unknown'}"
        for attribute, mine, before in zip(
            gallery.space,
            gallery.values[image].tolist(),
            gallery.values[source].tolist(),
            strict=True,
        )
        if mine != before
    ]
    return ", ".join([who, *changed])
