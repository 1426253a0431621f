"""Looking at a collection, and checking it: `mindseye index show` and `verify`."""

from typing import Annotated

import typer

import mindseye
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Where,
    WhereSpace,
    read_where,
)
from commands.progress import meter, tell
from gallery.errors import ConfigError
from gallery.json_files import spell


def show(
    collection: CollectionDir = DEFAULT_COLLECTION,
    where: Where = None,
    space: WhereSpace = None,
    as_json: AsJson = False,
) -> None:
    """Say what a collection holds: spaces, images, files left out.

    For files that were left out it says why.

    With --where, list the images of which that is true; what it says of estimates and states is
    about the space published last, or --space.

    \b
    Example: mindseye index show --collection my-faces --json
    """
    if space is not None and where is None:
        raise ConfigError("--space says whose estimates and states --where means; add --where")
    with mindseye.open_gallery(collection) as gallery:
        if (asked := read_where(where)) is None:
            shown = gallery.show()
            typer.echo(spell(shown, ascii_only=False) if as_json else str(shown))
            return
        if space is None and (meant := gallery.meant_space(asked)) is not None:
            tell(f"Estimates and states are those of {meant}, published last; or say --space")
        for row in gallery.images(asked, space):
            typer.echo(spell(row, ascii_only=False) if as_json else str(row))


def verify(
    collection: CollectionDir = DEFAULT_COLLECTION,
    repair: Annotated[
        bool, typer.Option("--repair", help="Drop what is damaged. The next build makes it again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every file, hash, count and vector of a collection.

    For each problem it says what to do.

    The exit status is 1 if there is a problem; with --repair, if one is left.

    \b
    Example: mindseye index verify --collection my-faces
    """
    with mindseye.open_gallery(collection) as gallery, meter("checking") as shown:
        left = gallery.verify(mend=repair, progress=shown.show)
    found = left.get("found", left)
    typer.echo(spell(found, ascii_only=False) if as_json else str(found))
    problems = left["problems"]
    if repair:
        pending = left["pending"]
        waiting = f" {pending} images wait to be built again" if pending else ""
        tell(f"{f'{len(problems)} problems are left.' if problems else 'Repaired.'}{waiting}")
        for one in problems:
            tell(f"left: {one['what']}\n  do: {one['todo']}")
    if problems:
        raise typer.Exit(1)
