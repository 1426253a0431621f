"""Safe decoding of image files with Pillow.

A file that cannot be used raises ImageError, whose message is the reason shown to the user.
"""

import errno
import io
import os
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gallery.errors import ImageError

# Formats that Pillow decodes by itself. Left out on purpose: EPS (runs Ghostscript), WMF, FITS, …
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = (
    *(".bmp", ".gif", ".jpe", ".jpeg", ".jfif", ".jpg", ".pbm", ".pgm", ".pnm", ".png", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)

UNSUPPORTED_SUFFIXES = (
    *(".avif", ".heic", ".heif", ".j2k", ".jp2", ".jxl", ".psd"),
    *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it costs memory.

    Attributes:
        file_bytes: Largest file that is read.
        pixels: Largest width times height that is decoded; 64 million take 192 MB as RGB.
    """

    file_bytes: int = 256 * 2**20
    pixels: int = 64_000_000


DEFAULT_LIMITS = Limits()


def read_file(path: Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        ImageError: It is missing, unreadable, empty, too large, or not a regular file (a folder,
            symbolic link, pipe or device).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ImageError("a symbolic link; links are not followed") from error
        if error.errno == errno.ENXIO:
            raise ImageError("not a regular file") from error
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    try:
        _judge(os.fstat(descriptor), limits)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror or error}") from error
    finally:
        os.close(descriptor)
    if len(content) > limits.file_bytes:
        raise ImageError(f"it grows; at most {limits.file_bytes:,} bytes are read")
    return content


def _judge(status: os.stat_result, limits: Limits) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
    if status.st_size == 0:
        raise ImageError("empty file (0 bytes)")
    if status.st_size > limits.file_bytes:
        raise ImageError(f"{status.st_size:,} bytes; at most {limits.file_bytes:,} are read")


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Decode an image: upright (EXIF orientation applied), in mode "L" (gray) or "RGB".

    Transparent parts are laid over white; 16-bit gray is scaled to 8 bits; of an animation the
    first frame is taken.

    Raises:
        ImageError: The data is empty, not an image of a known format, truncated or damaged, or
            has too many pixels.
    """
    if not data:
        raise ImageError("empty file (0 bytes)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of EXIF and of sizes; we judge ourselves
            return _decoded(data, limits)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's own limit comes before ours
        counted = re.search(r"(\d+) pixels", str(error))
        what = f"{int(counted[1]):,} pixels" if counted else "too many pixels"
        raise ImageError(_too_large(what, limits)) from error
    except UnidentifiedImageError as error:
        raise ImageError(f"not an image of a known format ({', '.join(FORMATS)})") from error
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise ImageError(f"damaged or truncated: {error}") from error


def _decoded(data: bytes, limits: Limits) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > limits.pixels:
            raise ImageError(_too_large(f"{width} x {height} pixels", limits))
        image.load()
        return _plain(_upright(image))


def load(path: Path, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Read and decode an image file; see `read_file` and `decode`.

    Raises:
        ImageError: The file cannot be used as an image.
    """
    return decode(read_file(path, limits), limits)


def is_unsupported_name(name: str) -> bool:
    """Say whether a file is named as an image of a format that `decode` does not know."""
    return name.lower().endswith(UNSUPPORTED_SUFFIXES)


def is_image_name(name: str) -> bool:
    """Say whether a file is named as an image that `decode` may know."""
    return name.lower().endswith(SUFFIXES)


def _too_large(what: str, limits: Limits) -> str:
    return f"{what}; at most {limits.pixels:,} are decoded. Shrink the image"


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; without readable EXIF the image stays as it is stored."""
    try:
        return ImageOps.exif_transpose(image)
    except SyntaxError:  # what Pillow raises for EXIF that is not TIFF
        return image


def _plain(image: Image.Image) -> Image.Image:
    """Bring any mode to "L" or "RGB"."""
    if image.mode.startswith("I"):
        deep = np.asarray(image, dtype=np.float32) / 257  # 65535 becomes 255
        return Image.fromarray(np.clip(np.rint(deep), 0, 255).astype(np.uint8))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image.copy()
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "F":
        raise ImageError("floating-point pixels; save it with 8 or 16 bits a channel")
    return image.convert("RGB")
