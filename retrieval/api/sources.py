"""What users hand over: photographs, by path or open, and wishes, by name or as written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from gallery.errors import ConfigError, ImageError
from gallery.files import followed
from gallery.images import decoding_of
from gallery.readers.registry import Photograph, open_photograph

Source = str | Path | Image.Image
Wish = Mapping[str, object] | Sequence[str] | str


def open_sources(given: Source | Sequence[Source]) -> list[Photograph]:
    """Open the photographs that are asked about.

    Args:
        given: One, or several of one person: paths, or images that Pillow opened.

    Raises:
        ImageError: One cannot be used; the message names it.
        ConfigError: None is given.
    """
    sources = [given] if isinstance(given, str | Path | Image.Image) else list(given)
    if not sources:
        raise ConfigError("No source image is given; give a path, such as me.jpg")
    return [_open(one, number) for number, one in enumerate(sources, start=1)]


def notes_of(photographs: Sequence[Photograph]) -> list[str]:
    """Say what the user should know of how photographs were decoded."""
    return [
        f"Note: {one.path}: {note}" for one in photographs for note in decoding_of(one.image).notes
    ]


def hashes_of(photographs: Sequence[Photograph]) -> tuple[str, ...]:
    """Return the SHA-256 of photographs' files.

    Raises:
        ConfigError: One came as an open image.
    """
    if not all(one.sha256 for one in photographs):
        raise ConfigError(
            "exclude_source leaves out files of equal bytes; give the path of the source, not an"
            " open image"
        )
    return tuple(one.sha256 for one in photographs)


def spelt(wish: Wish) -> list[str]:
    """Return wishes as they are written: {"pose": 45} as ["pose=45"]."""
    if isinstance(wish, str):
        return [wish]
    if isinstance(wish, Mapping):
        return [f"{name}={value}" for name, value in wish.items()]
    return list(wish)


def _open(source: Source, number: int) -> Photograph:
    if isinstance(source, Image.Image):
        upright = ImageOps.exif_transpose(source)
        plain = upright if upright.mode in {"L", "RGB"} else upright.convert("RGB")
        return Photograph(Path(f"image {number}"), plain, "")
    path = followed(Path(source))
    try:
        return open_photograph(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}. Give a photograph, such as a JPEG") from error
