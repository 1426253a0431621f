"""Canonical views of gallery images: drawn, or as the student of the weights sees them.

Shapes: N images, M of them with a second hypothesis, S side, C channels, P side of a portrait, A
length of the one-hot code, D numbers of an embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace, Condition
from gallery.errors import IndexFileError
from generator.canonical import Rule, canonicalise
from generator.drawer import Drawer
from generator.hypotheses import Hypotheses
from generator.student.seeing import Glance, Student
from generator.student.views import embedded, seen_views
from retrieval.estimation.landmark_pose import LandmarkPose, combined, log_p_of
from retrieval.scoring.hypotheses import Rivals, Seconds, second_views


@dataclass(frozen=True, slots=True)
class GalleryViews:
    """Canonical views of N images.

    Attributes:
        estimates: The values of each.
        embeddings: Unit length, (N, D).
        errors: Mean squared distance of each to its image, (N,); a student's are estimates.
        log_p: log p(value | image), (N, A); None where nobody was asked.
        seconds: Makes second views of those that have one.
    """

    estimates: tuple[Condition, ...]
    embeddings: Floats
    errors: Floats
    log_p: Floats | None
    seconds: Callable[[Rivals, Hypotheses], Seconds]


def gallery_views(
    engine: Drawer,
    pixels: Pixels,
    portraits: Pixels | None,
    rule: Rule,
    pose: LandmarkPose | None,
    *,
    estimating: bool,
) -> GalleryViews:
    """Make the canonical views of gallery images.

    Args:
        engine: Of the weights.
        pixels: Aligned images, 0..255, (N, S, S, C).
        portraits: The same faces, (N, P, P, 3), where landmarks are read.
        rule: How views are chosen, and who makes them.
        pose: Reads poses off landmarks, if they are.
        estimating: Whether log p is needed for more than the views.

    Raises:
        WeightsError: The student is missing.
        IndexFileError: The rule asks for another student than the weights have.
    """
    if rule.student:
        return _seen(engine, pixels, portraits, rule, pose)
    asked = estimating or pose is not None
    log_p = log_p_of(engine, pose, pixels, portraits) if asked else None
    drawn = canonicalise(engine, pixels, rule, log_p)

    def seconds(found: Rivals, hypotheses: Hypotheses) -> Seconds:
        return second_views(engine, pixels, found, hypotheses)

    return GalleryViews(drawn.estimates, drawn.embeddings, drawn.errors, log_p, seconds)


def _seen(
    engine: Drawer,
    pixels: Pixels,
    portraits: Pixels | None,
    rule: Rule,
    pose: LandmarkPose | None,
) -> GalleryViews:
    """Let the student look; what it estimates is combined with landmarks as the weights' would."""
    student, space = engine.student(), engine.card.space
    if not student.sha256.startswith(rule.student):
        raise IndexFileError(
            f"The space {engine.card.name} was built by the student {rule.student}, and the weights"
            f" now have {student.sha256[:16]}; build another --collection"
        )
    glance = student.look(pixels)
    log_p = combined(pose, glance.log_p, portraits, space)
    seen = seen_views(student, glance, rule, space, log_p)

    def seconds(found: Rivals, hypotheses: Hypotheses) -> Seconds:
        return _second(student, glance, found, hypotheses, space)

    return GalleryViews(seen.estimates, seen.embeddings, seen.errors, log_p, seconds)


def _second(
    student: Student,
    glance: Glance,
    found: Rivals,
    hypotheses: Hypotheses,
    space: AttributeSpace,
) -> Seconds:
    """Return what `second_views` would, by the student."""
    of = np.flatnonzero(hypotheses.chosen(found.margins))
    conditions = tuple(found.conditions[place] for place in of.tolist())
    if not len(of):
        return Seconds(of, (), np.empty((0, student.dimension), dtype=np.float32))
    return Seconds(of, conditions, embedded(student, glance, of, conditions, space))
