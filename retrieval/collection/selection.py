"""Choosing the images that a change is about."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery.catalogue.records import SpaceRow
from gallery.catalogue.where import Predicate, names, parse
from gallery.errors import CatalogueError, ConfigError
from index.base import Ids
from retrieval.collection.collection import Collection
from retrieval.collection.missing_files import missing_images


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Images that any of these names.

    Attributes:
        paths: Files, or folders with all that is below them.
        identities: Whose face they show, by the labels of any of their files.
        ids: Their ids in the catalogue.
        where: An expression that is true of them.
        space: Whose estimates and states `where` means; None where there is only one.
        missing: Select images of which no file is left on disk.
        whole_folders: Whether `missing` may take folders of which no known file is left.
    """

    paths: Sequence[Path] = ()
    identities: Sequence[str] = ()
    ids: Sequence[int] = ()
    where: str | None = None
    space: str | None = None
    missing: bool = False
    whole_folders: bool = False


def select(collection: Collection, selection: Selection) -> Ids:
    """Return the selected images that were not removed by hand before, rising.

    Raises:
        ConfigError: Nothing is asked for; or `where` is no expression, or one that has another
            answer in each of several spaces.
        CatalogueError: A path, an identity or an id is of no image; there is no such space; or all
            files are missing.
        FolderMissingError: All known files of a folder are.
    """
    parts = [_at(collection, path) for path in selection.paths]
    parts += [_of(collection, label) for label in selection.identities]
    parts += [_known(collection, image_id) for image_id in selection.ids]
    if selection.where is not None:
        parts.append(matching(collection, selection.where, selection.space, must_say=True)[1])
    elif selection.space is not None:
        raise ConfigError("--space says whose estimates and states --where means; add --where")
    if selection.missing:
        parts.append(missing_images(collection, whole_folders=selection.whole_folders))
    if not parts:
        raise ConfigError(
            "Say which images: a PATH, --identity, --id, --where or --missing;"
            " see `mindseye index remove --help`"
        )
    found = np.unique(np.concatenate(parts))
    gone = collection.catalogue.images.removed_by_hand(found.tolist())
    return np.setdiff1d(found, np.array(sorted(gone), dtype=np.int64))


def matching(
    collection: Collection,
    where: str,
    space: str | None = None,
    *,
    must_say: bool = False,
    one_each: bool = False,
) -> tuple[int, Ids]:
    """Return the space that an expression is about, and the images of which it is true, rising.

    Images that were removed, by hand or from that space, are among them only if the expression asks
    for states.

    Args:
        collection: Whose images.
        where: In the language of gallery/catalogue/where.py.
        space: Whose estimates and states are meant; None for the space published last.
        must_say: Whether the space must be named where it matters and there are several.
        one_each: Of each person the first image alone; those that nobody named are all kept.

    Returns:
        The space's id (0 of a collection without one) and the images' ids.

    Raises:
        ConfigError: It is no such expression, or names what the catalogue does not know, or the
            space must be named.
        CatalogueError: There is no such space.
    """
    asked = parse(where)
    about = names(asked)
    spaces = collection.catalogue.spaces.all()
    if space is not None:
        spaces = [collection.catalogue.spaces.get(space)]
    elif must_say and len(spaces) > 1:
        _require_no_space(about, spaces)
    space_id = spaces[0].id if spaces else 0
    images = collection.catalogue.images
    removed = "state" in about
    return space_id, images.matching(asked, space_id, removed=removed, one_each=one_each)


def meant_space(collection: Collection, where: str) -> str | None:
    """Name the space whose estimates and states an expression means where none is named.

    Returns:
        None where it asks for neither, or there are not several.

    Raises:
        ConfigError: It is no expression.
    """
    spaces = collection.catalogue.spaces.all()
    return spaces[0].name if len(spaces) > 1 and _apart(names(parse(where))) else None


def _apart(about: set[str]) -> list[str]:
    """Return what may be another thing in each space, of what an expression asks for."""
    return sorted(name for name in about if name == "state" or name.startswith("estimate."))


def _require_no_space(about: set[str], spaces: Sequence[SpaceRow]) -> None:
    """Refuse what has another answer in each space."""
    if apart := _apart(about):
        raise ConfigError(
            f"--where: {' and '.join(apart)} may differ from space to space; say which one:"
            f" --space {' or --space '.join(one.name for one in spaces)}"
        )


def _at(collection: Collection, path: Path) -> Ids:
    absolute = str(path.absolute())
    for spelling in (absolute, os.path.normpath(absolute)):
        if found := collection.catalogue.images.below(spelling):
            return np.array(found, dtype=np.int64)
    raise CatalogueError(
        f"No image of {collection.root} was found at {absolute} or below it; give the path that"
        " query or index show tells"
    )


def _of(collection: Collection, label: str) -> Ids:
    images = collection.catalogue.images
    shown = images.matching(Predicate("identity", "=", (label,)))
    found = np.union1d(shown, np.array(images.labelled(label), dtype=np.int64))
    if not len(found):
        raise CatalogueError(
            f"No image of {collection.root} shows {label!r}; see whose it does:"
            " mindseye index show --where 'identity is known'"
        )
    return found


def _known(collection: Collection, image_id: int) -> Ids:
    found = collection.catalogue.images.matching(Predicate("id", "=", (str(image_id),)))
    if not len(found):
        raise CatalogueError(f"{collection.root} has no image of id {image_id}")
    return found
