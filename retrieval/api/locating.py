"""Where the face is in a photograph that nobody has said it of."""

from dataclasses import dataclass, field, replace

from PIL import Image

from gallery.align import Aligner, Crop
from gallery.errors import ConfigError, ImageError
from gallery.images import decoding_of
from gallery.readers.registry import Photograph
from retrieval.search.crops import find_faces


@dataclass(frozen=True, slots=True, eq=False)
class LocatedFace:
    """Where the face is in a photograph; made by `Gallery.locate`.

    Attributes:
        width: Of the upright photograph, pixels.
        height: Likewise.
        crop: The square around the face: left, top, width, height in these pixels; it may reach
            beyond the photograph. Where none was found, what is cut out if nobody says better.
        found: Whether a face was found.
        note: What the user should know.
        picture: The whole photograph, upright, at most 1,024 pixels wide and high, a Pillow image.
    """

    width: int
    height: int
    crop: tuple[float, float, float, float]
    found: bool
    note: str | None
    picture: Image.Image = field(repr=False)


MOST_PX = 1024


def locate(photograph: Photograph, aligner: Aligner) -> LocatedFace:
    """Look for the face in a photograph; see `Gallery.locate`."""
    crop, note = _look(photograph, aligner)
    image = photograph.image
    reduction = decoding_of(image).reduction
    size = image.width * reduction, image.height * reduction
    picture = image.convert("RGB")
    picture.thumbnail((MOST_PX, MOST_PX))
    picture.info = {}
    left, top, side = (crop or aligner.crop or _centre(*size)).square(*size)
    return LocatedFace(*size, (left, top, side, side), crop is not None, note, picture)


def _look(photograph: Photograph, aligner: Aligner) -> tuple[Crop | None, str | None]:
    """Return where a face was found, and what the user should know."""
    named = replace(photograph, path=photograph.path.with_name("the picture"))
    try:
        placed = find_faces([named], aligner)
    except ImageError:
        return None, "No face was found; say where it is"
    except ConfigError as error:  # what finds faces is not installed
        return None, str(error)
    return placed.crops[0], placed.notes[0] if placed.notes else None


def _centre(width: int, height: int) -> Crop:
    side = min(width, height)
    return Crop((width - side) / 2, (height - side) / 2, side, side)
