"""Taking images out of a collection: `mindseye index remove` and `compact`."""

import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.interrupts import resumable
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Where,
    WhereSpace,
    read_where,
)
from commands.progress import result, tell
from gallery.errors import CatalogueError, ConfigError
from gallery.json_files import spell

if TYPE_CHECKING:
    from retrieval.collection.collection import Collection
    from retrieval.collection.selection import Selection


def remove(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="Files or folders to remove.")
    ] = None,
    collection: CollectionDir = DEFAULT_COLLECTION,
    identity: Annotated[
        list[str] | None,
        typer.Option(help="Remove the images of this person; say it again for others."),
    ] = None,
    image_id: Annotated[
        list[int] | None,
        typer.Option("--id", help="Remove the image of this id; say it again for others."),
    ] = None,
    where: Where = None,
    space: WhereSpace = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Remove images whose files are no longer on disk.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask when whole folders are missing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove images: from every answer at once, from disk with `index compact`.

    What any of the options names is removed, in every space. No build takes it in again, unless it
    says --restore. What --where selects is what index show lists for the same words.

    \b
    Example: mindseye index remove --identity ann --collection my-faces
    """
    from gallery.catalogue.contradictions import among
    from retrieval.collection.collection import Collection
    from retrieval.collection.selection import Selection

    selection = Selection(
        paths=[_path(given) for given in paths or ()],
        identities=identity or (),
        ids=image_id or (),
        where=read_where(where),
        space=space,
        missing=missing,
        whole_folders=yes,
    )
    opened = Collection.open(collection)
    with closing(opened), opened.writing():
        chosen = _select(opened, selection, dry_run=dry_run)
        doubly = among(opened.catalogue.images.contradictions(), chosen) if identity else []
        removed = chosen if dry_run else opened.catalogue.images.remove(chosen)
    for one in doubly:
        tell(f"Equal files, labelled as two people, are one image: {one}")
    if as_json:
        typer.echo(spell({"removed": removed, "dry_run": dry_run}))
        return
    typer.echo(f"{len(removed)} images {'would be ' if dry_run else ''}removed")
    if removed and not dry_run:
        tell(f"To take them from disk: mindseye index compact --collection {collection}")


def _path(given: str) -> Path:
    """Read a path; an empty one would mean the folder one is in, with all that is below."""
    if not given:
        raise ConfigError(
            'A PATH is empty ("" on the command line); say . for the folder you are in'
        )
    return Path(given)


def _select(collection: "Collection", selection: "Selection", *, dry_run: bool) -> list[int]:
    """Choose the images; ask first where whole folders of them are missing."""
    from retrieval.collection.missing_files import FolderMissingError
    from retrieval.collection.selection import select

    try:
        return [int(image_id) for image_id in select(collection, selection)]
    except FolderMissingError as error:
        if dry_run:
            tell(f"Warning: {error}")
        else:
            _ask(error)
    everything = replace(selection, whole_folders=True)
    return [int(image_id) for image_id in select(collection, everything)]


def _ask(doubt: CatalogueError) -> None:
    """Ask on a terminal whether to go on.

    Raises:
        CatalogueError: Nobody is there to agree, or somebody does not.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise doubt
    tell(str(doubt))
    try:
        agreed = typer.confirm("Remove them?", err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise CatalogueError("Nothing was removed") from None


def compact(collection: CollectionDir = DEFAULT_COLLECTION, as_json: AsJson = False) -> None:
    """Take from disk what was removed, and make large shards of small ones.

    \b
    Example: mindseye index compact --collection my-faces
    """
    from retrieval.collection import compact as compaction
    from retrieval.collection.collection import Collection

    opened = Collection.open(collection)
    with closing(opened), opened.writing(), resumable("Run the same command again to go on."):
        done = result(compaction.compact(opened), "compacting")
    typer.echo(spell(asdict(done)) if as_json else compaction.to_text(done))
