"""The shape of a head: morph targets, weighted by who it is, how old, and with what expression.

Shapes: V vertices of the whole body.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from gallery.facial_units import STRENGTHS
from gallery.studio.expressions import EXPRESSION_UNITS
from gallery.studio.library import Library
from gallery.studio.meshes import Floats
from gallery.studio.traits import Body, SyntheticPerson

# Vertices of base.obj: helper rings around the eyeballs, chin, root of the nose.
LEFT_EYE, RIGHT_EYE = slice(14598, 14670), slice(14670, 14742)
CHIN = (732, 747)
NOSE_ROOT = 5063


@dataclass(frozen=True, slots=True)
class FaceExpression:
    """What a face does.

    Attributes:
        name: One of seven expressions, as strong as the person's manner is.
        strengths: Further units by name (gallery/facial_units.py), in [0, 1]: as strong for all.
    """

    name: str = "neutral"
    strengths: tuple[tuple[str, float], ...] = ()

    def units(self, gain: float) -> dict[str, float]:
        """Return the weights of all units that are moved.

        Args:
            gain: By what a named expression is multiplied.
        """
        moved = {unit: gain * weight for unit, weight in EXPRESSION_UNITS[self.name].items()}
        for name, strength in self.strengths:
            for unit, weight in STRENGTHS[name].items():
                moved[unit] = moved.get(unit, 0.0) + strength * weight
        return moved


NEUTRAL = FaceExpression()


def head_shape(
    library: Library,
    identity: SyntheticPerson,
    age_years: float,
    expression: FaceExpression = NEUTRAL,
) -> Floats:
    """Return the vertices of a person's body, (V, 3), decimetres."""
    vertices = library.base.copy()
    weights = {**_macro_weights(identity.body, age_years), **_sliders(identity.body, age_years)}
    units = expression.units(identity.manner.expressiveness)
    for name, weight in (weights | units).items():
        if abs(weight) > 1e-3 and library.has_target(name):
            target = library.target(name)
            vertices[target.indices] += np.float32(weight) * target.offsets
    return vertices


def eyes(vertices: Floats) -> Floats:
    """Return the centres of the left and the right eyeball, (2, 3)."""
    return np.stack([vertices[LEFT_EYE].mean(axis=0), vertices[RIGHT_EYE].mean(axis=0)])


def chin(vertices: Floats) -> Floats:
    """Return the tip of the chin, (3,)."""
    return np.asarray(vertices[list(CHIN)].mean(axis=0), dtype=np.float32)


def centre(vertices: Floats) -> Floats:
    """Return the point that cameras and lights look at, (3,)."""
    return np.array([0, vertices[NOSE_ROOT, 1], 0.6], dtype=np.float32)


def old_age(body: Body, age_years: float) -> float:
    """Return how old somebody looks: 0 as a young adult, 1 as MakeHuman's oldest."""
    return float(np.clip((age_years - 24) / 58, 0, 1)) * body.ageing


def _macro_weights(body: Body, age_years: float) -> dict[str, float]:
    """Weigh the targets that exist for every mixture of ancestry, gender, age and build."""
    gender = {"male": body.masculinity, "female": 1 - body.masculinity}
    old = old_age(body, age_years)
    age = {"young": 1 - old, "old": old}
    muscle, weight = _three(body.muscle, "muscle"), _three(body.weight, "weight")
    groups = (gender, age, muscle, weight)
    universal = {f"universal-{key}": value for key, value in _product(*groups).items()}
    return _product(body.mix, gender, age) | universal


def _product(*groups: Mapping[str, float]) -> dict[str, float]:
    return {
        "-".join(name for name, _ in cell): float(np.prod([weight for _, weight in cell]))
        for cell in product(*(group.items() for group in groups))
    }


def _three(value: float, name: str) -> dict[str, float]:
    """Spread a value, 0..1, over a least, an average and a greatest target."""
    return {
        f"min{name}": max(0.0, 1 - 2 * value),
        f"average{name}": 1 - abs(2 * value - 1),
        f"max{name}": max(0.0, 2 * value - 1),
    }


def _sliders(body: Body, age_years: float) -> dict[str, float]:
    """Return the person's sliders, and what age adds: bags, sagging cheeks, longer ears."""
    weights = dict(body.sliders)
    old = old_age(body, age_years)
    ageing = {"eye-bag-incr": 0.7, "cheek-trans-down": 0.35, "ear-lobe-incr": 0.5}
    ageing |= {"eye-eyefold-down": 0.4, "cheek-volume-decr": 0.3}
    for name, strength in ageing.items():
        for side in ("l-", "r-"):
            weights[side + name] = weights.get(side + name, 0.0) + strength * old
    for name, strength in {"head-age-incr": 0.9, "mouth-angles-down": 0.3}.items():
        weights[name] = weights.get(name, 0.0) + strength * old
    woman = 1 - body.masculinity
    for name in ("eyebrows-trans-up", "mouth-lowerlip-volume-incr", "mouth-upperlip-volume-incr"):
        weights[name] = weights.get(name, 0.0) + 0.22 * woman
    for name in ("l-eye-scale-incr", "r-eye-scale-incr"):
        weights[name] = weights.get(name, 0.0) + 0.16 * woman
    return weights
