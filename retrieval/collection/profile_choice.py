"""Which of a card's profiles suits a gallery: what was fitted for drawn faces, or for photographs.

How far redrawings are from their images tells kinds of faces apart (domain_check.py). A few images
of the gallery are redrawn. Each says how likely its error is among the faces that a profile was
fitted on; the profile under which the errors of all are likeliest is taken. No image can say much
more than the others, so that a few hats and dark glasses do not decide for a whole gallery.

Shapes: N images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gallery.align import Pixels
from gallery.arrays import Doubles
from gallery.errors import ImageError
from gallery.faces import FaceSet
from gallery.pixels import cut
from generator.canonical import Rule
from generator.drawer import Drawer
from generator.reconstruction_error import QUANTILES, own_errors, usual_quantiles
from generator.weights_file import load_card
from retrieval.collection.collection import Collection

SAMPLE = 48  # images that are redrawn to choose by
FEWEST = 8  # of fewer usable ones, the card's first profile is kept
MOST = 1.0  # nats that one image can say against a profile
NARROWEST = 0.05  # logarithm of errors between two quantiles, at least


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
    chosen = likeliest(np.array(errors), usual)
    known = ", ".join(f"{name} by {median:.0f}" for name, (median, *_) in usual.items())
    return ProfileChoice(
        chosen,
        f"{chosen}: images of this gallery are redrawn with a mean squared error of"
        f" {np.median(errors):.0f} in the median; {known}; --profile NAME takes another",
    )


def likeliest(errors: Doubles, usual: Mapping[str, Sequence[float]]) -> str:
    """Return the profile under which errors are likeliest; of equals the first.

    Args:
        errors: Mean squared errors of some redrawings, (N,).
        usual: Errors at QUANTILES of what each profile was fitted on, by name.
    """
    found = np.stack([_log_density(errors, told) for told in usual.values()])  # (profiles, N)
    said = np.maximum(found, found.max(axis=0) - MOST).sum(axis=1)
    return list(usual)[int(said.argmax())]


def _log_density(errors: Doubles, quantiles: Sequence[float]) -> Doubles:
    """Return the log density of log(1 + error), of which some quantiles are known, (N,).

    Between two quantiles it is even; beyond the first and the last it falls exponentially, on the
    scale of the nearest two.
    """
    at, known = np.log1p(errors), np.log1p(quantiles)
    widths = np.maximum(np.diff(known), NARROWEST)
    shares = np.diff([0.0, *QUANTILES, 1.0])
    inner = np.log(shares[1:-1] / widths)
    place = np.searchsorted(known, at)
    found = inner[np.clip(place - 1, 0, len(inner) - 1)]
    below, above = known[0] - at, at - known[-1]
    low = np.log(shares[0] / widths[0]) - below / widths[0]
    high = np.log(shares[-1] / widths[-1]) - above / widths[-1]
    return np.asarray(np.where(below >= 0, low, np.where(above > 0, high, found)))


def _usual(engine: Drawer) -> dict[str, tuple[float, ...]]:
    """Return the usual errors of every profile that says some, at QUANTILES, by name."""
    card = engine.card
    found = {}
    for name in (card.profile, *card.profiles):
        told = usual_quantiles(card.under(name))
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
