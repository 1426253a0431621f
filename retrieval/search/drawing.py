"""Drawing a wish: what is wished for changes, what is not stays as it is estimated to be.

Shapes: n images of one person, S side, C channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import Attribute, Condition
from gallery.errors import WishError
from gallery.wishes import Wishes
from generator.canonical import Rule, canonicalise
from generator.drawer import Drawer, DrawnBatch
from generator.values import split_scores


@dataclass(frozen=True, slots=True)
class DrawnWish:
    """A wish, drawn.

    Attributes:
        drawn: The drawing and its features, of one image.
        errors: How far the images' own redrawings are from them, squared grey levels; nothing where
            nobody asks.
    """

    drawn: DrawnBatch
    errors: tuple[float, ...]


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
    condition, errors = wishes.values, ()
    if judged or len(condition) < len(engine.card.space.attributes):
        count = len(images) if judged else 1
        known = None if log_p is None else log_p(count)
        seen = canonicalise(engine, images[:count], rule, known)
        errors = tuple(seen.errors.tolist())
        condition = _allowed(engine, wishes, seen.estimates[0], images[:1], known)
    code = engine.card.space.one_hot(condition)[None]
    if len(images) == 1:
        return DrawnWish(engine.draw(images, code), errors)
    return DrawnWish(engine.draw_together(images[None], code), errors)


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
