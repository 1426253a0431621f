"""Images of a collection as pictures: read where they lie, cut as a space cuts them, made small."""

import hashlib
from dataclasses import replace
from pathlib import Path

from PIL import Image

from gallery.align import Aligner
from gallery.catalogue.records import ImageRow
from gallery.errors import ImageError, WeightsError
from gallery.images import decode
from gallery.readers.registry import read_image
from gallery.sheets import to_image
from generator.weights_file import load_card
from retrieval.collection.collection import Collection
from retrieval.collection.show import known_row


def picture(collection: Collection, image_id: int, most_px: int, *, whole: bool) -> Image.Image:
    """Open an image of a collection, at most so large, without metadata.

    Args:
        collection: Holds it.
        image_id: Which.
        most_px: Longest side, pixels.
        whole: The whole picture, not the face alone.

    Raises:
        CatalogueError: There is no such image.
        DatasetError: Its file is gone, damaged, or holds another image now.
    """
    row = known_row(collection, image_id)
    image = _read(row)
    aligner = None if whole else newest_aligner(collection)
    if aligner is not None:
        side = most_px if row.landmarks is not None or aligner.crop else min(most_px, *image.size)
        cut = replace(aligner, size=side, channels=3)
        return to_image(cut.align(image, row.landmarks))
    small = image.copy()
    small.thumbnail((most_px, most_px))
    small.info = {}
    return small


def _read(row: ImageRow) -> Image.Image:
    content = read_image(Path(row.path))
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise ImageError(f"{row.path}: the file holds another image now; index it again")
    return decode(content)


def newest_aligner(collection: Collection) -> Aligner | None:
    """Return what the space published last cuts faces with; None without one."""
    for space in collection.catalogue.spaces.all():
        try:
            return load_card(collection.weights_path(space.name)).aligner
        except WeightsError:  # which opening the space will say
            continue
    return None
