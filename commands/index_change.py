"""Taking images out of a collection: `mindseye index remove` and `compact`."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Where,
    WhereSpace,
    read_where,
)
from commands.progress import meter, tell
from gallery.errors import CatalogueError
from gallery.json_files import spell


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
    """Remove images from every answer at once.

    `index compact` then takes them from disk.

    What any of the options names is removed, in every space. No build takes it in again, unless it
    says --restore. What --where selects is what index show lists for the same words.

    \b
    Example: mindseye index remove --identity ann --collection my-faces
    """
    asked = read_where(where)
    with mindseye.open_gallery(collection) as gallery:

        def gone(*, whole_folders: bool) -> "mindseye.Removed":
            return gallery.remove(
                paths or (),
                identities=identity or (),
                ids=image_id or (),
                where=asked,
                space=space,
                missing=missing,
                whole_folders=whole_folders,
                dry_run=dry_run,
            )

        removed = _unless_folders_are_missing(gone, yes=yes, dry_run=dry_run)
    for note in removed.notes:
        tell(note)
    if as_json:
        typer.echo(spell({"removed": removed, "dry_run": dry_run}))
        return
    typer.echo(f"{len(removed)} images {'would be ' if dry_run else ''}removed")
    if removed and not dry_run:
        tell(f"To take them from disk: mindseye index compact --collection {collection}")


def _unless_folders_are_missing(
    gone: "Callable[..., mindseye.Removed]", *, yes: bool, dry_run: bool
) -> "mindseye.Removed":
    """Remove images; ask first where whole folders of them are missing."""
    from retrieval.collection.missing_files import FolderMissingError

    try:
        return gone(whole_folders=yes)
    except FolderMissingError as error:
        if dry_run:
            tell(f"Warning: {error}")
        else:
            _ask(error)
    return gone(whole_folders=True)


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
    """Take from disk what was removed; join small shards.

    \b
    Example: mindseye index compact --collection my-faces
    """
    with (
        mindseye.open_gallery(collection) as gallery,
        resumable("Run the same command again to go on."),
        meter("compacting") as shown,
    ):
        done = gallery.compact(progress=shown.show)
    typer.echo(spell(done) if as_json else str(done))
