"""A drawn set on disk: one shard for each person, and a manifest.

    request.json      what is being drawn; written first
    shards/000012.zip one WebP picture for each shot: its illuminations side by side
    manifest.json     request, origin, and length and SHA-256 of every shard; written last

A shard is an ordinary ZIP file without compression, the same bytes whoever writes it. A picture is
named by its shot's values, like "pose=-45,accessory=cap.webp".

Shapes: L illuminations of a shot, S side of an image.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.archive_members import DamagedArchiveError, read_zipped
from gallery.attributes import Condition
from gallery.errors import DatasetError
from gallery.json_files import read
from gallery.studio.attributes import EVERY
from gallery.studio.request import DrawRequest

FORMAT = "mindseye-studio/1"
MANIFEST, REQUEST, SHARDS = "manifest.json", "request.json", "shards"
MINI = Path(__file__).parent / "mini"  # the sets that ship
MOST_TILES = 256
LARGEST_PICTURE = 64 * 2**20  # bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP file can name

Pixels = NDArray[np.uint8]


def is_set(folder: Path) -> bool:
    """Say whether a folder holds a drawn set, or those that ship."""
    return folder == MINI or (folder / MANIFEST).is_file()


@dataclass(frozen=True, slots=True)
class StudioShard:
    """One shard, as the manifest lists it.

    Attributes:
        identity: Label of the person.
        size_bytes: Length of the file.
        sha256: SHA-256 of the file.
    """

    identity: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SetManifest:
    """What a finished set holds.

    Attributes:
        request: What was drawn.
        renderer: Version of the studio that drew it.
        assets: SHA-256 of the assets' archives by name.
        balance: Counts of people by ancestry, gender, age.
        shards: In the order of the people.
    """

    request: DrawRequest
    renderer: int
    assets: Mapping[str, str]
    balance: Mapping[str, Mapping[str, int]]
    shards: tuple[StudioShard, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back."""
        return {
            "format": FORMAT,
            "renderer": self.renderer,
            "request": self.request.to_json(),
            "assets": dict(self.assets),
            "balance": {name: dict(counts) for name, counts in self.balance.items()},
            "shards": [[s.identity, s.size_bytes, s.sha256] for s in self.shards],
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401  JSON is what it is
        """Read what `to_json` wrote.

        Raises:
            DatasetError: The data has another form.
        """
        try:
            if data["format"] != FORMAT:
                raise DatasetError(f"its format is {data['format']!r}, {FORMAT!r} is expected")
            return cls(
                request=DrawRequest.from_json(data["request"]),
                renderer=int(data["renderer"]),
                assets=dict(data["assets"]),
                balance={name: dict(counts) for name, counts in data["balance"].items()},
                shards=tuple(StudioShard(str(i), int(n), str(h)) for i, n, h in data["shards"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"it lacks or garbles something ({error!r})") from error


def read_manifest(folder: Path) -> SetManifest:
    """Read the manifest of a finished set.

    Raises:
        DatasetError: The folder holds no set, an unfinished one, or a damaged manifest.
    """
    path = folder / MANIFEST
    try:
        return SetManifest.from_json(read(path, DatasetError, "See `mindseye studio draw`"))
    except DatasetError as error:
        if path.exists():
            raise DatasetError(f"{path} cannot be used: {error}. Draw the set again") from error
        if (folder / REQUEST).is_file():
            raise DatasetError(
                f"The set in {folder} is not finished; run the same `mindseye studio draw` again"
            ) from error
        raise DatasetError(
            f"There is no drawn set in {folder}: it has no {MANIFEST}. Draw one with"
            " `mindseye studio draw`"
        ) from error


def shard_path(folder: Path, identity: str) -> Path:
    """Return where a person's shard is."""
    return folder / SHARDS / f"{identity}.zip"


def picture_name(shot: Condition) -> str:
    """Return the name of a shot's picture in its shard, whatever the order of its values."""
    ordered = EVERY.check(shot)
    return (",".join(f"{name}={value}" for name, value in ordered.items()) or "standard") + ".webp"


def pack(pictures: Mapping[str, bytes]) -> bytes:
    """Return a shard; the same pictures give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for name, data in pictures.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # else it names the writer's operating system
            file.writestr(entry, data)
    return buffer.getvalue()


def encode_strip(tiles: Pixels, quality: int) -> bytes:
    """Encode the images of a shot, (L, S, S, 3), side by side as WebP."""
    strip = np.concatenate(list(tiles), axis=1)  # (S, L S, 3)
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def read_strip(shard: Path, picture: str, size: int) -> Pixels:
    """Read a picture of a shard, (L, S, S, 3).

    Raises:
        DatasetError: The shard is missing or damaged, or has no such picture.
    """
    try:
        return decode_strip(read_zipped(shard, picture, LARGEST_PICTURE), size)
    except DamagedArchiveError as error:
        raise DatasetError(str(error)) from error


def decode_strip(data: bytes, size: int) -> Pixels:
    """Decode what `encode_strip` wrote, (L, S, S, 3).

    Raises:
        DatasetError: It is no such picture.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
            width, height = image.size  # before memory is taken for them
            if height != size or width % size or not 1 <= width // size <= MOST_TILES:
                raise DatasetError(f"{width} x {height} pixels are not tiles of {size}")
            strip = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"not a WebP picture ({error})") from error
    return np.stack(np.split(strip, width // size, axis=1))
