"""What yaws read off landmarks say of the values of a pose, beside what a network says.

    log p(value | image) = L log t(yaw; slope value + offset, spread (1 + growth |value| / 45))
                           + n log p_network(value | image)
                           + s log p_student(value | image) + constant

t is Student's distribution: near its middle a Gaussian, with tails heavy enough for faces that the
landmarks miss; where the landmarks are in doubt whether there is a face, the spread is `doubt`
times as large. A head turned further than the furthest value counts as turned by that one. This is
a product of experts, each with an exponent, since experts are surer than they are right.

The student of the weights (generator/student/) has seen more people than they have, and worn
images; where weights have none, or it was not found worth asking, s is 0.

Everything is fitted on people held out (retrieval/fitting/pose.py), stands on the card of the
weights (`Card.landmarks`), and is spelt in the index contract of every space it was used for.

Sources: Hinton, "Training products of experts by minimizing contrastive divergence", Neural
Computation 14, 2002; the exponents are inverse temperatures, as in Guo et al., "On calibration of
modern neural networks", ICML 2017.

Shapes: N images, V values of the pose.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gallery.arrays import Doubles, Floats
from gallery.attributes import Attribute, AttributeSpace, as_number
from gallery.errors import IndexFileError
from generator.card import Card

ATTRIBUTE, UNIT = "pose", "degree"
SCALE = 45.0  # degrees at which the spread has grown by `growth`
_TERM = "pose by landmarks "
PRESENT = 0.5  # of a face, in [0, 1]; below it the landmarks are in doubt
_NUMBERS = ("slope", "offset", "spread", "growth", "freedom", "doubt", "exponent", "network")
_SPELT = re.compile(
    rf"{_TERM}((?:-?[0-9.e+-]+,){{{len(_NUMBERS) - 1}}}-?[0-9.e+-]+)"
    r"(?: student ([0-9a-f]{16}) ([0-9.e+-]+))? (.+)"
)
SEER = "student_sha256"  # on cards: the first digits of that of the student's file


@dataclass(frozen=True, slots=True)
class Yaws:
    """What landmarks say of some heads.

    Attributes:
        degrees: By how much they are turned, with the signs of `pose`, (N,).
        presence: How sure it is that there is a face, in [0, 1], (N,).
    """

    degrees: Doubles
    presence: Doubles

    def __len__(self) -> int:
        return len(self.degrees)

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Where there is a face, (N,)."""
        return np.asarray(self.presence >= PRESENT)

    def chosen(self, which: NDArray[np.bool_]) -> Self:
        """Return those of some heads, (N,)."""
        return replace(self, degrees=self.degrees[which], presence=self.presence[which])


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseCalibration:
    """What a yaw is worth.

    Attributes:
        slope: Degrees that are read for each degree of a value.
        offset: Degrees that are read of a face turned by 0.
        spread: Scale of what is read of faces turned by 0, degrees, above 0.
        growth: By how much of it the scale grows until 45 degrees, at least 0.
        freedom: Degrees of freedom of Student's distribution, above 0.
        doubt: How many times as large the scale is where a face is in doubt, at least 1.
        exponent: Of the landmarks, at least 0.
        network: Of the network, at least 0.
        student: Of the student, at least 0.
        seer: First 16 digits of the SHA-256 of the student's file; empty where it is not asked.
        mesh: Fingerprint of what finds the landmarks.
    """

    slope: float = 1.0
    offset: float = 0.0
    spread: float = 4.0
    growth: float = 0.0
    freedom: float = 4.0
    doubt: float = 4.0
    exponent: float = 1.0
    network: float = 1.0
    student: float = 0.0
    seer: str = ""
    mesh: str

    @classmethod
    def of(cls, card: Card) -> Self | None:
        """Read what a card says; None where nothing was fitted, or the weights draw no pose."""
        if not card.landmarks or pose_of(card.space) is None:
            return None
        numbers = {name: float(card.landmarks[name]) for name in _NUMBERS}
        student, seer = card.landmarks.get("student", 0), card.landmarks.get(SEER, "")
        mesh = str(card.landmarks["mesh"])
        return cls(**numbers, student=float(student), seer=str(seer), mesh=mesh)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as cards hold them."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        student = {"student": self.student, SEER: self.seer} if self.student else {}
        return {**numbers, **student, "mesh": self.mesh}

    def spell(self) -> str:
        """Spell everything that estimates depend on, for the index contract."""
        numbers = ",".join(f"{getattr(self, name):.6g}" for name in _NUMBERS)
        student = f" student {self.seer} {self.student:.6g}" if self.student else ""
        return f"{_TERM}{numbers}{student} {self.mesh}"

    @classmethod
    def parse(cls, spelt: str) -> Self:
        """Read what `spell` wrote.

        Raises:
            IndexFileError: This version does not know it.
        """
        found = _SPELT.fullmatch(spelt)
        try:
            numbers = [float(one) for one in found[1].split(",")] if found else []
            student = float(found[3] or 0) if found else 0.0
        except ValueError:
            numbers = []
        if found is None or not numbers:
            raise IndexFileError(
                f"The space estimates by {spelt!r}, which this version does not know. Update"
                " mindseye, or build the space again: mindseye index build"
            )
        told = dict(zip(_NUMBERS, numbers, strict=True))
        return cls(**told, student=student, seer=found[2] or "", mesh=found[4])

    def log_likelihoods(self, yaws: Yaws, values: Sequence[float]) -> Doubles:
        """Return log t(yaw | value) but for a constant, (N, V).

        Args:
            yaws: Of N heads.
            values: Of the pose, degrees, V of them.
        """
        turned = np.array(values, dtype=np.float64)
        middles = self.slope * turned + self.offset
        wider = np.where(yaws.sure, 1.0, self.doubt)
        scales = self.spread * (1 + self.growth * np.abs(turned) / SCALE) * wider[:, None]
        within = np.clip(yaws.degrees, middles.min(), middles.max())
        away = (within[:, None] - middles) / scales
        found: Doubles = -np.log(scales)
        return found - (self.freedom + 1) / 2 * np.log1p(away**2 / self.freedom)

    def combined(
        self,
        yaws: Yaws,
        network: Floats | None,
        values: Sequence[float],
        student: Floats | None = None,
    ) -> Floats:
        """Return log p of every value; the probabilities of an image sum to 1, (N, V).

        Args:
            yaws: Of N heads.
            network: log p by the network, (N, V); None of weights without an estimator.
            values: Of the pose, degrees, V of them.
            student: log p by the student, (N, V); None where it is not asked.
        """
        total = self.exponent * self.log_likelihoods(yaws, values)
        if network is not None:
            total = total + self.network * network.astype(np.float64)
        if student is not None:
            total = total + self.student * student.astype(np.float64)
        return log_normalised(total).astype(np.float32)


def log_normalised(scores: Doubles) -> Doubles:
    """Subtract from each row the log of the sum of its exponentials, (N, V) -> (N, V)."""
    highest = scores.max(axis=1, keepdims=True)
    sums = np.log(np.exp(scores - highest).sum(axis=1, keepdims=True))
    normalised: Doubles = scores - highest - sums
    return normalised


def pose_of(space: AttributeSpace) -> Attribute | None:
    """Return the attribute that yaws speak of: a pose in degrees, of two values at least."""
    if ATTRIBUTE not in space:
        return None
    pose = space[ATTRIBUTE]
    return pose if pose.unit == UNIT and len(pose.values) > 1 else None


def turns_of(pose: Attribute) -> tuple[float, ...]:
    """Return the values of a pose in degrees."""
    return tuple(float(as_number(value) or 0) for value in pose.values)
