"""Drawing a wish: what is wished for changes, what is not stays as it is estimated to be.

Shapes: n images of one person, S side, C channels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import Attribute, Condition
from gallery.errors import WishError
from gallery.wishes import Wishes
from generator.canonical import Rule, redraw
from generator.drawer import Drawer, DrawnBatch
from generator.values import split_scores


@dataclass(frozen=True, slots=True)
class SourceEstimate:
    """What a source shows.

    Attributes:
        shown: The values that it seems to show.
        errors: How far its redrawing is from it.
        log_p: log p of all values, (1, A); None where the weights are asked.
    """

    shown: Condition
    errors: tuple[float, ...]
    log_p: Floats | None


@dataclass(slots=True)
class SourceReadings:
    """What was found out about a source, kept for the next wish.

    Attributes:
        estimate: What it shows; None until a wish has asked.
        terms: What the readers of a score read of it, (1, w), by term.
    """

    estimate: SourceEstimate | None = None
    terms: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SeenFaces:
    """The face of one person, cut out of photographs as a space wants it.

    Attributes:
        pixels: To draw from, (n, S, S, C), 0..255; the first is the source.
        portraits: For what reads landmarks and identity, (n, P, P, 3); None where nothing does.
        placed: Whether it is known of all of them where the face is.
        kept: What the space that cut it out has found out about it.
    """

    pixels: Pixels
    portraits: Pixels | None = None
    placed: bool = True
    kept: SourceReadings = field(default_factory=SourceReadings, repr=False)


@dataclass(frozen=True, slots=True)
class DrawnWish:
    """A wish, drawn.

    Attributes:
        drawn: The drawing and its features, of one image.
        errors: How far the images' own redrawings are from them, squared grey levels; nothing where
            nobody asks.
        estimate: The values that the source seems to show; None where nobody asks.
    """

    drawn: DrawnBatch
    errors: tuple[float, ...]
    estimate: Condition | None = None


@dataclass(slots=True, eq=False)
class ProbeDrawing:
    """A wish that was drawn to be searched with.

    Attributes:
        faces: Whose face.
        wishes: What was wished for, spelt as in the space.
        made: The drawing.
        draw_ms: How long it took, with those that were drawn at once, milliseconds.
        probe: What it searches with, (1, F), once a searcher has made it.
        embed_ms: How long that took, milliseconds.
    """

    faces: SeenFaces
    wishes: Wishes
    made: DrawnWish
    draw_ms: float
    probe: Floats | None = None
    embed_ms: float = 0.0


def draw_wish(
    engine: Drawer,
    rule: Rule,
    images: Pixels,
    wishes: Wishes,
    *,
    judged: bool = False,
    log_p: Callable[[int], Floats | None] | None = None,
) -> DrawnWish:
    """Draw one person under a wish.

    Where a value must not be shown and none is wished for, the image keeps its own, or gets the
    likeliest other one if it shows what must not be.

    Args:
        engine: Draws.
        rule: How the values are estimated that are not wished for.
        images: Images of one person, aligned, 0..255, (n, S, S, C); the first is estimated.
        wishes: What is wished for, as the space spells it.
        judged: Whether the errors of all images' redrawings are wanted.
        log_p: Says log p of all values of the first n images, (n, A), if they are estimated; None
            asks the weights.

    Raises:
        WishError: The image shows what must not be, and the weights cannot tell what is likeliest
            besides.
    """
    condition, errors, estimate = wishes.values, (), None
    if judged or len(condition) < len(engine.card.space.attributes):
        count = len(images) if judged else 1
        known = None if log_p is None else log_p(count)
        seen = redraw(engine, images[:count], rule, known)
        estimate, errors = seen.conditions[0], tuple(seen.errors.tolist())
        condition = _allowed(engine, wishes, estimate, images[:1], known)
    code = engine.card.space.one_hot(condition)[None]
    if len(images) == 1:
        return DrawnWish(engine.draw(images, code), errors, estimate)
    return DrawnWish(engine.draw_together(images[None], code), errors, estimate)


def _allowed(
    engine: Drawer, wishes: Wishes, shown: Condition, image: Pixels, log_p: Floats | None
) -> Condition:
    """Return what is drawn: what is wished for, else what is shown, or what is likeliest besides.

    Args:
        engine: Draws.
        wishes: What is wished for.
        shown: What the image seems to show.
        image: The image, (1, S, S, C).
        log_p: log p of all values, (n, A), of the image first; None asks the weights.
    """
    found, space = shown.replace(wishes.values), engine.card.space
    wrong = {n: v for n, v in wishes.unwanted.items() if found[n] in v}
    if not wrong:
        return found
    if log_p is None and not engine.estimates:
        name, values = next(iter(wrong.items()))
        raise WishError(
            f"The image shows {name}={found[name]}, and {engine.card.name} has no attribute"
            f" estimator to say what else it could be: wish for one, too, like"
            f" {name}={next(v for v in space[name].values if v not in values)}"
        )
    likely = engine.log_probabilities(image) if log_p is None else log_p
    parts = dict(zip(space.names, split_scores(likely[:1], space), strict=True))
    return found.replace({n: _likeliest(space[n], parts[n][0], v) for n, v in wrong.items()})


def _likeliest(attribute: Attribute, log_p: Floats, unwanted: Sequence[str]) -> str:
    """Return the likeliest value of those that may be shown."""
    allowed = [at for at, value in enumerate(attribute.values) if value not in unwanted]
    return attribute.values[max(allowed, key=log_p.tolist().__getitem__)]


LogP = Callable[[Pixels, Pixels | None], Floats | None]  # of images and their portraits


def draw_wishes(
    engine: Drawer,
    rule: Rule,
    asked: Sequence[tuple[SeenFaces, Wishes]],
    *,
    judged: bool = False,
    log_p: LogP | None = None,
) -> list[DrawnWish]:
    """Draw wishes of several people at once: as `draw_wish` does, in one pass of the network.

    A source that is asked about more than once (the same object) is estimated once, whenever.

    Args:
        engine: Draws.
        rule: How the values are estimated that are not wished for.
        asked: Whose face, and what is wished for, as the space spells it.
        judged: Whether the errors of all images' redrawings are wanted.
        log_p: Says log p of all values of some images and their portraits, (n, A); None asks the
            weights.

    Raises:
        WishError: See `draw_wish`.
    """
    alone = [place for place, (faces, _) in enumerate(asked) if len(faces.pixels) == 1]
    made = _draw_single(engine, rule, [asked[place] for place in alone], judged=judged, log_p=log_p)
    done = dict(zip(alone, made, strict=True))
    for place, (faces, wishes) in enumerate(asked):
        if place not in done:
            known = _of_first(faces, log_p)
            done[place] = draw_wish(engine, rule, faces.pixels, wishes, judged=judged, log_p=known)
    return [done[place] for place in range(len(asked))]


def _of_first(faces: SeenFaces, log_p: LogP | None) -> Callable[[int], Floats | None] | None:
    """Return what says log p of the first of some images."""
    if log_p is None:
        return None

    def known(count: int) -> Floats | None:
        some = None if faces.portraits is None else faces.portraits[:count]
        return log_p(faces.pixels[:count], some)

    return known


def _draw_single(
    engine: Drawer,
    rule: Rule,
    asked: Sequence[tuple[SeenFaces, Wishes]],
    *,
    judged: bool,
    log_p: LogP | None,
) -> list[DrawnWish]:
    """Draw wishes of people of whom there is one image each."""
    if not asked:
        return []
    space = engine.card.space
    unsure = {
        id(faces): faces
        for faces, wishes in asked
        if judged or len(wishes.values) < len(space.attributes)
    }
    found = _estimated(engine, rule, list(unsure.values()), log_p)
    seen = dict(zip(unsure, found, strict=True))
    codes = [space.one_hot(_condition(engine, *one, seen)) for one in asked]
    pixels = np.concatenate([faces.pixels for faces, _ in asked])
    drawn = engine.draw(pixels, np.stack(codes))
    made = []
    for number, (faces, _) in enumerate(asked):
        known = seen.get(id(faces))
        told = ((), None) if known is None else (known.errors, known.shown)
        made.append(DrawnWish(_one_of(drawn, number), *told))
    return made


def _condition(
    engine: Drawer, faces: SeenFaces, wishes: Wishes, seen: Mapping[int, SourceEstimate]
) -> Condition:
    """Return what is drawn: what is wished for, the rest as the source shows it."""
    if id(faces) not in seen:
        return wishes.values
    known = seen[id(faces)]
    return _allowed(engine, wishes, known.shown, faces.pixels, known.log_p)


def _estimated(
    engine: Drawer, rule: Rule, sources: Sequence[SeenFaces], log_p: LogP | None
) -> list[SourceEstimate]:
    """Return what sources show; those of which it is not known yet are estimated at once."""
    unknown = [one for one in sources if one.kept.estimate is None]
    for one, estimate in zip(unknown, _estimate(engine, rule, unknown, log_p), strict=True):
        one.kept.estimate = estimate
    return [one.kept.estimate for one in sources if one.kept.estimate is not None]


def _estimate(
    engine: Drawer, rule: Rule, sources: Sequence[SeenFaces], log_p: LogP | None
) -> list[SourceEstimate]:
    """Estimate what sources show, all at once; say how far their redrawings are from them."""
    if not sources:
        return []
    pixels = np.concatenate([one.pixels for one in sources])
    cut = [one.portraits for one in sources if one.portraits is not None]
    portraits = np.concatenate(cut) if len(cut) == len(sources) else None
    known = None if log_p is None else log_p(pixels, portraits)
    seen = redraw(engine, pixels, rule, known)
    return [
        SourceEstimate(shown, (error,), None if known is None else known[n : n + 1])
        for n, (shown, error) in enumerate(zip(seen.conditions, seen.errors.tolist(), strict=True))
    ]


def _one_of(drawn: DrawnBatch, number: int) -> DrawnBatch:
    """Copy one drawing out of many: it may be kept when the others, and first stages, are gone."""
    refined = drawn.refined[number : number + 1].copy()
    return DrawnBatch(refined, refined, drawn.features[number : number + 1].copy())
