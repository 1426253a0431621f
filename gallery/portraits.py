"""Portraits: what recognisers and landmarks are read from.

A portrait is a square of the photograph around the face, in colour, larger than what a generator
draws, and a function of photograph and aligner alone. There are two forms. NARROW is the aligner's
own square, as spaces and cards have it that were made with the recogniser "sface". WIDE shows what
is around it, too: landmarks are found better there, and what a recogniser wants of a turned head is
inside. What it takes from beyond the photograph repeats the edge.

Shapes: N images, S side, P side of a portrait, C channels.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from gallery.align import Aligner, Pixels


@dataclass(frozen=True, slots=True)
class PortraitForm:
    """How portraits are cut.

    Attributes:
        side: Side of a portrait, pixels, P.
        wide: How many times as wide as the aligner's square it is, at least 1.
    """

    side: int
    wide: float = 1.0

    def __str__(self) -> str:
        """Spell it for index contracts."""
        return f"{self.side} px" if self.wide == 1 else f"{self.side} px, {self.wide} wide"


NARROW = PortraitForm(128)
WIDE = PortraitForm(192, 1.5)


def form_in(spelt: str) -> PortraitForm:
    """Return the form that a text ends with, spelt as " of 192 px, 1.5 wide"; else NARROW."""
    return WIDE if spelt.endswith(f" of {WIDE}") else NARROW


def portrait_aligner(aligner: Aligner, form: PortraitForm = NARROW) -> Aligner:
    """Return what cuts a portrait out of a photograph, where an aligner cuts a face to draw."""
    return replace(aligner, size=form.side, channels=3, wide=form.wide)


def as_portraits(pixels: Pixels, form: PortraitForm) -> Pixels:
    """Turn faces that are cut out already into portraits, (N, S, S, C) -> (N, P, P, 3).

    Around them their edges are repeated. For the narrow form they are what they are: recognisers of
    that form take faces of any size.
    """
    if form.wide == 1:
        return np.asarray(pixels)
    cut = Aligner(size=form.side, channels=3, wide=form.wide)
    made = np.empty((len(pixels), form.side, form.side, 3), np.uint8)
    for number, face in enumerate(pixels):
        image = Image.fromarray(face[:, :, 0] if face.shape[2] == 1 else face)
        made[number] = cut.align(image)
    return made
