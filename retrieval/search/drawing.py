"""Drawing a wish: what is wished for changes, what is not stays as it is estimated to be.

Shapes: n images of one person, S side, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import Condition
from generator.canonical import Rule, canonicalise
from generator.engine import DrawnBatch, Engine


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
    engine: Engine,
    rule: Rule,
    images: Pixels,
    wish: Condition,
    *,
    judged: bool = False,
    log_p: Callable[[int], Floats | None] | None = None,
) -> DrawnWish:
    """Draw one person under a wish.

    Args:
        engine: Draws.
        rule: How the values are estimated that are not wished for.
        images: Images of one person, aligned, 0..255, (n, S, S, C); the first is estimated.
        wish: What is wished for.
        judged: Whether the errors of all images' redrawings are wanted.
        log_p: Says log p of all values of the first n images, (n, A), if they are estimated; None
            asks the weights.
    """
    condition, errors = wish, ()
    if judged or len(wish) < len(engine.card.space.attributes):
        count = len(images) if judged else 1
        known = None if log_p is None else log_p(count)
        seen = canonicalise(engine, images[:count], rule, known)
        condition, errors = seen.estimates[0].replace(wish), tuple(seen.errors.tolist())
    code = engine.card.space.one_hot(condition)[None]
    if len(images) == 1:
        return DrawnWish(engine.draw(images, code), errors)
    return DrawnWish(engine.draw_together(images[None], code), errors)
