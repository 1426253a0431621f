"""What queries of a space look like, for tuning its index, which knows vectors alone.

Shapes: P probes, A values of all attributes, F numbers of a vector.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from gallery.arrays import Floats, normalise
from gallery.errors import ConfigError, WeightsError
from generator.canonical import Rule
from generator.weights_file import load_card
from index.contract import IndexContract
from index.probing import ROWS, QueryShape
from retrieval.collection.collection import Collection
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.term import TermQuestion
from retrieval.scoring.terms import DRAWING, TERMS, Coefficients, Layout, Score

SEED = 20_160_919
AWAY = 0.5  # how far a drawing lies from the image that it asks for, against a length of 1


@dataclass(frozen=True, slots=True)
class Asking:
    """Makes probes of gallery vectors of a fused score, as `Layout.probes` would of a query.

    What is read from the source is what the row holds, and wished for is what it most likely shows:
    of one attribute, or of several. A drawing never looks quite like an image: the row's is moved
    away from it, the way that leads from one image of the gallery to another.

    Attributes:
        layout: Where the parts of a vector stand.
        sizes: How many values each attribute has, in one-hot order.
        weights: How heavy the parts are.
    """

    layout: Layout
    sizes: tuple[int, ...]
    weights: Coefficients

    @property
    def name(self) -> str:
        """The weights, for the manifest."""
        told = self.weights.told()
        return ", ".join(f"{term.name.replace('_', ' ')} {weight!r}" for term, weight in told)

    def probes(self, rows: Floats) -> Floats:
        """Make what a query would look like that each row answers, (P, F) -> (P, F)."""
        random = np.random.default_rng(SEED)
        parts = {name: rows[:, where] for name, where in self.layout.parts.items()}
        drawn = _moved(parts.pop("drawing"), random)
        likely = parts.get("log_p", np.zeros((len(rows), sum(self.sizes)), dtype=np.float32))
        wishes = self._wishes(likely, random)
        asked = {
            name: TERMS[name].ask(TermQuestion(wishes, partial(_as_it_is, part)))
            for name, part in parts.items()
        }
        return self.layout.probes(drawn, asked, self.weights)

    def _wishes(self, log_p: Floats, random: np.random.Generator) -> Floats:
        """Wish for the likeliest values of some attributes of each row, at least one, (P, A)."""
        count = len(self.sizes)
        order = random.permuted(np.tile(np.arange(count), (len(log_p), 1)), axis=1)
        wished = order <= random.integers(0, count, (len(log_p), 1))
        codes, start = np.zeros_like(log_p), 0
        for place, size in enumerate(self.sizes):
            best = start + log_p[:, start : start + size].argmax(axis=1)
            codes[np.arange(len(log_p)), best] = wished[:, place]
            start += size
        return codes


def _as_it_is(rows: Floats) -> Floats:
    return rows


def _moved(drawings: Floats, random: np.random.Generator) -> Floats:
    """Move drawings away from themselves, and keep their length of 1, (P, D) -> (P, D)."""
    one, other = (drawings[random.permutation(len(drawings))] for _ in range(2))
    return normalise(drawings + AWAY * normalise(one - other))


def query_shape(collection: Collection, name: str, contract: IndexContract) -> QueryShape:
    """Return what queries of a space look like, by the weights on its card.

    Where nothing is known (the card is lost, or no longer holds what was fitted), rows stand in.
    """
    score = Score.of(contract)
    if score.name == DRAWING:
        return ROWS
    try:
        card = load_card(collection.weights_path(name))
        hypotheses = Rule.parse(contract.canonicalisation).hypotheses
        weights = ScoreProfile.of(card).weights(score.name, hypotheses)
    except (ConfigError, WeightsError):
        return ROWS
    sizes = tuple(len(values) for _, values in contract.attribute_space)
    return Asking(Layout.of_contract(contract), sizes, weights)


def advice(contract: IndexContract) -> str | None:
    """Say what building a space anew would bring; None where it would bring nothing.

    Raises:
        IndexFileError: This version does not know the space's score.
    """
    score = Score.of(contract)
    if score.name == DRAWING or score.column:
        return None
    return (
        "the vectors are of several lengths, as older versions made them, and graphs and codes find"
        " fewer of their neighbours (kinds exact, flat and ivf lose nothing): mindseye index build"
        " in another --collection makes them of one length"
    )
