"""Pixels of any depth and mode, brought to eight bits of gray or colour."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from gallery.formats.header import Header, UnsupportedError

_FULL = 65535
_SEEN = (8, 10, 12)  # depths that are stored in sixteen bits, as they are
_ALONE = (
    "BMP",
    "JPEG",
    "PNG",
    "PPM",
    "TIFF",
)  # whose images, once decoded, hold on to nothing of their decoder
_STRIP_PIXELS = 2**22
_DARK = 16  # of 255: 4095 of 65535


def plain(image: Image.Image, header: Header) -> tuple[Image.Image, tuple[str, ...]]:
    """Bring a decoded image to mode "L" or "RGB"; transparent parts are laid over white.

    Returns:
        The image, and what the user should know of it.

    Raises:
        UnsupportedError: Its pixels are floating-point numbers, negative, or of more than 16 bits;
            or they are colours of more than 8 bits that only fill the lowest.
    """
    if image.mode == "F":
        raise UnsupportedError("floating-point pixels; save it with 8 or 16 bits a channel")
    if image.mode.startswith("I"):
        return _gray(image, header)
    if header.is_deep and header.depth != _depth_of(_FULL) and _is_dark(image):
        raise UnsupportedError(
            "colours of 16 bits of which none exceeds 4095, so that all would be black; save it"
            " with 8 bits a channel"
        )
    return _eight_bits(image), ()


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        seen = Image.new("RGB", image.size)
        for top, strip in _strips(image):
            part = strip.convert("RGBA")
            white = Image.new("RGBA", part.size, "white")
            seen.paste(Image.alpha_composite(white, part).convert("RGB"), (0, top))
        return seen
    if image.mode in ("L", "RGB"):
        return image if image.format in _ALONE else image.copy()
    return image.convert("L" if image.mode == "1" else "RGB")


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield an image in strips, each with its first row: what is made of them takes little room."""
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, image.crop((0, top, image.width, bottom))


def _gray(image: Image.Image, header: Header) -> tuple[Image.Image, tuple[str, ...]]:
    """Scale gray of more than eight bits: by the depth declared, or else by that seen."""
    ranges = [(int(v.min()), int(v.max())) for v in (np.asarray(s) for _, s in _strips(image))]
    least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
    if least < 0 or most > _FULL:
        raise UnsupportedError(
            f"pixels from {least} to {most}; at most 16 bits without a sign are read. Save it with"
            " 8 or 16 bits a channel"
        )
    full, notes = _full(image, most, header.depth)
    table = np.clip(np.rint(np.arange(_FULL + 1, dtype=np.float32) / (full / 255)), 0, 255)
    levels = (255 - table if header.is_inverted else table).astype(np.uint8)
    seen = Image.new("L", image.size)
    for top, part in _strips(image):
        seen.paste(Image.fromarray(levels[np.asarray(part)]), (0, top))
    return seen, notes


def _full(image: Image.Image, most: int, depth: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the value of white, and a note where it was not declared."""
    if depth is not None and 0 < depth < _depth_of(_FULL):
        full = 2**depth - 1
        return (_FULL if most > full or _fills(image, depth) else full), ()
    if depth is None and most:
        for seen in _SEEN:
            if most < 2**seen:
                note = f"16 bits of which {seen} are used: no value is above {2**seen - 1}"
                return 2**seen - 1, (f"{note}, which is taken to be white",)
    return _FULL, ()


def _fills(image: Image.Image, depth: int) -> bool:
    """Say whether values of fewer bits stand where PNG asks for them: in the upper ones.

    Source: W3C, Portable Network Graphics (third edition), section 12.4, "Sample depth scaling":
    below them are zeros, or the upper bits again.
    """
    low = _depth_of(_FULL) - depth
    for _, part in _strips(image):
        values = np.asarray(part)
        upper = values >> low
        again = (upper << low) | (upper >> max(2 * depth - 16, 0))
        if not ((values == upper << low) | (values == again)).all():
            return False
    return True


def _is_dark(image: Image.Image) -> bool:
    """Say whether no colour reaches what only the lowest bits can hold."""
    bands = [band for band in image.getbands() if band not in ("A", "a")]
    colours = [image.getchannel(band).getextrema() for band in bands]
    return image.mode in ("L", "LA", "RGB", "RGBA", "RGBX") and all(
        isinstance(most, int | float) and most <= _DARK for _, most in colours
    )


def _depth_of(value: int) -> int:
    return value.bit_length()
