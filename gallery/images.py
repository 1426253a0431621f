"""Safe decoding of image files with Pillow.

A file that cannot be used raises ImageError, whose message is the reason shown to the user.
"""

import errno
import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gallery.errors import ImageError, TooManyPixelsError, UnknownFormatError
from gallery.formats.header import Header, UnsupportedError
from gallery.formats.levels import plain
from gallery.formats.magic import HEAD_BYTES, kind_of
from gallery.formats.orientation import orientation_of
from gallery.formats.registry import FORMATS, READERS

LONGEST_REASON = 200  # letters of what a decoder says
_DECODING = "mindseye"  # where an image keeps its `Decoding`
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)  # orientations that change width and height for each other


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before it costs memory.

    Attributes:
        file_bytes: Largest file that is read.
        pixels: Largest width times height that is decoded; 64 million take 256 MB as RGB.
        reduced_pixels: Largest width times height of a JPEG whose decoder holds no more than rows;
            beyond `pixels` it is decoded at a half, a quarter or an eighth of its width and height.
        jpeg_bytes: Most memory that decoding a JPEG may take; what would take more is reduced, too.
    """

    file_bytes: int = 256 * 2**20
    pixels: int = 64_000_000
    reduced_pixels: int = 100_000_000
    jpeg_bytes: int = 512 * 2**20


DEFAULT_LIMITS = ImageLimits()
# Says of an image of so much width and height, upright, at which part of them it may be decoded:
# 1, 2, 4 or 8 of its pixels in each direction as one.
Reduce = Callable[[tuple[int, int]], int]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How an image was decoded.

    Attributes:
        reduction: How many pixels of the file, in each direction, one pixel stands for.
        size: Width and height of the file's image, upright; None if none of it was left out.
        notes: What the user should know.
    """

    reduction: int = 1
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def decoding_of(image: Image.Image) -> Decoding:
    """Return how an image was decoded; of one that `decode` did not make, as if it had been."""
    found = image.info.get(_DECODING)
    return found if isinstance(found, Decoding) else Decoding()


def read_file(path: Path, limits: ImageLimits = DEFAULT_LIMITS) -> bytes:
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


def _judge(status: os.stat_result, limits: ImageLimits) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
    if status.st_size == 0:
        raise ImageError("empty file (0 bytes)")
    if status.st_size > limits.file_bytes:
        raise ImageError(f"{status.st_size:,} bytes; at most {limits.file_bytes:,} are read")


def full_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image, upright, before it was decoded at a part of them."""
    return decoding_of(image).size or image.size


def decode(
    data: bytes, limits: ImageLimits = DEFAULT_LIMITS, reduce: Reduce | None = None
) -> Image.Image:
    """Decode an image: upright, in mode "L" (gray) or "RGB".

    Of metadata nothing is read but the orientation: none can refuse a good picture. Transparent
    parts are laid over white; more than eight bits are scaled to eight by the depth that the file
    declares, or that its values show; of an animation the first frame is taken. `decoding_of` tells
    of the result what the user should know, and whether it is smaller than the file says.

    Args:
        data: The file.
        limits: What is refused.
        reduce: Says by how much a JPEG may be smaller; None for not at all.

    Raises:
        UnknownFormatError: The data is empty, or not an image of a known format.
        TooManyPixelsError: The image has too many pixels.
        ImageError: It is truncated or damaged.
    """
    if not data:
        raise UnknownFormatError("empty file (0 bytes)")
    kind = kind_of(data[:HEAD_BYTES])
    if kind is None:
        raise UnknownFormatError(f"not an image of a known format ({', '.join(FORMATS)})")
    if kind not in READERS:
        raise ImageError(f"{kind}, which is not read; convert it to JPEG")
    try:
        return _decoded(data, kind, limits, reduce)
    except ImageError:
        raise
    except UnsupportedError as error:
        raise ImageError(str(error)) from error
    except Exception as error:  # decoders raise nearly anything on damaged data
        what = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise ImageError(f"damaged or truncated: {what}") from error


def _decoded(data: bytes, kind: str, limits: ImageLimits, reduce: Reduce | None) -> Image.Image:
    parse, opened = READERS[kind]
    header = parse(data)
    reduction = 1 if header.size is None else _reduction(header.size, header, limits)
    full = None if header.size is None else _upright(header.size, header.orientation)
    if reduce is not None and full is not None and header.held is not None:
        reduction = max(reduction, reduce(full))
    with opened(io.BytesIO(header.content)) as image:
        if reduction == 1:  # of formats whose header is not read, and of headers that lie
            _reduction(image.size, header, limits)
        else:
            image.draft(None, (image.width // reduction, image.height // reduction))
        image.load()
        if header.size is None and "exif" in image.info:
            turned, notes = orientation_of([image.info["exif"]], [])
        else:
            turned, notes = header.orientation, header.notes
        levels, more = plain(image, header)
    upright = levels.transpose(_TURNS[turned]) if turned in _TURNS else levels
    size = None if reduction == 1 else full
    upright.info = {_DECODING: Decoding(reduction, size, (*notes, *more))}
    return upright


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation in _LYING else size


def _reduction(size: tuple[int, int], header: Header, limits: ImageLimits) -> int:
    """Say at which part of its width and height an image of this size is decoded.

    Raises:
        TooManyPixelsError: It has too many pixels.
    """
    width, height = size
    most = limits.pixels
    if header.held is None and width * height <= most:
        return 1
    if header.held is not None:
        most = limits.pixels if header.held else max(limits.pixels, limits.reduced_pixels)
        for reduction in (1, 2, 4, 8) if width * height <= most else ():
            pixels = -(-width // reduction) * -(-height // reduction)
            needed = width * height * header.held + 4 * pixels
            if pixels <= limits.pixels and needed <= limits.jpeg_bytes:
                return reduction
    raise TooManyPixelsError(
        f"{width} x {height} pixels; at most {most:,} are decoded. Shrink the image"
    )


def load(path: Path, limits: ImageLimits = DEFAULT_LIMITS) -> Image.Image:
    """Read and decode an image file; see `read_file` and `decode`.

    Raises:
        ImageError: The file cannot be used as an image.
    """
    return decode(read_file(path, limits), limits)
