"""Where the face is in photographs that are asked about."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from commands.progress import tell
from gallery.errors import ImageError

if TYPE_CHECKING:
    from gallery.align import Crop
    from gallery.readers.registry import Photograph
    from retrieval.search.searcher import Searcher

FIND = "face"  # as --crop: look for it


def crops_of(
    searcher: "Searcher",
    photographs: "list[Photograph]",
    given: "Crop | None",
    *,
    find: bool,
) -> "list[Crop | None]":
    """Say where the face is in each photograph: looked for, as given, or as the gallery knows."""
    if find:
        return _found(searcher, photographs)
    if given is None:
        _warn_of_guesses(searcher, photographs)
    return [given or searcher.crop_of(one.sha256) for one in photographs]


def _found(searcher: "Searcher", photographs: "list[Photograph]") -> "list[Crop | None]":
    """Find the face in each photograph; say where there were several."""
    from gallery.detection.dlib_detector import DlibDetector
    from gallery.detection.geometry import find_face

    detector = DlibDetector()
    if searcher.cuts_by_own_crop():
        tell(
            "Warning: faces of this gallery are cut by the weights' own crop, and --crop face cuts"
            " by eyes and chin; leave it out, or find the faces of the gallery, too: mindseye data"
            " find-faces, then mindseye index build"
        )
    crops: list[Crop | None] = []
    for one in photographs:
        with asking_for_crops([one.path]):
            found = find_face(one.image, detector)
        if found.faces > 1:
            tell(f"{one.path}: {found.faces} faces; the largest is taken, or say --crop X,Y,W,H")
        crops.append(searcher.card.aligner.crop_by(found.landmarks))
    return crops


@contextmanager
def asking_for_crops(images: list[Path]) -> Iterator[None]:
    """Say of images in which no face can be cut out what to do."""
    try:
        yield
    except ImageError as error:
        names = " or ".join(map(str, images))
        raise ImageError(f"{names}: {error}. Say where the face is: --crop X,Y,W,H") from error


def _warn_of_guesses(searcher: "Searcher", photographs: "list[Photograph]") -> None:
    for one in photographs:
        if not searcher.knows_where_the_face_is(one.sha256):
            tell(
                f"Warning: {one.path} is taken to show a face that fills it, eyes at two fifths of"
                " its height; if it does not, say where the face is: --crop X,Y,W,H, or --crop face"
                " to find it"
            )
        elif searcher.cuts_otherwise(one.sha256):
            tell(
                f"Warning: {one.path} is cut by the weights' own crop, but faces of this gallery by"
                " eyes and chin; --crop face cuts it so, too"
            )
