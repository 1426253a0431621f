"""Looking at a collection, and checking it: `mindseye index show` and `verify`."""

from contextlib import closing, nullcontext
from typing import Annotated

import typer

from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Where,
    WhereSpace,
    read_where,
)
from commands.progress import result, tell
from gallery.errors import ConfigError
from gallery.json_files import spell


def show(
    collection: CollectionDir = DEFAULT_COLLECTION,
    where: Where = None,
    space: WhereSpace = None,
    as_json: AsJson = False,
) -> None:
    """Say what a collection holds: spaces, states of the images, files left out and why.

    With --where, list the images of which that is true; what it says of estimates and states is
    about the space published last, or --space.

    \b
    Example: mindseye index show --collection my-faces --json
    """
    from retrieval.collection import show as showing
    from retrieval.collection.collection import Collection
    from retrieval.collection.selection import meant_space

    if space is not None and where is None:
        raise ConfigError("--space says whose estimates and states --where means; add --where")
    opened = Collection.open(collection)
    with closing(opened):
        if (asked := read_where(where)) is not None:
            if space is None and (meant := meant_space(opened, asked)) is not None:
                tell(f"Estimates and states are those of {meant}, published last; or say --space")
            for row in showing.images_where(opened, asked, space):
                line = spell(row, ascii_only=False) if as_json else showing.image_line(row)
                typer.echo(line)
            return
        shown = showing.describe(opened)
    typer.echo(spell(shown, ascii_only=False) if as_json else showing.to_text(shown))


def verify(
    collection: CollectionDir = DEFAULT_COLLECTION,
    repair: Annotated[
        bool, typer.Option("--repair", help="Drop what is damaged. The next build makes it again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every file, hash, count and vector against the catalogue, and say what to do.

    The exit status is 1 if there is a problem; with --repair, if one is left.

    \b
    Example: mindseye index verify --collection my-faces
    """
    from retrieval.collection import finding
    from retrieval.collection.collection import Collection
    from retrieval.collection.repair import repair as mend
    from retrieval.collection.verify import verify as check

    opened = Collection.open(collection)
    with closing(opened), opened.writing() if repair else nullcontext():
        found = result(check(opened), "checking")
        pending = mend(opened, found) if repair else 0
        again = result(check(opened), "checking again") if repair else found
    told = finding.to_json(found)
    typer.echo(spell(told, ascii_only=False) if as_json else finding.to_text(found))
    left = [one for one in again if one.is_problem]
    if repair:
        waiting = f" {pending} images wait to be built again" if pending else ""
        tell(f"{f'{len(left)} problems are left.' if left else 'Repaired.'}{waiting}")
        for one in left:
            tell(f"left: {one.what}\n  do: {one.todo}")
    if left:
        raise typer.Exit(1)
