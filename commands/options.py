"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gallery.catalogue.where import MOST_CHARACTERS
from gallery.errors import ConfigError, did_you_mean
from gallery.readers.known import PACKAGED, READERS

if TYPE_CHECKING:
    from gallery.align import Crop

SPEC_HELP = f"READER:PATH ({', '.join(READERS)}), or {', '.join(PACKAGED)}."
Spec = Annotated[str, typer.Argument(metavar="SPEC", help=SPEC_HELP)]
AlsoSpecs = Annotated[
    list[str] | None,
    typer.Option(metavar="SPEC", help="Images of this set, too; say it again for more."),
]
CollectionDir = Annotated[
    Path,
    typer.Option("--collection", envvar="MINDSEYE_COLLECTION", help="Folder of the collection."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Runtime = Annotated[
    str,
    typer.Option(
        help="What draws: auto, torch or openvino (extra fast); the variable MINDSEYE_RUNTIME says"
        " what auto is."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CropOption = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H", help="The face's box: in pixels, or as shares of the image up to 1."
    ),
]
Split = Annotated[str, typer.Option(help="all, train (people on the card) or test (the others).")]
Restore = Annotated[
    bool, typer.Option("--restore", help="Also take in images that were removed by hand.")
]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="EXPR",
        help='Like "pose=45 and identity!=ann"; or @FILE that holds one. See docs/collections.md.',
    ),
]
WhereSpace = Annotated[
    str | None,
    typer.Option("--space", help="The space whose estimates and states --where asks about."),
]
LandmarksFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A landmark file, as find-faces --out FILE writes it."),
]
KeepFaceless = Annotated[
    bool | None,
    typer.Option(
        "--keep-faceless/--leave-faceless",
        help="Whether to take in images in which find-faces found no face. Default: as before, or"
        " leave them out.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Draw in N processes of one thread each, or N actors of --ray. Default: this process"
        " alone, with all its threads; one actor for each processor or GPU of the cluster.",
    ),
]
RayCluster = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="CLUSTER",
        help="Draw on a Ray cluster: local makes one of this machine, auto takes the one that runs"
        " here, or its address (docs/scale.md).",
    ),
]
DEFAULT_COLLECTION = Path("mindseye-collection")


def read_where(given: str | None) -> str | None:
    """Return the expression of --where; that of a file, where one is named: @FILE.

    A list may be longer than a command line.

    Raises:
        ConfigError: The file cannot be read as UTF-8.
    """
    if given is None or not given.startswith("@"):
        return given
    try:
        with Path(given[1:]).open(encoding="utf-8") as file:
            return file.read(MOST_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--where: {given[1:]!r} cannot be read as UTF-8: {error}") from error


def parse_crop(text: str | None) -> "Crop | None":
    """Read --crop; None where it was not given.

    Raises:
        ConfigError: It is not four numbers that make a rectangle.
    """
    from gallery.align import Crop

    return Crop.parse(text) if text is not None else None


def require_one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    """Refuse what an option does not know.

    Raises:
        ConfigError: It is not among the known values; the message names the nearest.
    """
    if given not in known:
        raise ConfigError(f"{option} cannot be {given!r}; {did_you_mean(given, known)}")
