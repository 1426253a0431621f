"""What a fold is tested on: whose images, which of them, with what labels, and what can be asked.

A fold is one set of weights. All its images are read before queries are drawn, since a file that
cannot be read is in no gallery and takes queries with it. Aligned pixels lie in a scratch file.

Shapes: N images, S side, C channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gallery.align import Aligner
from gallery.attributes import AttributeSpace
from gallery.duplicates import number_contents
from gallery.errors import ConfigError, DatasetError
from gallery.faces import Face, FaceSet, Problem, first_identities
from gallery.pixels import Aligned, align_each
from gallery.portraits import PortraitForm, portrait_aligner
from gallery.spelling import composed
from generator.card import Card
from generator.drawer import Drawer
from generator.training.held_out import data_sha256
from retrieval.evaluation.fold.vector_store import Steps, Store
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, Queries, all_queries, count_pairs
from retrieval.evaluation.protocol.query_table import known_space, restrict
from retrieval.evaluation.records import BenchmarkProgress


@dataclass(frozen=True, slots=True)
class ReadFold:
    """A fold once its images are read.

    Attributes:
        engine: Draws.
        aligned: The gallery; its pixels are a memory map.
        labels: Labels of the gallery.
        everything: All queries that the gallery answers under C1.
        dropped: Pairs that it does not answer, by criterion.
        problems: Files that could not be used.
    """

    engine: Drawer
    aligned: Aligned
    labels: Labels
    everything: Queries
    dropped: dict[str, int]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """The images that the weights were trained on, for rivals that learn from the same.

    Attributes:
        aligned: Their pixels and labels.
        is_same: Whether they are, to the pixel, what the card says.
        faces: The set that they were read from.
    """

    aligned: Aligned
    is_same: bool
    faces: FaceSet


def check_together(faces: FaceSet, cards: Sequence[Card], protocol: Protocol) -> None:
    """Refuse weights that cannot be benchmarked on a collection, or not together.

    Raises:
        ConfigError: There are none, they know different attributes, have seen people that the
            protocol tests on, or two would be tested on the same person.
        DatasetError: The collection lacks an attribute, or a set of weights has seen everybody.
    """
    if not cards:
        raise ConfigError("A benchmark needs weights; add --weights W")
    tested: dict[str, str] = {}
    for card in cards:
        if card.space != cards[0].space:
            raise ConfigError(
                f"The weights {cards[0].name} and {card.name} know different attributes"
                f" ({', '.join(cards[0].space.names)}; {', '.join(card.space.names)});"
                " benchmark them one by one"
            )
        for who in tested_faces(faces, card, protocol).identities:
            before = tested.get(composed(who))
            if before is not None:
                raise ConfigError(
                    f"Both {before} and {card.name} would be tested on {who}; weights can be"
                    " pooled if each left out other people (mindseye train --fold K/N)"
                )
            tested[composed(who)] = card.name


def tested_faces(faces: FaceSet, card: Card, protocol: Protocol) -> FaceSet:
    """Return the images of a fold's gallery: none of people that the weights have seen.

    Images of unknown people or values stay: they can be found, wrongly.

    Raises:
        ConfigError: The protocol names an attribute that the collection or the weights lack, or
            the weights have seen people that it tests on.
        DatasetError: The collection lacks an attribute that the weights draw, or nobody is left.
    """
    missing = [name for name in card.space.names if name not in faces.space]
    if missing:
        raise DatasetError(
            f"{faces.spec} says nothing of {missing[0]!r}, which {card.name} draws;"
            f" it has: {', '.join(faces.space.names) or 'no labels'}"
        )
    if not faces.identities:
        raise DatasetError(
            f"{faces.spec} has no image with an identity; labels are needed:"
            " see `mindseye data show --help`"
        )
    split = replace(faces, faces=restrict(faces, protocol.gallery))
    tested = split.without(_trained_people(faces, card, protocol))
    if not tested.identities:
        raise DatasetError(
            f"{card.name} was trained on everybody in {faces.spec} that the protocol admits; a"
            " benchmark needs people it has not seen (mindseye train --train-identities 0.7)"
        )
    return tested


def _trained_people(faces: FaceSet, card: Card, protocol: Protocol) -> Sequence[str]:
    """Return who may not be tested on; check that the weights have seen nobody else."""
    if not protocol.train_identities:
        return card.seen
    people = first_identities(faces, protocol.train_identities)
    others = set(map(composed, faces.identities)) - set(map(composed, people))
    seen = set(map(composed, card.seen)) & others
    if seen:
        raise ConfigError(
            f"The protocol {protocol.name} tests on everybody but the first {len(people)} people,"
            f" and {card.name} was trained or fitted on {min(seen)}, who is not among these; train"
            f" with --train-identities {protocol.train_identities}, or leave train_identities out"
            " of the protocol"
        )
    return people


def read_part(
    faces: FaceSet, engine: Drawer, protocol: Protocol, store: Store, number: int
) -> Steps[ReadFold]:
    """Read the test images of one set of weights, and list the queries about them.

    Raises:
        ConfigError: The protocol wishes for what the weights do not draw, or for too much at once.
        DatasetError: Not one image can be used.
    """
    tested = tested_faces(faces, engine.card, protocol)
    space = known_space(restrict(faces, protocol.gallery), faces.space)  # alike in all folds
    wished = wishable(engine.card.space, space, protocol.attributes, protocol.wishes)
    phase = f"reading for {engine.card.name}"
    aligned = yield from read_images(tested, engine.card.aligner, store, f"pixels-{number}", phase)
    read = replace(tested, faces=aligned.faces)
    asked = {face.name for face in restrict(tested, protocol.sources)} if protocol.sources else None
    labels = Labels.of(aligned.faces, space, number_contents(read), asked)
    wished = _shown(wished, labels)
    everything = all_queries(labels, wished, protocol.wishes)
    whole = Labels.of(tested.faces, space, asked=asked)
    wishes = count_pairs(whole, wished, protocol.wishes)
    dropped = {c: wishes - count for c, count in everything.counted().items()}
    return ReadFold(
        engine, aligned, labels, everything, dropped, tested.problems + aligned.problems
    )


def _shown(wished: Mapping[str, list[int]], labels: Labels) -> Mapping[str, list[int]]:
    """Leave out values that no image of the gallery shows, since only sources have them."""
    if labels.asks is None:
        return wished
    shown = labels.values[~labels.asks]
    return {
        name: [one for one in values if (shown[:, labels.names.index(name)] == one).any()]
        for name, values in wished.items()
    }


def read_images(
    faces: FaceSet, aligner: Aligner, store: Store, name: str, phase: str
) -> Steps[Aligned]:
    """Align all images that can be read; their pixels go to a scratch file.

    Raises:
        DatasetError: Not one can be used.
    """
    writer = store.writer(name, len(faces))
    good, problems = [], []
    for done, (face, pixels) in enumerate(align_each(faces, aligner), start=1):
        if isinstance(pixels, Problem):
            problems.append(pixels)
        else:
            good.append(face)
            writer.add(pixels[None])
        yield BenchmarkProgress(phase, done, len(faces))
    if not good:
        first = f"; the first: {problems[0].name}: {problems[0].reason}" if problems else ""
        raise DatasetError(f"No image of {faces.spec} can be used{first}")
    return Aligned(tuple(good), writer.close(), tuple(problems))


def read_portraits(
    faces: FaceSet, aligned: Aligned, aligner: Aligner, store: Store, form: PortraitForm
) -> Steps[Aligned]:
    """Cut portraits of images that were read before, for a recogniser; pixels (N, P, P, 3).

    Args:
        faces: The set that they were read from.
        aligned: The images.
        aligner: Aligner of the weights.
        store: Store of scratch files.
        form: Form of the portraits.

    Raises:
        DatasetError: A file can be read no longer.
    """
    part, name = replace(faces, faces=aligned.faces), f"portraits-{form.side}-{id(aligned)}"
    phase = "cutting portraits"
    portraits = yield from read_images(part, portrait_aligner(aligner, form), store, name, phase)
    if portraits.faces != aligned.faces:
        raise DatasetError(f"{faces.spec} changed while it was read; run the same command again")
    return portraits


def read_training(faces: FaceSet, card: Card, store: Store, number: int) -> Steps[Training | None]:
    """Read the images that weights were trained on, as far as a collection holds them.

    Returns:
        None if it holds none.
    """
    known = replace(
        faces,
        faces=tuple(
            face
            for face in faces.of(card.train_identities).faces
            if all(_knows(card, name, face) for name in card.space.names)
        ),
    )
    if not known.faces or any(name not in faces.space for name in card.space.names):
        return None
    phase = f"reading what {card.name} was trained on"
    aligned = yield from read_images(known, card.aligner, store, f"training-{number}", phase)
    same = data_sha256(_without_those_set_aside(aligned, card)) == card.data.get("sha256")
    return Training(aligned, same, known)


def _knows(card: Card, name: str, face: Face) -> bool:
    """Say whether an image shows a value of an attribute that the weights know."""
    return name in face.condition and card.space[name].knows(face.condition[name])


def _without_those_set_aside(aligned: Aligned, card: Card) -> Aligned:
    """Leave out people whom only choices were made with: the card's hash is of the others."""
    aside = set(map(composed, card.data.get("validation", ())))
    kept = [n for n, face in enumerate(aligned.faces) if composed(face.identity or "") not in aside]
    if len(kept) == len(aligned.faces):
        return aligned
    faces = tuple(aligned.faces[place] for place in kept)
    return Aligned(faces, aligned.pixels[kept], aligned.problems)


def wishable(
    drawn: AttributeSpace, known: AttributeSpace, wanted: Sequence[str], at_once: int = 1
) -> Mapping[str, list[int]]:
    """Positions, in the collection's space, of the values that the weights can draw.

    Args:
        drawn: What the weights draw.
        known: What the gallery knows.
        wanted: Attributes that the protocol wishes for; empty: all.
        at_once: How many of them each query wishes for.

    Raises:
        ConfigError: The weights do not draw one of them, or there are fewer than `at_once`.
    """
    unknown = [name for name in wanted if name not in drawn]
    if unknown:
        raise ConfigError(
            f"The protocol wishes for {unknown[0]!r}, which the weights do not draw; they draw:"
            f" {', '.join(drawn.names)}"
        )
    found: dict[str, list[int]] = {}
    for attribute in drawn.attributes:
        if attribute.name not in known or (wanted and attribute.name not in wanted):
            continue
        values = enumerate(known[attribute.name].values)
        found[attribute.name] = [n for n, value in values if attribute.knows(value)]
    able = [name for name, values in found.items() if values]
    if at_once > 1 and len(able) < at_once:
        raise ConfigError(
            f"The protocol wishes for {at_once} attributes at once, and of those that the weights"
            f" draw and the gallery knows it can wish for {', '.join(able) or 'none'} alone; take"
            " weights of more attributes (mindseye train --attribute A --attribute B), or lower"
            " `wishes`"
        )
    return found
