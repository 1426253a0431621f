"""Sheets: many small images on one picture, with captions and coloured frames.

Shapes: a tile's pixels are (H, W) or (H, W, C) with C = 1 or 3, 0..255.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gallery import provenance
from gallery.captions import caption_lines, drawable, fitting, most_lines, shown
from gallery.errors import DatasetError
from gallery.files import write_whole

GREEN, RED, PLAIN = "#1a9641", "#d7191c", "#ffffff"
_CAPTION_PX = 13
_MARGIN_PX = 6
_FRAME_PX = 4
_WIDEST_TITLE_PX = 2000
_NO_LETTER = "\ufffe"  # Unicode keeps it free, so no font has it


@dataclass(frozen=True, slots=True)
class Tile:
    """One image of a sheet.

    Attributes:
        pixels: uint8, or float to be rounded and clipped to 0..255; None leaves the place empty.
        caption: Lines below it; what is too long is cut (gallery/captions.py).
        frame: Colour of its frame.
    """

    pixels: NDArray[Any] | None
    caption: str = ""
    frame: str = PLAIN


def sheet(rows: Sequence[Sequence[Tile]], *, tile_px: int = 96, title: str = "") -> Image.Image:
    """Draw rows of tiles, each scaled to fit a square.

    Args:
        rows: Tiles, row by row; rows may differ in length.
        tile_px: Side of a tile's square, pixels.
        title: A line above.

    Raises:
        ValueError: There is no tile.
    """
    if not any(rows):
        raise ValueError("a sheet needs at least one tile")
    lines = most_lines([tile.caption for row in rows for tile in row])
    cell_w = tile_px + 2 * _MARGIN_PX
    cell_h = cell_w + lines * _CAPTION_PX
    top = 26 if title else 0
    font, bold = ImageFont.load_default(size=11), ImageFont.load_default(size=14)
    title = _in_glyphs(shown(title[:_WIDEST_TITLE_PX]), bold)
    title = fitting(title, _WIDEST_TITLE_PX, bold.getlength)
    widest = max(max(len(row) for row in rows) * cell_w, _width(title, bold))
    picture = Image.new("RGB", (widest, top + len(rows) * cell_h), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN_PX, 5), title, fill="black", font=bold)
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            _place(draw, picture, (x * cell_w, top + y * cell_h), tile, tile_px)
            _caption(draw, (x * cell_w, top + y * cell_h + cell_w), tile.caption, cell_w, font)
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture in one step, in the format its file name asks for; with its mark, if any.

    Raises:
        DatasetError: The format is unknown, or the file cannot be written; an older one is left as
            it was.
    """
    try:
        content = io.BytesIO()
        kind = Image.registered_extensions().get(path.suffix.lower(), "")
        content.name = path.name  # tells Pillow the format
        picture.save(content, **provenance.options(picture, kind))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    except (KeyError, OSError, ValueError) as error:  # KeyError: a format that is only read
        raise DatasetError(
            f"Cannot write the picture {path}: {error}; choose another place, or name it like"
            " sheet.png"
        ) from error


def png_of(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True, **provenance.options(picture, "PNG"))
    return content.getvalue()


def data_uri(picture: Image.Image) -> str:
    """Return a picture as a PNG inside a URI."""
    return f"data:image/png;base64,{base64.b64encode(png_of(picture)).decode()}"


def to_image(pixels: NDArray[Any]) -> Image.Image:
    """Turn (H, W), (H, W, 1) or (H, W, 3) pixels, 0..255, into an image."""
    levels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if levels.ndim == 3 and levels.shape[2] == 1:
        levels = levels[..., 0]
    return Image.fromarray(levels)


def _place(
    draw: ImageDraw.ImageDraw, picture: Image.Image, at: tuple[int, int], tile: Tile, tile_px: int
) -> None:
    if tile.pixels is None:
        return
    x, y = at[0] + _MARGIN_PX, at[1] + _MARGIN_PX
    frame = (x - _FRAME_PX, y - _FRAME_PX, x + tile_px + _FRAME_PX - 1, y + tile_px + _FRAME_PX - 1)
    draw.rectangle(frame, fill=tile.frame)
    image = to_image(tile.pixels)
    scale = tile_px / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    picture.paste(image, (x + (tile_px - width) // 2, y + (tile_px - height) // 2))


def _caption(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    caption: str,
    width: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    for number, line in enumerate(caption_lines(caption) if caption else ()):
        text = fitting(_in_glyphs(line, font), width - 4, font.getlength)
        draw.text((at[0] + 3, at[1] + number * _CAPTION_PX), text, fill="black", font=font)


def _in_glyphs(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return a text in letters that a font has: for others Pillow draws a box."""
    if isinstance(font, ImageFont.ImageFont):  # Pillow's own without FreeType
        return drawable(text, lambda letter: ord(letter) < 256)
    box = bytes(font.getmask(_NO_LETTER))
    return drawable(text, lambda one: one.isascii() or bytes(font.getmask(one)) != box)


def _width(title: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    return int(font.getlength(title)) + 2 * _MARGIN_PX if title else 0
