"""Inference with a trained generator by OpenVINO: the same numbers as torch's, up to rounding.

Compared on every set of weights before it is first used (generator/openvino/export.py).

Shapes: N images, K wishes of each, R drawings, S side, C channels, A length of the one-hot code, D
length of the flat features.
"""

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from gallery.arrays import Floats
from generator.card import Card
from generator.drawer import Closest, Drawer, DrawnBatch, refined_wishes
from generator.openvino.kept import Kept
from generator.openvino.library import Compiled
from generator.values import split_scores

DRAWING, ESTIMATOR = "drawing", "estimator"
AT_ONCE = 64  # drawings; their maps stay near the caches
OPENVINO = "openvino"


class OpenVinoEngine(Drawer):
    """A generator ready to draw with OpenVINO; see `Drawer`."""

    runtime, precision, on, fuses = OPENVINO, "float32", "cpu", False

    def __init__(
        self, card: Card, drawing: Compiled, estimator: Compiled | None, *, refines: bool
    ) -> None:
        """Take compiled networks.

        Args:
            card: The card of the weights.
            drawing: Images (N, S, S, C), codes (R, A), and of each code the position of its image
                (R,), to drawings of both stages and features.
            estimator: Images to logits (N, A); None where the weights have none.
            refines: Whether the first drawing differs from the last.
        """
        self.card = card
        self.refines = refines
        self._drawing, self._estimator = drawing, estimator
        self._dimension = 0

    @classmethod
    def of(cls, card: Card, kept: Kept) -> "OpenVinoEngine":
        """Open what was kept for the weights of a card."""
        estimates = bool(kept.said["estimates"])
        made = cls(
            card,
            kept.network(DRAWING),
            kept.network(ESTIMATOR) if estimates else None,
            refines=bool(kept.said["refines"]),
        )
        made._dimension = int(kept.said["dimension"])
        return made

    @property
    def dimension(self) -> int:
        """Length D of the flat features."""
        return self._dimension

    @property
    def estimates(self) -> bool:
        """Whether the weights have an attribute estimator."""
        return self._estimator is not None

    def draw(self, pixels: Pixels, codes: Floats) -> DrawnBatch:
        """Draw every image under its wish; see `Drawer.draw`."""
        self.require_shapes(pixels, codes, "(N, {})")
        return self._closest(pixels, codes[:, None], None, 1).drawn

    def log_probabilities(self, pixels: Pixels) -> Floats:
        """Estimate what images show; see `Drawer.log_probabilities`."""
        if self._estimator is None:
            raise ValueError("these weights have no attribute estimator")
        parts = [
            self._estimator(pixels[start : start + AT_ONCE])[0]
            for start in range(0, max(len(pixels), 1), AT_ONCE)
        ]
        each = split_scores(np.concatenate(parts), self.card.space)
        return np.concatenate([_log_softmax(part) for part in each], axis=1)

    def closest(
        self,
        pixels: Pixels,
        codes: Floats,
        *,
        handicap: Floats | None = None,
        refine_best: int | None = None,
    ) -> Closest:
        """Draw every image under each of its wishes, and keep the closest; see `Drawer.closest`.

        All are refined; of those that would not have been none is taken.
        """
        self.require_shapes(pixels, codes, "(N, K, {})")
        return self._closest(pixels, codes, handicap, refined_wishes(refine_best, codes.shape[1]))

    def _closest(
        self, pixels: Pixels, codes: Floats, handicap: Floats | None, refined: int
    ) -> Closest:
        if handicap is None:
            handicap = np.zeros((1, codes.shape[1]), np.float32)
        added: Floats = np.broadcast_to(handicap, codes.shape[:2])
        size = max(1, AT_ONCE // codes.shape[1])
        parts = []
        for start in range(0, max(len(codes), 1), size):
            some = slice(start, start + size)
            parts.append(self._some(pixels[some], codes[some], added[some], refined))
        return Closest.joined(parts)

    def _some(self, pixels: Pixels, codes: Floats, handicap: Floats, refined: int) -> Closest:
        count, wishes = codes.shape[:2]
        of = np.repeat(np.arange(count), wishes)
        asked = codes.reshape(len(of), -1).astype(np.float32, copy=False)
        first, last, features = self._drawing(pixels, asked, of)
        errors = _errors(last, pixels, wishes)
        judged = errors + handicap
        if refined < wishes:
            judged = np.where(
                _nearest(_errors(first, pixels, wishes) + handicap, refined), judged, np.inf
            )
        choice: NDArray[np.int64] = judged.argmin(axis=1)
        rows = np.arange(count)
        kept = rows * wishes + choice
        drawn = DrawnBatch(first[kept], last[kept], features[kept])
        return Closest(choice, errors[rows, choice], drawn)


def _errors(drawn: Floats, pixels: Pixels, wishes: int) -> Floats:
    """Mean squared distances: (N * K, S, S, C), (N, S, S, C) -> (N, K)."""
    each = drawn.reshape(len(pixels), wishes, *pixels.shape[1:])
    errors: Floats = np.square(each - pixels[:, None]).mean(axis=(2, 3, 4), dtype=np.float32)
    return errors


def _nearest(coarse: Floats, most: int) -> NDArray[np.bool_]:
    """Say which wishes are refined, (N, K): of equally close ones the earlier."""
    near = np.zeros(coarse.shape, np.bool_)
    np.put_along_axis(near, np.argsort(coarse, axis=1, kind="stable")[:, :most], True, axis=1)  # noqa: FBT003
    return near


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    found: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found
