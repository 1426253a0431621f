"""Photographs as people have them, and a detector of faces that sees what a test says."""

import io
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery.detection.geometry import DetectedFace

IN_THE_MIDDLE = DetectedFace((10, 8, 30, 28), (24, 14), (16, 14), (20, 21))
ASIDE = DetectedFace((20, 8, 32, 20), (30, 14), (22, 14), (26, 18))


def crafted_png(width: int, height: int) -> bytes:
    """Make a PNG whose header promises many pixels, and whose data hold none of them."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1_000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def photograph(seed: int) -> Image.Image:
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (34, 40, 3), dtype=np.uint8))


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """Fifty files: 44 good photographs, one of them rotated by EXIF; a duplicate; five bad ones."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    for number in range(43):
        suffix = ("jpg", "png", "webp", "bmp")[number % 4]
        photograph(number).save(folder / f"photo {number}.{suffix}")
    rotated = Image.Exif()
    rotated[0x0112] = 6
    photograph(100).save(folder / "rotated.jpg", exif=rotated, quality=95)
    shutil.copy(folder / "photo 5.png", folder / "z duplicate.png")
    buffer = io.BytesIO()
    photograph(101).save(buffer, "JPEG")
    (folder / "truncated.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("These are my notes.")
    (folder / "huge.png").write_bytes(crafted_png(20_000, 20_000))
    (folder / "link.jpg").symlink_to("rotated.jpg")
    assert len(list(folder.iterdir())) == 50
    return folder


class Sees:
    """A detector that sees the same faces everywhere."""

    faces: tuple[DetectedFace, ...] = ()

    @staticmethod
    def require() -> None:
        """Lack nothing."""

    def look(self, image: Image.Image) -> tuple[DetectedFace, ...]:  # noqa: ARG002
        return self.faces


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let every photograph show some faces, to a detector in place of those there are."""
    monkeypatch.setattr("gallery.detection.registry.DETECTORS", {"sees": Sees})

    def show(*faces: DetectedFace) -> None:
        monkeypatch.setattr(Sees, "faces", faces)

    return show
