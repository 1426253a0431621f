"""All editors on the same faces: one picture.

Shapes: S side, C channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gallery import sheets
from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace, Condition
from gallery.duplicates import number_contents
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from gallery.pixels import cut
from generator.card import Card
from generator.drawer import Drawer
from retrieval.evaluation.fold.fold import tested_faces
from retrieval.evaluation.fold.probes import targets_of
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, Queries, all_queries
from retrieval.evaluation.protocol.query_table import ask, known_space
from retrieval.evaluation.protocol.wishes import wish_of
from retrieval.evaluation.records import Integers

FACES = 12
TILE_PX = 96


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of a picture.

    Attributes:
        source: What is edited.
        target: The same person with the wished values, and all else as in the source.
        wish: These values.
    """

    source: Face
    target: Face
    wish: Condition


def choose_edits(
    faces: FaceSet, cards: Sequence[Card], protocol: Protocol, count: int = FACES
) -> tuple[Edit, ...]:
    """Choose edits by lot, other people first, that all of some weights can draw.

    Args:
        faces: The collection.
        cards: Of the weights; nobody whom one of them has seen is chosen.
        protocol: Whose gallery, attributes and seed hold.
        count: How many; fewer if there are no more.

    Raises:
        DatasetError: There is no edit that all of them can draw, or nobody is left.
        ConfigError: The protocol does not fit.
    """
    faces = faces.renamed(protocol.names)
    tested = [{one.name for one in tested_faces(faces, card, protocol).faces} for card in cards]
    admitted = set.intersection(*tested)
    known = faces.where(
        lambda face: face.name in admitted and all(_tells(face, card.space) for card in cards)
    )
    space = known_space(known.faces, faces.space)
    labels = Labels.of(known.faces, space, number_contents(known))
    wishable = {
        attribute.name: [
            place
            for place, value in enumerate(labels.space[attribute.name].values)
            if all(card.space[attribute.name].knows(value) for card in cards)
        ]
        for attribute in cards[0].space
        if attribute.name in labels.space
        and all(attribute.name in card.space for card in cards)
        and (not protocol.attributes or attribute.name in protocol.attributes)
    }
    every = all_queries(labels, wishable, protocol.wishes)
    every = every.chosen(np.flatnonzero(every.strict))
    if not len(every):
        raise DatasetError(
            f"{faces.spec} shows nobody under two values that all of"
            f" {', '.join(card.name for card in cards)} draw; name weights of one attribute"
        )
    chosen = every.chosen(_by_lot(every, labels, protocol.seed, count))
    return _edits(known.faces, labels, chosen)


def draw_sheet(faces: FaceSet, engines: Mapping[str, Drawer], edits: Sequence[Edit]) -> Image.Image:
    """Draw all edits by all editors: a row for each, below the sources and the targets.

    Args:
        faces: The collection.
        engines: By the name that stands beside their row, at least one.
        edits: What is drawn.

    Raises:
        DatasetError: An image cannot be used.
    """
    largest = max((engine.card.aligner for engine in engines.values()), key=lambda one: one.size)
    rows = [
        _row("source", [cut(faces, edit.source, largest) for edit in edits]),
        _row("true target", [cut(faces, edit.target, largest) for edit in edits]),
    ]
    for place, edit in enumerate(edits, start=1):
        shown = {name: edit.source.condition[name] for name in edit.wish}
        caption = f"{edit.source.identity}\n{_spelt(shown)}"
        rows[0][place] = replace(rows[0][place], caption=caption)
        rows[1][place] = replace(rows[1][place], caption=_spelt(edit.wish))
    for name, engine in engines.items():
        space = engine.card.space
        pixels = np.stack([cut(faces, edit.source, engine.card.aligner) for edit in edits])
        codes = np.stack([_code(edit, space) for edit in edits])
        rows.append(_row(name, list(engine.draw(pixels, codes).refined)))
    return sheets.sheet(rows, tile_px=TILE_PX)


def _spelt(values: Mapping[str, str]) -> str:
    """Spell values for a small picture, a line for each name and each value."""
    return "\n".join(f"{name}\n{value}" for name, value in values.items())


def _by_lot(queries: Queries, labels: Labels, seed: int, count: int) -> Integers:
    """Shuffle the queries; take one of each person, then a second one, and so on."""
    order = np.random.default_rng(seed).permutation(len(queries))
    people = labels.identity[queries.sources[order]]
    grouped = np.argsort(people, kind="stable")
    times = np.empty_like(order)  # how often a person was taken before
    times[grouped] = np.arange(len(order)) - np.searchsorted(people[grouped], people[grouped])
    return order[np.argsort(times, kind="stable")][:count]


def _edits(faces: Sequence[Face], labels: Labels, queries: Queries) -> tuple[Edit, ...]:
    targets = targets_of(ask(labels, queries, {}))
    found = []
    for place, target in enumerate(targets.tolist()):
        wish = wish_of(labels.space, queries.wished[place])
        found.append(Edit(faces[queries.sources[place]], faces[target], wish))
    return tuple(found)


def _tells(face: Face, space: AttributeSpace) -> bool:
    """Say whether a face's own value of every attribute can be drawn."""
    return all(one.name in face.condition and one.knows(face.condition[one.name]) for one in space)


def _code(edit: Edit, space: AttributeSpace) -> Floats:
    own = {name: edit.source.condition[name] for name in space.names}
    return space.one_hot(space.check(own).replace(edit.wish))


def _row(name: str, images: Sequence[Pixels]) -> list[sheets.Tile]:
    return [sheets.Tile(None, name), *(sheets.Tile(image) for image in images)]
