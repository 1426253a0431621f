"""How many canonical views of a gallery image are stored: one, or two where its value is in doubt.

Shapes: N images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gallery.errors import ConfigError
from generator.card_schema import HYPOTHESES

AUTO = "auto"  # what was fitted for the weights


@dataclass(frozen=True, slots=True, order=True)
class Hypotheses:
    """How many canonical views of a gallery image are stored, two at most.

    Attributes:
        within: Margin up to which an image has a second one: -inf for never, inf for always.
    """

    within: float = -np.inf

    @property
    def single(self) -> bool:
        """Whether no image has a second one."""
        return self.within == -np.inf

    def __str__(self) -> str:
        """Spell it as on cards, in index contracts and for --hypotheses: 1, 2, 2 within 1.5."""
        if self.single:
            return "1"
        if self.within == np.inf:
            return "2"
        return f"2 within {np.format_float_positional(self.within, trim='-')}"

    @classmethod
    def parse(cls, text: str) -> "Hypotheses":
        """Read what `str` spells.

        Raises:
            ConfigError: It is something else.
        """
        found = HYPOTHESES.fullmatch(text.strip())
        if found is None:
            raise ConfigError(
                f"Hypotheses are 1, 2, or like '2 within 1.5' (docs/scoring.md), not {text!r}"
            )
        if text.strip() == "1":
            return ONE
        return cls(float(found[1])) if found[1] else TWO

    def chosen(self, margins: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Say which images have a second hypothesis, by their margins, (N,) -> (N,)."""
        chosen: NDArray[np.bool_] = np.isfinite(margins) & (margins <= self.within)
        return chosen


ONE, TWO = Hypotheses(), Hypotheses(np.inf)
