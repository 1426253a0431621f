"""How conditions and landmarks are spelt in the catalogue: as JSON."""

from gallery.align import Landmarks
from gallery.attributes import Condition
from gallery.catalogue.columns import ADVICE, damaged
from gallery.errors import CatalogueError
from gallery.json_files import JsonLimits, Origin, parse, spell

ORIGIN = Origin("A value in the catalogue", CatalogueError, ADVICE)
LARGEST = 1e6  # pixels: of no photograph is a face so far away
LIMITS = JsonLimits(size_bytes=2**20, depth=1, values=10_000)


def spell_condition(condition: Condition | None) -> str | None:
    """Return a condition as the catalogue holds it; None for none, or one of nothing."""
    return spell(dict(condition)) if condition else None


def read_condition(text: str) -> Condition:
    """Read what `spell_condition` wrote.

    Raises:
        CatalogueError: It is something else.
    """
    found = parse(text, ORIGIN, LIMITS)
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise damaged(text, "names of attributes with their values")
    return Condition(found)


def spell_landmarks(landmarks: Landmarks | None) -> str | None:
    """Return landmarks as the catalogue holds them."""
    return None if landmarks is None else spell([*landmarks.eyes, *landmarks.chin])


def read_landmarks(text: str | None) -> Landmarks | None:
    """Read what `spell_landmarks` wrote.

    Raises:
        CatalogueError: It is something else.
    """
    if text is None:
        return None
    found = parse(text, ORIGIN, LIMITS)
    numbers = [one for one in found if type(one) in (int, float)] if isinstance(found, list) else []
    if len(numbers) != 4 or len(found) != 4 or max(map(abs, numbers)) > LARGEST:
        raise damaged(text, "four numbers: x and y of the eyes and of the chin")
    eyes_x, eyes_y, chin_x, chin_y = numbers
    try:
        return Landmarks((eyes_x, eyes_y), (chin_x, chin_y))
    except ValueError as error:
        raise damaged(text, "eyes above the chin") from error
