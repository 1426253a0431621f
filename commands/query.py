"""Asking for a wished image: `mindseye query`."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.crops import FIND, asking_for_crops, crops_of
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Device,
    Where,
    parse_crop,
    read_where,
)
from commands.progress import tell
from gallery.errors import ConfigError, ImageError
from gallery.json_files import spell

if TYPE_CHECKING:
    from PIL.Image import Image

    from gallery.align import Crop
    from gallery.readers.registry import Photograph
    from retrieval.search.searcher import Among, Answer, Searcher


def query(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="The source image; several of one person for weights that fuse them.",
        ),
    ],
    wish: Annotated[list[str], typer.Option(metavar="NAME=VALUE", help="Repeatable.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, help="How many images.")] = 10,
    space: Annotated[str | None, typer.Option(help="Instead of the most recent.")] = None,
    weights: Annotated[str | None, typer.Option(help="Refuse a space not made with these.")] = None,
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
        float | None, typer.Option(help="Leave out what scores lower; of drawings, 1 is the same.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw source, drawing, hits there.")] = None,
    drawn: Annotated[Path | None, typer.Option(help="Save the drawing there.")] = None,
    explain: Annotated[
        Path | None,
        typer.Option(help="Folder for the drawing of every value, and what each finds."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the images of a gallery that come closest to a wished one.

    \b
    Example: mindseye query me.jpg --wish eyes=sunglasses --collection my-faces --sheet found.png
    Example: mindseye query a.jpg b.jpg c.jpg --wish pose=0 --collection my-faces

    pose=45: the nose points to the left edge of the picture; pose=-45: to its right edge.
    """
    from gallery.files import followed
    from gallery.sheets import save
    from generator.device import pick_device
    from retrieval.collection.collection import Collection
    from retrieval.search.answers import to_json, to_text
    from retrieval.search.searcher import Among, open_searcher
    from retrieval.search.sheets import answer_sheet

    face = None if crop == FIND else parse_crop(crop)
    if explain is not None and len(images) > 1:
        raise ConfigError("--explain tells of one image; leave the others out")
    among = Among(where=read_where(where), min_score=min_score)
    images = [followed(path) for path in images]
    opened = Collection.open(collection)
    with closing(opened):
        photographs = [_photograph(path) for path in images]
        source, *others = [one.image for one in photographs]
        if exclude_source:
            among = replace(among, exclude=tuple(one.sha256 for one in photographs))
        searcher = open_searcher(
            opened,
            wish,
            pick_device(device),
            space=space,
            weights=weights,
            together=bool(others),
        )
        crops = crops_of(searcher, photographs, face, find=crop == FIND)
        with asking_for_crops(images):
            answer = searcher.query(source, wish, k, crops, among=among, others=others)
    if sheet is not None:
        save(answer_sheet([answer], searcher.card.aligner, shown=k), sheet)
        tell(f"Sheet: {sheet}")
    if explain is not None:
        _explain(searcher, source, wish, k, crops[0], among, explain)
    shown = _save_drawing(answer, drawn)
    typer.echo(spell(to_json(answer, shown)) if as_json else to_text(answer))


def _photograph(path: Path) -> "Photograph":
    from gallery.images import decoding_of
    from gallery.readers.registry import open_photograph

    try:
        photograph = open_photograph(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}. Give a photograph, such as a JPEG") from error
    for note in decoding_of(photograph.image).notes:
        tell(f"Note: {path}: {note}")
    return photograph


def _explain(
    searcher: "Searcher",
    source: "Image",
    wish: list[str],
    k: int,
    face: "Crop | None",
    among: "Among",
    folder: Path,
) -> None:
    from retrieval.search.explain import explain, write

    reasons = explain(searcher, source, wish, k, face, among=among)
    told = write(reasons, folder, searcher.card.aligner)
    tell(f"Explained: {', '.join(str(path) for path in told if path.parent == folder)}")


def _save_drawing(answer: "Answer", path: Path | None) -> str:
    """Return where the drawing is: the file asked for, or a data URI that holds it."""
    from gallery import sheets

    picture = sheets.to_image(answer.drawn)
    if path is not None:
        sheets.save(picture, path)
        return str(path)
    return sheets.data_uri(picture)
