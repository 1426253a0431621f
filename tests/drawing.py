"""For engines of tests that draw without a network: the closest drawing, by its definition."""

import numpy as np

from gallery.align import Pixels
from generator.engine import Closest, Drawn, Engine, Floats


class DrawsOneByOne(Engine):
    """Chooses among drawings of `draw`, which a test defines."""

    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        """Draw value by value and keep the closest; every wish is refined."""
        assert refine_best is None
        assert handicap is None
        drawn = [self.draw(pixels, codes[:, wish]) for wish in range(codes.shape[1])]
        errors = np.stack(
            [np.square(one.refined - pixels).mean(axis=(1, 2, 3)) for one in drawn], axis=1
        )
        choice = errors.argmin(axis=1)  # (N,): of equals the earlier
        kept = [drawn[wish] for wish in choice]
        rows = range(len(pixels))
        return Closest(
            choice,
            errors[np.arange(len(pixels)), choice],
            Drawn(
                np.stack([kept[row].first[row] for row in rows]),
                np.stack([kept[row].refined[row] for row in rows]),
                np.stack([kept[row].features[row] for row in rows]),
            ),
        )
