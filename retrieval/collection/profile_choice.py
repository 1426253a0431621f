"""Which of a card's profiles suits a gallery: what was fitted for drawn faces, or for photographs.

How far redrawings are from their images tells kinds of faces apart (domain_check.py). A few images
of the gallery are redrawn; the profile whose usual errors are nearest to theirs is taken.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gallery.align import Pixels
from gallery.errors import ImageError
from gallery.faces import FaceSet
from gallery.pixels import cut
from generator.canonical import Rule
from generator.drawer import Drawer
from generator.reconstruction_error import Usual, own_errors
from generator.weights_file import load_card
from retrieval.collection.collection import Collection

SAMPLE = 48  # images that are redrawn to choose by
FEWEST = 8  # of fewer usable ones, the card's first profile is kept


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """What was chosen.

    Attributes:
        profile: Its name; that of the card where there is nothing to choose from.
        why: In a line, for the user; empty where there was nothing to choose from.
    """

    profile: str
    why: str = ""


def profile_of_space(
    collection: Collection, engine: Drawer, faces: FaceSet, *, is_new: bool
) -> ProfileChoice:
    """Return the profile that a space has, or, of a new one, the one that suits its images.

    Args:
        collection: Of the space.
        engine: Of its weights, with their card. A profile that this no longer has is not kept.
        faces: The images that are added.
        is_new: Whether the space is yet to be made.
    """
    if is_new:
        return choose_profile(engine, faces)
    said = load_card(collection.weights_path(engine.card.name)).profile
    known = (engine.card.profile, *engine.card.profiles)
    return ProfileChoice(said if said in known else engine.card.profile)


def choose_profile(engine: Drawer, faces: FaceSet) -> ProfileChoice:
    """Choose by how far redrawings of some images are from them.

    Args:
        engine: Of the weights, with their card.
        faces: The gallery, or the images that are added to it.
    """
    usual = _usual(engine)
    if not engine.card.profiles or len(usual) < 2:
        return ProfileChoice(engine.card.profile)
    errors = _errors(engine, faces)
    if len(errors) < FEWEST:
        return ProfileChoice(engine.card.profile)
    median, limit = (float(one) for one in np.quantile(errors, (0.5, 0.99)))
    found = Usual(median, limit)
    chosen = min(usual, key=lambda name: _apart(found, usual[name]))
    known = ", ".join(f"{name} by {one.median:.0f}" for name, one in usual.items())
    return ProfileChoice(
        chosen,
        f"{chosen}: images of this gallery are redrawn with a mean squared error of {median:.0f}"
        f" in the median; {known}; --profile NAME takes another",
    )


def _apart(one: Usual, other: Usual) -> float:
    """Return how far apart errors are: by the logarithms of their medians and of their largest.

    Blurred photographs are redrawn as well as drawn faces, in the median; the largest errors tell.
    """
    pairs = ((one.median, other.median), (one.limit, other.limit))
    return sum(abs(math.log((mine + 1) / (theirs + 1))) for mine, theirs in pairs)


def _usual(engine: Drawer) -> dict[str, Usual]:
    """Return the usual errors of every profile that says some, by name."""
    card = engine.card
    found = {}
    for name in (card.profile, *card.profiles):
        told = Usual.of(card.under(name))
        if told is not None:
            found[name] = told
    return found


def _errors(engine: Drawer, faces: FaceSet) -> Sequence[float]:
    """Return the error of some images, evenly spread over the set; of those that can be used."""
    step = max(1, len(faces) // SAMPLE)
    pixels: list[Pixels] = []
    for face in faces.faces[::step][: 2 * SAMPLE]:
        if len(pixels) == SAMPLE:
            break
        try:
            pixels.append(cut(faces, face, engine.card.aligner))
        except ImageError:
            continue  # the build says so
    if not pixels:
        return []
    found = own_errors(engine, np.stack(pixels), Rule.of(engine.card))
    return [] if found is None else [float(one) for one in found]
