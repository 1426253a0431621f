"""The sliders that tell faces apart, and how far each strays.

A slider pulls towards one of two morph targets. Spreads are standard deviations of its normal
distribution, found by looking at sheets: at twice these, faces become caricatures.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from numpy.random import Generator

LIMIT = 0.62  # no slider goes further
ASYMMETRY = 0.12  # how far left and right differ, as a share of the spread

HEAD_SHAPES = (
    *("head-oval", "head-round", "head-rectangular", "head-triangular", "head-diamond"),
    *("head-square", "head-invertedtriangular"),
)
ASYMMETRIES = tuple(
    f"asym-{part}"
    for part in (
        *("brown-1", "brown-2", "cheek-1", "cheek-2", "ear-1", "ear-2", "eye-1", "eye-2", "eye-5"),
        *("jaw-1", "jaw-2", "mouth-1", "mouth-2", "nose-1", "nose-2", "temple-1", "temple-2"),
    )
)


@dataclass(frozen=True, slots=True)
class Slider:
    """One slider.

    Attributes:
        stem: What its two morph targets' names begin with.
        down: How the target of negative positions ends.
        up: How that of positive positions ends.
        spread: Standard deviation.
        mean: Where it stands in the average face.
        sides: Whether left and right have one each ("l-" and "r-" before the stem).
    """

    stem: str
    down: str
    up: str
    spread: float
    mean: float = 0.0
    sides: bool = False

    def target(self, position: float) -> str:
        """Return the name of the target, without side, that a position pulls towards."""
        return f"{self.stem}-{self.up if position > 0 else self.down}"


def _sizes(part: str, spread: float, names: str, *, sides: bool = False) -> list[Slider]:
    return [Slider(f"{part}-{name}", "decr", "incr", spread, sides=sides) for name in names.split()]


SLIDERS = tuple(
    chain(
        _sizes("head", 0.22, "fat scale-horiz scale-vert scale-depth back-scale-depth"),
        _sizes("forehead", 0.26, "scale-vert temple nubian"),
        [
            Slider("head-angle", "in", "out", 0.14),
            Slider("forehead-trans", "backward", "forward", 0.28),
            Slider("eyebrows-angle", "down", "up", 0.30, mean=0.16),
            Slider("eyebrows-trans", "down", "up", 0.34, mean=0.14),
            Slider("eyebrows-trans", "backward", "forward", 0.28, mean=-0.06),
        ],
        _sizes("nose", 0.33, "scale-vert scale-horiz scale-depth nostrils-width point-width"),
        _sizes("nose", 0.33, "width1 width2 width3 hump volume greek flaring septumangle"),
        [
            Slider("nose-curve", "concave", "convex", 0.33),
            Slider("nose-compression", "compress", "uncompress", 0.26),
            Slider("nose-base", "down", "up", 0.30),
            Slider("nose-point", "down", "up", 0.22, mean=0.05),
            Slider("nose-trans", "down", "up", 0.25),
            Slider("nose-nostrils-angle", "down", "up", 0.28),
        ],
        _sizes("mouth", 0.32, "scale-horiz scale-vert lowerlip-height upperlip-height"),
        _sizes("mouth", 0.32, "upperlip-volume lowerlip-volume cupidsbow philtrum-volume"),
        _sizes("mouth", 0.22, "scale-depth lowerlip-width upperlip-width cupidsbow-width"),
        [
            Slider("mouth-trans", "down", "up", 0.24),
            Slider("mouth-angles", "down", "up", 0.20, mean=0.12),
            Slider("mouth-laugh-lines", "in", "out", 0.28),
            Slider("mouth-dimples", "in", "out", 0.28),
        ],
        _sizes("chin", 0.25, "width height prominent cleft"),
        _sizes("chin", 0.17, "bones prognathism jaw-drop"),
        _sizes("eye", 0.26, "height1 height2 height3 scale", sides=True),
        [
            Slider("eye-trans", "in", "out", 0.30, sides=True),
            Slider("eye-trans", "down", "up", 0.20, sides=True),
            Slider("eye-push1", "in", "out", 0.26, sides=True),
            Slider("eye-push2", "in", "out", 0.26, sides=True),
            Slider("eye-corner1", "down", "up", 0.28, sides=True),
            Slider("eye-corner2", "down", "up", 0.32, sides=True),
            Slider("eye-eyefold", "down", "up", 0.28, sides=True),
            Slider("eye-eyefold", "concave", "convex", 0.26, sides=True),
            Slider("eye-eyefold-angle", "down", "up", 0.26, sides=True),
            Slider("eye-epicanthus", "in", "out", 0.20, sides=True),
            Slider("cheek-trans", "down", "up", 0.28, sides=True),
        ],
        _sizes("eye", 0.28, "bag", sides=True),
        _sizes("cheek", 0.34, "volume bones inner", sides=True),
        _sizes("ear", 0.34, "scale wing lobe flap scale-vert", sides=True),
        _sizes("neck", 0.24, "scale-horiz double"),
    )
)


def sample_sliders(rng: Generator) -> dict[str, float]:
    """Draw one face: weights of morph targets by name, 0..LIMIT."""
    weights: dict[str, float] = {}
    for slider in SLIDERS:
        position = slider.mean + slider.spread * rng.standard_normal()
        for side, place in _sides(slider, position, rng):
            weights[side + slider.target(place)] = min(abs(place), LIMIT)
    for shape, weight in zip(rng.choice(HEAD_SHAPES, 2, replace=False), (0.42, 0.25), strict=True):
        weights[str(shape)] = float(rng.uniform(0, weight))
    if rng.random() < 0.3:
        weights["chin-triangle"] = float(rng.uniform(0.1, 0.6))
    for part in rng.choice(ASYMMETRIES, 4, replace=False):
        weights[f"{part}-{'l' if rng.random() < 0.5 else 'r'}"] = float(rng.uniform(0.05, 0.4))
    return weights


def _sides(slider: Slider, position: float, rng: Generator) -> Iterable[tuple[str, float]]:
    if not slider.sides:
        return [("", position)]
    strays = ASYMMETRY * slider.spread * rng.standard_normal(2)
    return [("l-", position + float(strays[0])), ("r-", position + float(strays[1]))]
