"""Canonical views by a student: what `canonicalise` would give, without a drawing.

The rule of the weights is followed as far as no drawing is needed: by `expected` the mean of the
embeddings under all likely values is taken, else that under the likeliest ones. Of weights without
an estimator a student has learnt its log p from what their rule chooses.

Shapes: N images, A length of the one-hot code, D numbers of an embedding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.arrays import Floats
from gallery.attributes import AttributeSpace, Condition
from generator.canonical import EXPECTED, Rule, likely_values
from generator.student.seeing import Glance, Student
from generator.values import best_values, conditions_at


@dataclass(frozen=True, slots=True)
class SeenViews:
    """Canonical views of N images, as a student sees them.

    Attributes:
        estimates: The values under which each would be redrawn.
        embeddings: What the redrawings would be embedded as, unit length, (N, D).
        errors: How far they would be from the images, mean squared error, (N,).
    """

    estimates: tuple[Condition, ...]
    embeddings: Floats
    errors: Floats


def seen_views(
    student: Student, glance: Glance, rule: Rule, space: AttributeSpace, log_p: Floats | None = None
) -> SeenViews:
    """Return the canonical views of images that a student has looked at.

    Args:
        student: Looked.
        glance: What it saw.
        rule: Of the weights.
        space: Their attributes.
        log_p: log p(value | image), (N, A), where something besides the student is asked; None for
            what it says.
    """
    known = glance.log_p if log_p is None else log_p
    if rule.kind == EXPECTED:
        likely = likely_values(known, space)
        made = embedded(student, glance, likely.of, likely.conditions, space)
        return SeenViews(likely.estimates, likely.mean(made), glance.errors)
    conditions = conditions_at(best_values(known, space), space)
    every = np.arange(len(known))
    made = embedded(student, glance, every, conditions, space)
    return SeenViews(conditions, made, glance.errors)


def embedded(
    student: Student,
    glance: Glance,
    of: np.ndarray,
    conditions: Sequence[Condition],
    space: AttributeSpace,
) -> Floats:
    """Return what drawings of some images would be embedded as, (R, D), unit length.

    Args:
        student: Looked.
        glance: What it saw.
        of: Position of the image of each, (R,).
        conditions: What each is drawn in.
        space: The attributes.
    """
    codes = np.stack([space.one_hot(one) for one in conditions])
    made: Floats = student.embed(glance.only(of), codes[:, None])[:, 0]
    return made
