"""Canonicalisation: redraw every gallery image in its own best-fitting value.

A drawing never looks quite like a photograph, so drawings are compared with drawings. Which values
a gallery image shows is not asked of its labels but estimated.

Rule `reconstruction` (the papers'): of the redrawings under every value, keep the one with the
smallest squared pixel distance to the image. With several attributes a full product is never drawn:
attribute by attribute, in order, the others are held at what was chosen before (at first, at their
first values). Its shortcut refines only the drawings whose first stage comes closest.

Rule `estimator`: the likeliest values by the weights' attribute estimator, all at once, and one
redrawing. Rule `both`: the value with the smallest error minus temperature times log-probability;
with several attributes, `estimator`. Which rule weights use stands on their card, chosen on people
held out of their training (generator/runs/rule_choice.py).

Rule `expected`: as `estimator`, but what is stored is the mean of the embeddings under all values,
weighted by their probabilities, sharpened. Where the estimator is sure that is its one redrawing.
Where it is not, one redrawing would be a guess, and every wrong guess an image that no wish finds.

Which images have a second view is said here, too, for the contract
(retrieval/scoring/hypotheses.py); whether a student says what the embeddings of redrawings would be
in place of drawing (generator/student/); and whether log p of a pose is read off landmarks, too
(retrieval/estimation/). Who reads it hands it in; else the estimator of the weights is asked.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1, "Retrieval results".

Shapes: N images, S side, C channels, D dimensions, A length of the one-hot code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import IndexFileError
from generator.card import Card
from generator.drawer import Drawer, DrawnBatch
from generator.hypotheses import ONE, Hypotheses
from generator.values import best_combinations, best_values, conditions_at

_ASKED = re.compile(r" student ([0-9a-f]{16}) ")  # in how poses are read off landmarks
RuleKind = Literal["reconstruction", "estimator", "expected", "both"]
RECONSTRUCTION: RuleKind = "reconstruction"
ESTIMATOR: RuleKind = "estimator"
EXPECTED: RuleKind = "expected"
BOTH: RuleKind = "both"
SHARPNESS = 3.0  # power that probabilities are raised to; docs/log.md has others
SHARE = 0.02  # of a value that is worth a redrawing
MOST = 8  # redrawings of an image
# What log p by landmarks weighs against reconstruction where weights have no estimator: squared
# grey levels for a unit, as the temperature of `both`.
GIVEN = 300.0
_NAMED = re.compile(
    r"(reconstruction|estimator|expected|both, temperature ([0-9.]+))"
    r"(?:, best ([1-9][0-9]*) refined)?"
    r"(?:; hypotheses (2(?: within [0-9.]+)?))?"
    r"(?:; by student ([0-9a-f]{16}))?"
    r"(?:; (pose by landmarks .+))?"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How canonical views are chosen.

    Attributes:
        kind: "reconstruction", "estimator", "expected" or "both".
        temperature: Of "both": squared grey levels that a unit of log-probability weighs.
        refine_best: See `Drawer.closest`; None follows the rule to the letter.
        hypotheses: How many canonical views of an image are stored. `canonicalise` gives the first.
        landmarks: How log p of poses is read off landmarks, spelt as a calibration is
            (retrieval/estimation/pose_calibration.py); empty where the weights alone are asked.
        student: Who says what the embeddings of canonical views would be: the first 16 digits of
            the SHA-256 of its file; empty where they are drawn, as `canonicalise` always does.
    """

    kind: RuleKind = RECONSTRUCTION
    temperature: float = 0.0
    refine_best: int | None = None
    hypotheses: Hypotheses = field(default=ONE)
    landmarks: str = ""
    student: str = ""

    @classmethod
    def of(cls, card: Card, refine_best: int | None = None) -> "Rule":
        """Return the rule that was measured best for some weights."""
        return replace(cls.chosen(card.canonicalisation), refine_best=refine_best)

    @classmethod
    def chosen(cls, said: Mapping[str, Any]) -> "Rule":
        """Read what a training chose (generator/runs/rule_choice.py), as it stands on the card."""
        kind = cast("RuleKind", said.get("rule", RECONSTRUCTION))  # which the card's schema checks
        return cls(kind, float(said.get("temperature", 0.0)))

    @classmethod
    def parse(cls, name: str) -> "Rule":
        """Read the name that an index contract holds.

        Raises:
            IndexFileError: There is no such rule.
        """
        found = _NAMED.fullmatch(name)
        if found is None:
            raise IndexFileError(
                f"The space was made by the rule {name!r}, which this version does not know. Update"
                " mindseye, or build the space again: mindseye index build"
            )
        kind = cast("RuleKind", found[1].partition(",")[0])
        refine_best = int(found[3]) if found[3] else None
        many = Hypotheses.parse(found[4]) if found[4] else ONE
        return cls(
            kind, float(found[2] or 0), refine_best, many, found[6] or "", student=found[5] or ""
        )

    @property
    def asks_student(self) -> str:
        """The first digits of the student that is asked, for views or for poses; else empty."""
        found = _ASKED.search(self.landmarks)
        return self.student or (found[1] if found else "")

    def __str__(self) -> str:
        """Name the rule, for the index contract."""
        kind = f"{self.kind}, temperature {self.temperature:g}" if self.kind == BOTH else self.kind
        refined = "" if self.refine_best is None else f", best {self.refine_best} refined"
        stored = "" if self.hypotheses.single else f"; hypotheses {self.hypotheses}"
        student = f"; by student {self.student}" if self.student else ""
        landmarks = f"; {self.landmarks}" if self.landmarks else ""
        return f"{kind}{refined}{stored}{student}{landmarks}"


PAPERS = Rule()


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


@dataclass(frozen=True, slots=True)
class CanonicalViews:
    """Canonical views of N images.

    Attributes:
        estimates: The values under which each was redrawn.
        images: The redrawings, grey levels in [0, 255], (N, S, S, C).
        embeddings: Of the redrawings, unit length, (N, D); by rule `expected`, of what several
            redrawings of an image have in common.
        errors: Mean squared pixel distance of each redrawing to its image, (N,).
    """

    estimates: tuple[Condition, ...]
    images: Floats
    embeddings: Floats
    errors: NDArray[np.float32]


def canonicalise(
    engine: Drawer, pixels: Pixels, rule: Rule = PAPERS, log_p: Floats | None = None
) -> CanonicalViews:
    """Redraw images, each under the values that it seems to show.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        rule: How the values are chosen; the papers' by default.
        log_p: log p(value | image), laid out as the one-hot code, (N, A); None for what the
            estimator of the weights says.

    Raises:
        ValueError: The generator has no attributes, or the rule asks an estimator it has not.
    """
    space = engine.card.space
    if not space.attributes:
        raise ValueError("a generator without attributes has no canonical view")
    if rule.kind == EXPECTED:
        return _expected(engine, pixels, log_p)
    redrawn = redraw(engine, pixels, rule, log_p)
    drawn = redrawn.drawn
    embeddings = normalise(drawn.features)
    return CanonicalViews(redrawn.conditions, drawn.refined, embeddings, redrawn.errors)


def redraw(
    engine: Drawer, pixels: Pixels, rule: Rule = PAPERS, log_p: Floats | None = None
) -> Views:
    """Redraw images once each, under the values that a rule chooses; of `expected` the likeliest.

    Args:
        engine: Draws; it has attributes.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        rule: How the values are chosen; the papers' by default. Where it reads landmarks and there
            is one attribute, reconstruction looks at what they say, too.
        log_p: See `canonicalise`.

    Raises:
        ValueError: The rule asks an estimator that the generator has not.
    """
    several = len(engine.card.space.attributes) > 1
    if rule.kind in (ESTIMATOR, EXPECTED) or (rule.kind == BOTH and several):
        return estimated(engine, pixels, log_p)
    handicap = None
    if rule.kind == BOTH:
        handicap = -rule.temperature * _known(engine, pixels, log_p)  # (N, K)
    elif rule.landmarks and log_p is not None and not several:
        handicap = -GIVEN * log_p
    return closest(engine, pixels, handicap=handicap, refine_best=rule.refine_best)


def _known(engine: Drawer, pixels: Pixels, log_p: Floats | None) -> Floats:
    """Return log p of all values, (N, A): what is given, or what the weights say."""
    return engine.log_probabilities(pixels) if log_p is None else log_p


def _expected(engine: Drawer, pixels: Pixels, log_p: Floats | None) -> CanonicalViews:
    """Redraw each image under every value that is likely enough, and take the mean embedding."""
    space = engine.card.space
    likely = likely_values(_known(engine, pixels, log_p), space)
    codes = np.stack([space.one_hot(one) for one in likely.conditions])
    drawn = engine.draw(pixels[likely.of], codes)
    refined = drawn.refined[likely.first]
    errors = errors_of(refined, pixels)
    embeddings = likely.mean(normalise(drawn.features))
    return CanonicalViews(likely.estimates, refined, embeddings, errors)


@dataclass(frozen=True, slots=True)
class LikelyValues:
    """Of N images the values that are likely enough, R of all images together.

    Attributes:
        of: Position of the image of each, rising, (R,).
        conditions: The values; of each image the likeliest first.
        shares: How likely each is, sharpened, (R,).
        first: Places of the likeliest of each image, (N,).
    """

    of: NDArray[np.int64]
    conditions: tuple[Condition, ...]
    shares: Floats
    first: NDArray[np.int64]

    @property
    def estimates(self) -> tuple[Condition, ...]:
        """The likeliest values of each image."""
        return tuple(self.conditions[row] for row in self.first.tolist())

    def mean(self, embeddings: Floats) -> Floats:
        """Return the mean of what was made of each, by shares, (R, D) -> (N, D), unit length."""
        summed = np.zeros((len(self.first), embeddings.shape[1]), dtype=np.float32)
        np.add.at(summed, self.of, self.shares[:, None] * embeddings)
        return normalise(summed)


def likely_values(log_p: Floats, space: AttributeSpace) -> LikelyValues:
    """Return the values that rule `expected` redraws images under.

    Args:
        log_p: log p(value | image), laid out as the one-hot code, (N, A).
        space: The attributes.
    """
    chosen, sums = best_combinations(log_p, space, MOST)
    shares = np.exp(SHARPNESS * (sums - sums[:, :1]))  # (N, M), the likeliest 1
    shares /= shares.sum(axis=1, keepdims=True)
    shares[shares < SHARE] = 0
    of, place = np.nonzero(shares)  # (R,); of each image the likeliest first
    conditions = conditions_at(chosen[of, place], space)
    return LikelyValues(of, conditions, shares[of, place], np.flatnonzero(place == 0))


def estimated(engine: Drawer, pixels: Pixels, log_p: Floats | None = None) -> Views:
    """Redraw each image once, under the likeliest value of each attribute.

    Args:
        engine: Draws.
        pixels: Aligned images, 0..255, (N, S, S, C), N at least 1.
        log_p: See `canonicalise`.

    Raises:
        ValueError: The weights have no estimator.
    """
    space = engine.card.space
    choices = best_values(_known(engine, pixels, log_p), space)  # (N, T)
    conditions = conditions_at(choices, space)
    drawn = engine.draw(pixels, np.stack([space.one_hot(condition) for condition in conditions]))
    return Views(conditions, drawn, errors_of(drawn.refined, pixels))


def closest(
    engine: Drawer,
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
        handicap: Handicap of one attribute: see `Drawer.closest`, (N, K).
        refine_best: See `Drawer.closest`.
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
