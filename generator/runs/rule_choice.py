"""Choosing how canonical views are chosen, on people that nothing was trained on.

Three rules are compared by how many values of the validation images they estimate rightly:
`reconstruction` (the closest redrawing), `estimator` (the likeliest value), and `both`: the
smallest error minus temperature times log-probability. Of equals the simpler one is taken, in this
order: estimator, both with a smaller temperature, reconstruction. Where the estimator wins, the
rule is `expected`: the same estimates, but an image in doubt is not redrawn in one value alone.

Shapes: N images, K values, S side, C channels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Floats
from gallery.pixels import Aligned
from generator.drawer import Drawer
from generator.networks.estimator import labels_of
from generator.values import best_values

TEMPERATURES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)  # squared grey levels
BATCH = 64
WORTH = 0.002  # how much more often another rule must be right to be worth its redrawings
CLEARLY = 2.0  # standard errors that it must be ahead by: a few people are easily beaten by chance

Flags = NDArray[np.bool_]


def fit_rule(engine: Drawer, validation: Aligned) -> dict[str, Any]:
    """Choose a rule and its temperature.

    The estimator alone has every image redrawn once, the others under every value: it is taken
    unless one of them is right more often, and by more than chance.

    Args:
        engine: With an estimator.
        validation: Images of people that neither generator nor estimator was trained on.

    Returns:
        For the card: {"rule", "temperature" (of `both`), "accuracy": {rule: share}}.
    """
    attributes = engine.card.space.attributes
    labels = labels_of(validation.faces, engine.card.space)
    likely = engine.log_probabilities(validation.pixels)
    if len(attributes) != 1:
        told = _accuracy(best_values(likely, engine.card.space), labels)
        return {"rule": "expected", "accuracy": {"estimator": told}}
    errors = redrawing_errors(engine, validation)  # (N, K)
    guesses = {
        "estimator": likely.argmax(axis=1),
        **{
            f"both {temperature:g}": (errors - temperature * likely).argmin(axis=1)
            for temperature in reversed(TEMPERATURES)
        },
        "reconstruction": errors.argmin(axis=1),
    }
    known = labels[:, 0] >= 0
    right = {name: (guess == labels[:, 0])[known] for name, guess in guesses.items()}
    accuracy = {name: _accuracy(guess, labels[:, 0]) for name, guess in guesses.items()}
    best = max(accuracy, key=lambda name: accuracy[name])  # of equals the first
    if not _clearly_better(right[best], right["estimator"]):
        best = "estimator"
    rule, _, temperature = best.partition(" ")
    rule = "expected" if rule == "estimator" else rule
    fitted: dict[str, Any] = {"rule": rule, "accuracy": accuracy}
    return {**fitted, "temperature": float(temperature)} if temperature else fitted


def _clearly_better(right: Flags, than: Flags) -> bool:
    """Whether what is right more often on N images would be so on others, too."""
    if len(right) < 2:  # no spread to judge by
        return False
    gain = right.astype(np.float64) - than
    return bool(gain.mean() > max(WORTH, CLEARLY * gain.std(ddof=1) / np.sqrt(len(gain))))


def redrawing_errors(engine: Drawer, part: Aligned) -> Floats:
    """Mean squared errors of the redrawings under every value of the one attribute, (N, K)."""
    values = engine.card.space.size
    columns = []
    for value in range(values):
        codes = np.zeros((len(part.pixels), values), dtype=np.float32)
        codes[:, value] = 1
        errors = [
            np.square(
                engine.draw(part.pixels[at : at + BATCH], codes[at : at + BATCH]).refined
                - part.pixels[at : at + BATCH]
            ).mean(axis=(1, 2, 3))
            for at in range(0, len(codes), BATCH)
        ]
        columns.append(np.concatenate(errors))
    return np.stack(columns, axis=1)


def _accuracy(guesses: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    known = labels >= 0
    return round(float((guesses == labels)[known].mean()), 4) if known.any() else 0.0
