"""Images whose files are no longer on disk, and whether a whole folder of them is.

A disk that is not mounted looks like a folder whose files were deleted. So a folder of which not
one known file is left is taken for a reason to ask.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from gallery.errors import CatalogueError
from gallery.readers.registry import GONE
from index.base import Ids
from retrieval.collection.collection import Collection

NAMED = 5
MOVED = "index the folder they moved to: mindseye index build SPEC"


class FolderMissingError(CatalogueError):
    """Of a whole folder not one known file is left; was a disk not mounted?"""


def missing_images(collection: Collection, *, whole_folders: bool = False) -> Ids:
    """Return the images of which no file is left on disk, rising.

    Args:
        collection: Whose images.
        whole_folders: Whether folders of which no known file is left may be among them.

    Raises:
        FolderMissingError: A whole folder is missing.
        CatalogueError: Not one file of the collection is there.
    """
    places = _look(collection)
    there, gone = _apart(places)
    if gone and not there:
        raise CatalogueError(
            f"Not one file of {collection.root} is on this machine; was it moved, or a disk not"
            " mounted? To remove everything, say --where 'id > 0'"
        )
    lost = gone - collection.catalogue.images.removed_by_hand(sorted(gone))
    folders = () if whole_folders else _missing_folders(places, lost)
    if folders:
        raise FolderMissingError(
            f"Not one known file is left in {_listed(folders)}; was a folder moved, or a disk not"
            " mounted? Say --yes to remove those images all the same"
        )
    return np.array(sorted(gone), dtype=np.int64)


def missing_files(collection: Collection) -> tuple[set[int], set[int]]:
    """Return the images that are still on disk, and those of which no file is left.

    Images without a file of their own, inside a drawn set, are in neither.
    """
    return _apart(_look(collection))


def _look(collection: Collection) -> list[tuple[int, str, bool]]:
    """Look for every file of an image; return image, path, whether it is gone."""
    files = collection.catalogue.images.files()
    return [(image_id, path, _is_gone(path)) for image_id, path, is_file in files if is_file]


def _apart(places: Sequence[tuple[int, str, bool]]) -> tuple[set[int], set[int]]:
    there = {image_id for image_id, _, is_gone in places if not is_gone}
    return there, {image_id for image_id, _, is_gone in places if is_gone} - there


def _missing_folders(
    places: Sequence[tuple[int, str, bool]], lost: set[int]
) -> tuple[tuple[str, int], ...]:
    """Return the folders of which no known file is left, and how many images are lost with each.

    What lies below one folder is told as one, by the folder that all of it is in.
    """
    alive: set[PurePosixPath] = set()
    for _, path, is_gone in places:
        if not is_gone:
            alive.update(PurePosixPath(path).parents)
    below: dict[PurePosixPath, list[str]] = defaultdict(list)
    for image_id, path, is_gone in places:
        if is_gone and image_id in lost and (top := _outermost(path, alive)) is not None:
            below[top].append(str(PurePosixPath(path).parent))
    found = ((os.path.commonpath(folders), len(folders)) for folders in below.values())
    return tuple(sorted(found))


def _outermost(path: str, alive: set[PurePosixPath]) -> PurePosixPath | None:
    """Return the outermost folder of a path that holds no living file; None if none is."""
    dead = [folder for folder in PurePosixPath(path).parents if folder not in alive]
    return dead[-1] if dead else None


def _is_gone(path: str) -> bool:
    """Say whether there is no such file; one that cannot be looked at may well be there."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in GONE
    return False


def _listed(folders: Sequence[tuple[str, int]]) -> str:
    told = [f"{folder} ({count:,} known)" for folder, count in folders]
    more = f" and {len(told) - NAMED:,} more folders" if len(told) > NAMED else ""
    return ", ".join(told[:NAMED]) + more
