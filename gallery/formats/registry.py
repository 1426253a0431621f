"""Which formats are read, and who decodes them."""

import contextlib
from collections.abc import Callable
from io import BytesIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.Image import Image

from gallery.formats import jpeg, plain, png, tiff, webp
from gallery.formats.header import Header, UnsupportedError

Parser = Callable[[bytes], Header]
Decoder = Callable[[BytesIO], Image]


def _open_tiff(file: BytesIO) -> Image:
    try:
        return TiffImagePlugin.TiffImageFile(file)
    except SyntaxError as error:
        if str(error).startswith("unknown"):  # pixel mode, data organization
            raise UnsupportedError(
                "a TIFF whose pixels are of a kind that is not read; save it with 8 bits a channel"
            ) from error
        raise


# Decoders are called directly: `Image.open` would warn of sizes, and warnings are the process', not
# a thread's.
READERS: dict[str, tuple[Parser, Decoder]] = {
    "BMP": (plain.parse_bmp, BmpImagePlugin.BmpImageFile),
    "GIF": (plain.parse_gif, GifImagePlugin.GifImageFile),
    "JPEG": (jpeg.parse, JpegImagePlugin.JpegImageFile),
    "PNG": (png.parse, PngImagePlugin.PngImageFile),
    "PPM": (plain.parse_pnm, PpmImagePlugin.PpmImageFile),
    "TIFF": (tiff.parse, _open_tiff),
    "WEBP": (webp.parse, WebPImagePlugin.WebPImageFile),
}
with contextlib.suppress(ImportError):  # Pillow has it since 11.3, and not every build of it
    from PIL import AvifImagePlugin

    if AvifImagePlugin.SUPPORTED:
        READERS["AVIF"] = (plain.parse_avif, AvifImagePlugin.AvifImageFile)

FORMATS = tuple(sorted(READERS))
