"""Where the face is in photographs that are asked about: as said, found, or known to the gallery.

Everybody who asks about a photograph asks here, so that nobody cuts it otherwise.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gallery.align import Aligner, Crop
from gallery.detection.geometry import find_face
from gallery.detection.registry import open_detector, require_detector
from gallery.errors import ImageError
from gallery.readers.registry import Photograph
from retrieval.search.searcher import Searcher

FIND = "face"  # in place of a crop: look for it


@dataclass(frozen=True, slots=True)
class PlacedFaces:
    """Where the face is in some photographs.

    Attributes:
        crops: One for each photograph; None where the weights' own crop is taken.
        notes: What the user should know.
    """

    crops: tuple[Crop | None, ...]
    notes: tuple[str, ...] = ()


def parse_crop(given: str | Crop | None) -> Crop | str | None:
    """Read a crop as users write it: "X,Y,W,H", or "face" to look for the face; None for neither.

    Raises:
        ConfigError: It is not four numbers that make a rectangle; or looking for a face needs an
            extra that is not installed.
    """
    if given == FIND:
        require_detector()
    return Crop.parse(given) if isinstance(given, str) and given != FIND else given


def place_faces(
    searcher: Searcher, photographs: Sequence[Photograph], given: Crop | str | None
) -> PlacedFaces:
    """Say where the face is in each photograph.

    Args:
        searcher: The searcher of the space that is asked.
        photographs: What is asked about.
        given: What `parse_crop` read: it holds for all of them, "face" looks for the face in each.
            None: of an image that the gallery holds, the square that it was cut by there; of others
            the weights' own crop.

    Raises:
        ImageError: No face was found.
        ConfigError: Looking for one needs an extra that is not installed.
    """
    if given == FIND:
        placed = find_faces(photographs, searcher.card.aligner)
        if not searcher.known_faces.cuts_by_own_crop():
            return placed
        warning = (
            "Warning: faces of this gallery are cut by the weights' own crop, and --crop face cuts"
            " by eyes and chin; leave it out, or find the faces of the gallery, too: mindseye data"
            " find-faces, then mindseye index build"
        )
        return PlacedFaces(placed.crops, (warning, *placed.notes))
    if isinstance(given, Crop):
        return PlacedFaces((given,) * len(photographs))
    crops = tuple(searcher.known_faces.crop_of(one.sha256) for one in photographs)
    return PlacedFaces(crops, tuple(_guesses(searcher, photographs)))


def find_faces(photographs: Sequence[Photograph], aligner: Aligner) -> PlacedFaces:
    """Find the face in each photograph; note where there were several.

    Raises:
        ImageError: There is none.
        ConfigError: The extra `faces` is not installed.
    """
    detector = open_detector()
    crops, notes = [], []
    for one in photographs:
        with asking_for_crops([one]):
            found = find_face(one.image, detector)
        if found.faces > 1:
            notes.append(
                f"{one.path}: {found.faces} faces; the largest is taken, or say --crop X,Y,W,H"
            )
        crops.append(aligner.crop_by(found.landmarks))
    return PlacedFaces(tuple(crops), tuple(notes))


@contextmanager
def asking_for_crops(photographs: Iterable[Photograph]) -> Iterator[None]:
    """Say of photographs in which no face can be cut out what to do."""
    try:
        yield
    except ImageError as error:
        names = " or ".join(str(one.path) for one in photographs)
        raise ImageError(f"{names}: {error}. Say where the face is: --crop X,Y,W,H") from error


def _guesses(searcher: Searcher, photographs: Sequence[Photograph]) -> Iterator[str]:
    """Warn of photographs whose crop is a guess."""
    for one in photographs:
        if not searcher.known_faces.has_crop(one.sha256):
            yield (
                f"Warning: {one.path} is taken to show a face that fills it, eyes at two fifths of"
                " its height; if it does not, say where the face is: --crop X,Y,W,H, or --crop face"
                " to find it"
            )
        elif searcher.known_faces.cuts_otherwise(one.sha256):
            yield (
                f"Warning: {one.path} is cut by the weights' own crop, but faces of this gallery by"
                " eyes and chin; --crop face cuts it so, too"
            )
