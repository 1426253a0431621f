"""Pictures as they are sent: PNG, with the mark that a generator drew them, and nothing else."""

import base64
import io
from typing import Any

from PIL import Image, PngImagePlugin


def png_of(picture: Image.Image) -> bytes:
    """Return a picture as a PNG; one that is marked as drawn stays marked."""
    content = io.BytesIO()
    more: dict[str, Any] = {}
    packet = picture.info.get("xmp")
    if isinstance(packet, bytes):
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        more["pnginfo"] = text
    picture.save(content, "PNG", **more)
    return content.getvalue()


def data_uri(picture: Image.Image) -> str:
    """Return a picture as a PNG inside a URI."""
    return f"data:image/png;base64,{base64.b64encode(png_of(picture)).decode()}"
