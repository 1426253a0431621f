"""Redrawing images as they are, in the values that they seem to show.

`estimated` takes the likeliest values by the weights' estimator, `closest` the values whose
redrawing comes closest. Which of them weights use, and what else: retrieval/scoring/canonical.py.

Shapes: N images, S side, C channels, K values of an attribute, A length of the one-hot code.
"""

from dataclasses import dataclass

import numpy as np

from gallery.align import Pixels
from gallery.attributes import Attribute, AttributeSpace, Condition
from generator.engine import DrawnBatch, Engine, Floats
from generator.networks.estimator import best_values, conditions_at


@dataclass(frozen=True, slots=True)
class Views:
    """Redrawings of N images.

    Attributes:
        conditions: The values under which each was redrawn.
        drawn: The redrawings.
        errors: Mean squared pixel distance of each to its image, (N,).
    """

    conditions: tuple[Condition, ...]
    drawn: DrawnBatch
    errors: Floats


def estimated(engine: Engine, pixels: Pixels) -> Views:
    """Redraw each image once, under the likeliest value of each attribute.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.

    Raises:
        ValueError: The weights have no estimator.
    """
    space = engine.card.space
    choices = best_values(engine.log_probabilities(pixels), space)  # (N, T)
    conditions = conditions_at(choices, space)
    drawn = engine.draw(pixels, np.stack([space.one_hot(condition) for condition in conditions]))
    return Views(conditions, drawn, errors_of(drawn.refined, pixels))


def closest(
    engine: Engine,
    pixels: Pixels,
    *,
    handicap: Floats | None = None,
    refine_best: int | None = None,
) -> Views:
    """Redraw each image under every value, and keep the value whose redrawing comes closest.

    Attribute by attribute, in order; the others are held at what was chosen before, at first at
    their first values.

    Args:
        engine: Draws; it has attributes.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        handicap: Of one attribute: see `Engine.closest`, (N, K).
        refine_best: See `Engine.closest`.
    """
    space = engine.card.space
    first = Condition({a.name: a.values[0] for a in space.attributes})
    conditions = [first] * len(pixels)
    for attribute in space.attributes:
        held = {condition: _codes(space, condition, attribute) for condition in set(conditions)}
        codes = np.stack([held[condition] for condition in conditions])  # (N, K, A)
        found = engine.closest(pixels, codes, handicap=handicap, refine_best=refine_best)
        conditions = [
            condition.replace({attribute.name: attribute.values[choice]})
            for condition, choice in zip(conditions, found.choice.tolist(), strict=True)
        ]
    return Views(tuple(conditions), found.drawn, found.errors)


def errors_of(refined: Floats, pixels: Pixels) -> Floats:
    """Return how far redrawings are from their images, squared and in the mean, (N,)."""
    errors: Floats = np.square(refined - pixels).mean(axis=(1, 2, 3), dtype=np.float32)
    return errors


def _codes(space: AttributeSpace, held: Condition, attribute: Attribute) -> Floats:
    """One-hot codes of every value of an attribute, the others held, (K, A)."""
    tried = [held.replace({attribute.name: value}) for value in attribute.values]
    return np.stack([space.one_hot(condition) for condition in tried])
