"""Pictures as they are sent: without metadata, but for the mark that a generator drew them.

Drawings are PNG, photographs JPEG. A PNG is packed loosely: it is sent once, and soon.
"""

import base64
import io

from PIL import Image

from gallery import provenance

JPEG_QUALITY = 85
PNG_LEVEL = 1  # of 9; a drawing of 60 x 60 pixels grows by some hundred bytes


def png_of(picture: Image.Image) -> bytes:
    """Return a picture as a PNG; one that is marked as drawn stays marked."""
    content = io.BytesIO()
    mark = provenance.options(picture, "PNG")
    picture.save(content, "PNG", compress_level=PNG_LEVEL, **mark)
    return content.getvalue()


def jpeg_of(picture: Image.Image) -> bytes:
    """Return a photograph as a JPEG."""
    content = io.BytesIO()
    picture.convert("RGB").save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()


def png_uri(picture: Image.Image) -> str:
    """Return a picture as a PNG inside a URI."""
    return _uri("image/png", png_of(picture))


def jpeg_uri(picture: Image.Image) -> str:
    """Return a photograph as a JPEG inside a URI."""
    return _uri("image/jpeg", jpeg_of(picture))


def _uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
