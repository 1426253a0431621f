"""Asking for a wished image: `mindseye query`."""

from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.garbage import uncollected
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Device,
    Runtime,
    Where,
    read_where,
)
from commands.progress import tell, told_if_slow
from gallery.errors import ConfigError
from gallery.json_files import spell


def query(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|WISH",
            help="First the source image; several of one person for weights that fuse them. Then"
            " wishes, as with --wish: what holds a = and is no file.",
        ),
    ],
    wish: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help='The value to draw; say it again to wish for more. "pose=45 * 0.5" counts half,'
            ' "not pose=45" must not be shown.',
        ),
    ] = None,
    collection: CollectionDir = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, help="How many images to find.")] = 10,
    space: Annotated[
        str | None, typer.Option(help="The space to search. Default: the one built last.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Refuse a space that was made with other weights.")
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H|face",
            help='Where the face is: pixels, or shares up to 1; "face" finds it (extra "faces").',
        ),
    ] = None,
    exclude_source: Annotated[
        bool, typer.Option("--exclude-source", help="Leave out the query images themselves.")
    ] = False,
    where: Where = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Leave out images with a lower score. `index show` suggests one."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Save a picture of source, drawing and hits.")
    ] = None,
    drawn: Annotated[Path | None, typer.Option(help="Save the drawing.")] = None,
    no_drawing: Annotated[
        bool, typer.Option("--no-drawing", help="With --json, leave the drawing out.")
    ] = False,
    explain: Annotated[
        Path | None,
        typer.Option(help="A folder for the reasons: every value's drawing, and its hits."),
    ] = None,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="With --explain, redraw the images that were found.")
    ] = False,
    device: Device = "auto",
    runtime: Runtime = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the images of a gallery that come closest to a wished one.

    \b
    Example: mindseye query me.jpg --wish eyes=sunglasses --collection my-faces --sheet found.png
    Example: mindseye query a.jpg b.jpg c.jpg --wish pose=0 --collection my-faces
    Example: mindseye query me.jpg "pose=45 * 0.5" "not accessory=sunglasses"

    pose=45: the nose points to the left edge of the picture; pose=-45: to its right edge.
    """
    images, wishes = split_given(given)
    if explain is not None and len(images) > 1:
        raise ConfigError("--explain tells of one image; leave the others out")
    if redraw and explain is None:
        raise ConfigError("--redraw goes with --explain FOLDER, where the redrawings are put")
    with (
        uncollected(),
        mindseye.open_gallery(collection, device=device, runtime=runtime) as gallery,
    ):
        from gallery.sheets import save

        with told_if_slow(f"Opening {collection}: the larger it is, the longer this takes."):
            answer = gallery.search(
                images,
                [*wishes, *(wish or ())],
                k,
                crop=crop,
                where=read_where(where),
                exclude_source=exclude_source,
                min_score=min_score,
                space=space,
                weights=weights,
            )
        for note in answer.notes:
            tell(note)
        if sheet is not None:
            save(answer.sheet(), sheet)
            tell(f"Sheet: {sheet}")
        if explain is not None:
            told = answer.explain(redraw=redraw).write(explain)
            tell(f"Explained: {', '.join(str(path) for path in told if path.parent == explain)}")
    if drawn is not None:
        save(answer.drawn, drawn)
    shown = None if drawn is None else str(drawn)
    found = spell(answer.to_json(shown, embed=not no_drawing)) if as_json else str(answer)
    typer.echo(found)


def split_given(given: list[str]) -> tuple[list[str], list[str]]:
    """Tell images from wishes: a wish holds a "=" behind a name, and is no image that is there."""
    from gallery.readers.registry import is_there

    wishes = [one for one in given if _names_value(one) and not is_there(Path(one))]
    return [one for one in given if one not in wishes], wishes


def _names_value(given: str) -> bool:
    """Say whether something could be a wish: what stands before its "=" holds no separator."""
    name, equals, _ = given.partition("=")
    return bool(equals) and "/" not in name and "\\" not in name
