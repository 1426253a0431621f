"""What users hand over: photographs, by path or open, and wishes, by name or as written."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageOps

from gallery.errors import ConfigError, ImageError
from gallery.files import followed
from gallery.images import DEFAULT_LIMITS, ImageLimits, decode, decoding_of
from gallery.readers.registry import Photograph, open_photograph

Source = str | Path | Image.Image | Photograph | int
Wish = Mapping[str, object] | Sequence[str] | str
Lookup = Callable[[int], Path]  # where the image of a gallery is that an id names


def open_upload(content: bytes, name: str = "upload", *, most_pixels: int) -> Photograph:
    """Open the bytes of an image file that somebody sent; see `mindseye.open_photograph`."""
    limits = ImageLimits(
        file_bytes=len(content),
        pixels=min(most_pixels, DEFAULT_LIMITS.pixels),
        reduced_pixels=min(most_pixels, DEFAULT_LIMITS.reduced_pixels),
    )
    try:
        image = decode(content, limits)
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from error
    return Photograph(Path(name), image, hashlib.sha256(content).hexdigest())


def open_sources(
    given: Source | Sequence[Source], lookup: Lookup | None = None
) -> list[Photograph]:
    """Open the photographs that are asked about.

    Args:
        given: One, or several of one person: paths, images that Pillow opened, photographs, or ids
            of images of a gallery.
        lookup: Says where an image of a gallery is; None where there is no gallery.

    Raises:
        ImageError: One cannot be used; the message names it.
        ConfigError: None is given.
    """
    sources = [given] if isinstance(given, Source) else list(given)
    if not sources:
        raise ConfigError("No source image is given; give a path, such as me.jpg")
    return [_open(one, number, lookup) for number, one in enumerate(sources, start=1)]


def notes_of(photographs: Sequence[Photograph]) -> list[str]:
    """Say what the user should know of how photographs were decoded."""
    return [
        f"Note: {one.path}: {note}" for one in photographs for note in decoding_of(one.image).notes
    ]


def spelt(wish: Wish) -> list[str]:
    """Return wishes as they are written: {"pose": 45} as ["pose=45"]."""
    if isinstance(wish, str):
        return [wish]
    if isinstance(wish, Mapping):
        return [f"{name}={value}" for name, value in wish.items()]
    return list(wish)


def _open(source: Source, number: int, lookup: Lookup | None) -> Photograph:
    if isinstance(source, Photograph):
        return source
    if isinstance(source, int):
        if lookup is None:
            raise ConfigError(f"{source} is no path; images have ids in a gallery alone")
        source = lookup(source)
    if isinstance(source, Image.Image):
        upright = ImageOps.exif_transpose(source)
        plain = upright if upright.mode in {"L", "RGB"} else upright.convert("RGB")
        return Photograph(Path(f"image {number}"), plain, "")
    path = followed(Path(source))
    try:
        return open_photograph(path)
    except ImageError as error:
        raise type(error)(f"{path}: {error}. Give a photograph, such as a JPEG") from error
