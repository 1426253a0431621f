"""Fixtures for the gallery's tests: a folder of the test's own, and a way to put files into it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def put(photos: Path) -> Callable[..., Path]:
    """Write a file below `photos`, of the given content or else a gray PNG of 12 x 10 pixels."""
    gray = io.BytesIO()
    Image.new("L", (12, 10), 90).save(gray, "PNG")

    def write(name: str, content: bytes | str = gray.getvalue()) -> Path:
        path = photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
