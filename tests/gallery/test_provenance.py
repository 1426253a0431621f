"""Drawings say in their files that they are drawings."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gallery import sheets
from gallery.provenance import PART, WHOLE, mark

TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def said(picture: Image.Image) -> str:
    """The digital source type of a picture as another program reads it."""
    packet = picture.info.get("xmp", b"")
    found = re.search(f'DigitalSourceType="{TYPES}(\\w+)"', bytes(packet).decode())
    return "" if found is None else found[1]


def drawing() -> Image.Image:
    return sheets.to_image(np.full((20, 30, 3), 90, np.uint8))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
@pytest.mark.parametrize("kind", [WHOLE, PART])
def test_a_saved_drawing_says_so(tmp_path: Path, name: str, kind: str) -> None:
    sheets.save(mark(drawing(), kind), tmp_path / name)  # type: ignore[arg-type]
    with Image.open(tmp_path / name) as opened:
        opened.load()
        assert said(opened) == kind


def test_a_picture_of_photographs_alone_says_nothing(tmp_path: Path) -> None:
    sheets.save(drawing(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        assert said(opened) == ""


def test_a_format_without_room_for_it_is_written_all_the_same(tmp_path: Path) -> None:
    sheets.save(mark(drawing(), WHOLE), tmp_path / "a.bmp")
    with Image.open(tmp_path / "a.bmp") as opened:
        assert opened.size == (30, 20)


def test_a_drawing_inside_json_says_so() -> None:
    uri = sheets.data_uri(mark(drawing(), WHOLE))
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as opened:
        opened.load()
        assert said(opened) == WHOLE
