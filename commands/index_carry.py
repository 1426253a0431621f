"""Carrying a collection elsewhere: `mindseye index export` and `import`."""

from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.options import DEFAULT_COLLECTION, CollectionDir
from commands.progress import meter


def export(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="The tar file to write.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Pack a collection into one file, to be searched on another machine without the images.

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
    """Make a collection of an exported one; every file is checked, and it appears complete.

    \b
    Example: mindseye index import my-faces.tar --collection my-faces
    """
    with meter("unpacking") as shown:
        mindseye.import_gallery(archive, collection, progress=shown.show).close()
    typer.echo(f"Collection: {collection}")
