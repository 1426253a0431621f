"""Where the face is in a picture, asked over HTTP."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gallery.detection.geometry import DetectedFace

pytestmark = pytest.mark.anyio


def jpeg(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "gray").save(content, "JPEG")
    return content.getvalue()


class OneFace:
    """Sees a face whose eyes are at (400, 210) and whose chin is at (400, 314)."""

    def look(self, image: Image.Image) -> list[DetectedFace]:
        assert image.size == (2048, 512)
        return [FOUND]


FOUND = DetectedFace(
    box=(300, 100, 500, 330),
    left_eye=(430, 210),
    right_eye=(370, 210),
    nose=(400, 260),
    chin=(400, 314),
)


async def test_the_square_lies_where_eyes_and_chin_say(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.search.crops.open_detector", OneFace)
    async with serve() as client:
        told = await client.post("/v1/faces", files={"image": ("a.jpg", jpeg(2048, 512))})
    face = told.json()
    assert (face["width"], face["height"], face["found"], face["note"]) == (2048, 512, True, None)
    side = 104 / (0.93 - 0.41)
    assert face["crop"] == pytest.approx([400 - side / 2, 210 - 0.41 * side, side, side])
    preview = base64.b64decode(face["preview"].partition(",")[2])
    with Image.open(io.BytesIO(preview)) as image:
        assert image.size == (1024, 256)


async def test_where_no_face_is_found_the_middle_is_offered(
    serve: Any, monkeypatch: pytest.MonkeyPatch, faces_dir: Path
) -> None:
    class Blind:
        def look(self, _: Image.Image) -> list[DetectedFace]:
            return []

    monkeypatch.setattr("retrieval.search.crops.open_detector", Blind)
    async with serve() as client:
        told = await client.post("/v1/faces", files={"image": ("a.jpg", jpeg(300, 200))})
        known = await client.post("/v1/faces", data={"id": 1})
        neither = await client.post("/v1/faces")
    face = told.json()
    assert (face["found"], face["crop"]) == (False, [50, 0, 200, 200])
    assert "say where it is" in face["note"]
    assert (known.json()["width"], known.json()["height"]) == (40, 40)
    assert str(faces_dir) not in known.text
    assert neither.status_code == 422
