"""Carrying a collection elsewhere: `mindseye index export`, `import` and `move`."""

from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.options import DEFAULT_COLLECTION, CollectionDir
from commands.progress import meter


def export(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="The tar file to write.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Pack a collection into one file, without the photographs.

    Another machine can search it.

    \b
    Example: mindseye index export my-faces.tar --collection my-faces
    """
    with mindseye.open_gallery(collection) as gallery, meter("packing") as shown:
        written = gallery.export(archive, progress=shown.show)
    typer.echo(f"Archive: {written}")


def import_(
    archive: Annotated[
        Path, typer.Argument(metavar="FILE.tar", help="A tar file that index export wrote.")
    ],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Make a collection of an exported file.

    Every file in it is checked; the collection appears complete or not at all.

    \b
    Example: mindseye index import my-faces.tar --collection my-faces
    """
    with meter("unpacking") as shown:
        mindseye.import_gallery(archive, collection, progress=shown.show).close()
    typer.echo(f"Collection: {collection}")


def move(
    to: Annotated[
        str,
        typer.Option(
            metavar="DIR|URL",
            help="Where to: a new folder, or an engine such as postgresql://me@host/faces.",
        ),
    ],
    collection: CollectionDir = DEFAULT_COLLECTION,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the new collection, where --to is an engine. Default: beside the old"
            " one, its name with -moved."
        ),
    ] = None,
) -> None:
    """Move a collection to a folder or an engine.

    Nothing is drawn; the old one stays.

    Counts and a fingerprint of all vectors are compared before the new one answers. A move that was
    stopped goes on when the same command is given again.

    \b
    Example: mindseye index move --to postgresql://me@host/faces --collection my-faces
    """
    with (
        resumable("Run the same command again to go on."),
        mindseye.open_gallery(collection) as gallery,
        meter("moving") as shown,
    ):
        folder = gallery.move(to, into=into, progress=shown.show)
    typer.echo(f"Collection: {folder}. The old one stays in {collection}")
