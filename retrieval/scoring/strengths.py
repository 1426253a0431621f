"""What a wish for a strength asks of log p: a Gaussian's log density, by the values of its grid.

Of an image that seems to show the strength s, log p holds the log density of a Gaussian around s at
every value g of the grid, -(g - s)^2 / (2 SPREAD^2) (generator/networks/estimator.py). That is a
parabola in g, and a parabola is known everywhere by three of its points: a wish for w asks the
three values of the grid that are nearest, with Lagrange's weights, and the inner product is
-(w - s)^2 / (2 SPREAD^2), exactly. (It is the inner product of (s^2, s, 1) with (1, -2 w, w^2) over
-2 SPREAD^2 in another basis, in which log p of strengths and of named values are stored alike.)

With the spread there is, it lies in -10..0: log p is clipped at -10 and bounded as that of named
values is, and the clip is never met.
"""

from collections.abc import Sequence

import numpy as np

from gallery.arrays import Doubles
from gallery.attributes import Attribute

POINTS = 3  # that a parabola is known by


def asked_of(attribute: Attribute, value: str) -> Doubles:
    """Return how much a wish asks each value of its attribute, (values,).

    Raises:
        WishError: There is no such value.
    """
    if not attribute.is_strength or len(attribute.values) < POINTS:
        return np.array(attribute.code(value))
    return lagrange_weights(attribute.grid, attribute.strength(value))


def lagrange_weights(grid: Sequence[float], at: float) -> Doubles:
    """Return the weights that give a parabola's value at a place, of its values at a grid.

    The three points of the grid that are nearest are asked; all others weigh 0.
    """
    points = np.array(grid)
    weights = np.zeros(len(points))
    near = np.sort(np.argsort(np.abs(points - at), kind="stable")[:POINTS])
    for place in near:
        others = points[near[near != place]]
        weights[place] = np.prod((at - others) / (points[place] - others))
    return weights
