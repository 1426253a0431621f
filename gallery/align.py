"""Alignment: cut the face out of a photograph, always in the same way.

Three rules, the first that can be applied:

1. landmarks are known: no rotation; scaled and shifted so that the midpoint of the eyes lies at
   41 % of the height and the chin at 93 %, and their mean x in the middle;
2. a crop is given: the square around its centre, as wide as its longer side;
3. the largest square in the centre.

What a square takes from beyond the edge repeats the edge. The aligner of a set of weights is part
of its card: the gallery and the queries are cut as the training images were.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.attributes import as_number
from gallery.errors import ConfigError, ImageError
from gallery.images import DEFAULT_LIMITS, decoding_of, full_size

Pixels = NDArray[np.uint8]
RESAMPLING = "bicubic"
# A JPEG that is decoded smaller keeps this many pixels, in each direction, for one that is cut out.
RESERVE = 3


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Where the face is, in pixels of the upright image; x to the right, y down.

    Attributes:
        eyes: Midpoint of the two eyes; of a profile, the eye that is seen. (x, y).
        chin: Tip of the chin. (x, y).
    """

    eyes: tuple[float, float]
    chin: tuple[float, float]

    def __post_init__(self) -> None:
        if not self.chin[1] > self.eyes[1]:
            raise ValueError(f"the chin must lie below the eyes, got {self.eyes} and {self.chin}")


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle: in pixels, or in shares of the image's width and height if none exceeds 1.

    Attributes:
        x: Left edge.
        y: Upper edge.
        width: At least one pixel, or a share above 0.
        height: As width.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise ConfigError(
                f"A crop's width and height must be above 0, got {self}; write X,Y,W,H"
            )

    @property
    def in_shares(self) -> bool:
        """Whether the numbers are shares of width and height, not pixels."""
        return max(self.x, self.y, self.width, self.height) <= 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "X,Y,W,H".

        Raises:
            ConfigError: It is not four numbers, or the size is not above 0.
        """
        numbers = [as_number(part) for part in text.split(",")]
        if len(numbers) != 4 or None in numbers:
            raise ConfigError(
                "--crop takes X,Y,W,H in pixels (or shares up to 1), like 20,10,80,80;"
                f" got {text!r}"
            )
        x, y, width, height = (float(number or 0) for number in numbers)
        return cls(x, y, width, height)

    def square(self, image_width: int, image_height: int) -> tuple[float, float, float]:
        """Return left edge, upper edge and side of the square around the crop, in pixels."""
        scale_x, scale_y = (image_width, image_height) if self.in_shares else (1, 1)
        width, height = self.width * scale_x, self.height * scale_y
        side = max(width, height)
        left = self.x * scale_x + (width - side) / 2
        top = self.y * scale_y + (height - side) / 2
        return left, top, side

    def __str__(self) -> str:
        numbers = (self.x, self.y, self.width, self.height)
        return ",".join(repr(float(number)).removesuffix(".0") for number in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligner:
    """How faces are cut out: part of the card of a set of weights.

    Attributes:
        size: Side of the result, pixels.
        channels: 3 for RGB, 1 for gray (ITU-R 601 luma, as Pillow converts).
        crop: Where faces stand in photographs without landmarks; None is the centre square.
        eye_line: Height of the eyes' midpoint, share of the side from above.
        chin_line: Height of the chin, likewise.
        wide: How many times as wide as that square is what is cut out, around the same middle; at
            least 1. More than 1 for portraits alone (gallery/portraits.py).
    """

    size: int
    channels: int
    crop: Crop | None = None
    eye_line: float = 0.41
    chin_line: float = 0.93
    wide: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels not in (1, 3):
            raise ValueError(f"size must be positive and channels 1 or 3, got {self!r}")
        if not 0 <= self.eye_line < self.chin_line <= 1:
            raise ValueError(f"lines must lie at 0 <= eye_line < chin_line <= 1, got {self!r}")
        if self.wide < 1:
            raise ValueError(f"wide must be at least 1, got {self!r}")

    def align(
        self, image: Image.Image, landmarks: Landmarks | None = None, crop: Crop | None = None
    ) -> Pixels:
        """Cut the face out of an upright image in mode "L" or "RGB".

        Args:
            image: The photograph. Of one decoded at a part of its size, landmarks and crops speak
                of the size of its file (`gallery.images.decoding_of`).
            landmarks: Where the face is, if known; they win over the aligner's own crop.
            crop: Said by hand for this image; wins over everything.

        Returns:
            Pixels, (size, size, channels), 0..255.

        Raises:
            ImageError: The square, before it is widened, lies outside the image, or is far larger
                than it, or reaches beyond it and would take more pixels than are decoded of an
                image.
        """
        reduction = decoding_of(image).reduction
        full = full_size(image)
        square = self._square(full, landmarks, crop)
        _check_square(full, *square, reduction)
        left, top, side = (number / reduction for number in square)
        mode = "L" if self.channels == 1 else "RGB"
        if self.wide > 1:
            left, top, side = _widened(left, top, side, self.wide)
            image, left, top, side = _reduced(image, left, top, side, self.size)
        image = image if image.mode == mode else image.convert(mode)
        face = _cut(image, left, top, side, self.size)
        return face.reshape(self.size, self.size, self.channels)

    def reduction(self, size: tuple[int, int], landmarks: Landmarks | None = None) -> int:
        """Return at which part of its size a photograph may be decoded, to be cut out as well.

        A decoder of JPEG that leaves out what is finer averages, as cutting out does: where RESERVE
        is kept, next to nothing changes (docs/log.md).

        Args:
            size: Width and height of the photograph.
            landmarks: As in `align`.

        Returns:
            1, 2, 4 or 8; 1 where it cannot be cut out.
        """
        left, top, side = self._square(size, landmarks, None)
        try:
            _check_square(size, left, top, side, 1)
        except ImageError:
            return 1
        spare = side * self.wide / (RESERVE * self.size)
        return next((part for part in (8, 4, 2) if part <= spare), 1)

    def crop_by(self, landmarks: Landmarks) -> Crop:
        """Return the square that is cut out by landmarks, in pixels of the image."""
        distance = landmarks.chin[1] - landmarks.eyes[1]
        side = distance / (self.chin_line - self.eye_line)
        middle = (landmarks.eyes[0] + landmarks.chin[0]) / 2
        return Crop(middle - side / 2, landmarks.eyes[1] - self.eye_line * side, side, side)

    def _square(
        self, size: tuple[int, int], landmarks: Landmarks | None, crop: Crop | None
    ) -> tuple[float, float, float]:
        if crop is None and landmarks is not None:
            square = self.crop_by(landmarks)
            return square.x, square.y, square.width
        crop = crop or self.crop
        if crop is not None:
            return crop.square(*size)
        side = min(size)
        return (size[0] - side) / 2, (size[1] - side) / 2, side

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back; the text that the index contract hashes."""
        return {
            "size": self.size,
            "channels": self.channels,
            "crop": str(self.crop) if self.crop else None,
            "eye_line": self.eye_line,
            "chin_line": self.chin_line,
            "resampling": RESAMPLING,
            **({"wide": self.wide} if self.wide > 1 else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: The data has another form.
        """
        try:
            if data["resampling"] != RESAMPLING:
                raise ValueError(f"resampling is {data['resampling']!r}, not {RESAMPLING!r}")
            return cls(
                size=int(data["size"]),
                channels=int(data["channels"]),
                crop=Crop.parse(data["crop"]) if data["crop"] else None,
                eye_line=float(data["eye_line"]),
                chin_line=float(data["chin_line"]),
                wide=float(data.get("wide", 1)),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"This is not an aligner: {data!r} ({error})") from error


def _check_square(
    size: tuple[int, int], left: float, top: float, side: float, reduction: int
) -> None:
    width, height = size
    inside = left < width and top < height and left + side > 0 and top + side > 0
    if not inside or not reduction <= side <= 4 * max(size):
        raise ImageError(
            f"the face square (left {left:.0f}, top {top:.0f}, side {side:.0f} px) does not fit"
            f" the image of {width} x {height}"
        )
    beyond = min(left, top, width - left - side, height - top - side) < 0
    if beyond and (side / reduction + 2) ** 2 > DEFAULT_LIMITS.pixels:
        raise ImageError(
            f"the face square (side {side:.0f} px) reaches beyond the image of"
            f" {width} x {height} and has too many pixels. Shrink the image"
        )


def _widened(left: float, top: float, side: float, factor: float) -> tuple[float, float, float]:
    """Return the square around the same middle, so many times as wide."""
    margin = side * (factor - 1) / 2
    return left - margin, top - margin, side * factor


def _reduced(
    image: Image.Image, left: float, top: float, side: float, size: int
) -> tuple[Image.Image, float, float, float]:
    """Shrink what a large square holds by a whole factor, to no less than twice the wanted size.

    What is repeated beyond an edge then takes no more memory than the square's share of the image.
    """
    factor = int(side // (2 * size))
    if factor < 2:
        return image, left, top, side
    x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    x1 = min(int(np.ceil(left + side)), image.width)
    y1 = min(int(np.ceil(top + side)), image.height)
    inner = image.reduce(factor, box=(x0, y0, x1, y1))
    return inner, (left - x0) / factor, (top - y0) / factor, side / factor


def _cut(image: Image.Image, left: float, top: float, side: float, size: int) -> Pixels:
    """Resample a square of the image, repeating its edges where the square reaches beyond."""
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    x1, y1 = int(np.ceil(left + side)), int(np.ceil(top + side))
    inner = image.crop((max(x0, 0), max(y0, 0), min(x1, image.width), min(y1, image.height)))
    beyond = ((max(-y0, 0), max(y1 - image.height, 0)), (max(-x0, 0), max(x1 - image.width, 0)))
    if any(map(any, beyond)):
        pixels = np.asarray(inner)
        pads = (*beyond, (0, 0))[: pixels.ndim]
        inner = Image.fromarray(np.pad(pixels, pads, mode="edge"))
    box = (left - x0, top - y0, left - x0 + side, top - y0 + side)
    box = (box[0], box[1], min(box[2], inner.width), min(box[3], inner.height))
    return np.asarray(inner.resize((size, size), Image.Resampling.BICUBIC, box=box))
