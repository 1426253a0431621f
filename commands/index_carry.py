"""Carrying a collection elsewhere: `mindseye index export` and `import`."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from commands.options import DEFAULT_COLLECTION, CollectionDir
from commands.progress import bar


def export(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="The tar file to write.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Pack a collection into one file, to be searched on another machine without the images.

    \b
    Example: mindseye index export my-faces.tar --collection my-faces
    """
    from retrieval.collection import archive as archives
    from retrieval.collection.collection import Collection

    opened = Collection.open(collection)
    with closing(opened), opened.unchanged():
        for _ in bar(archives.export(opened, archive), "packing", 1):
            pass
    typer.echo(f"Archive: {archive}")


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
    from retrieval.collection import archive as archives

    for _ in bar(archives.import_archive(archive, collection), "unpacking", 1):
        pass
    typer.echo(f"Collection: {collection}")
