"""Images that requests bring: read within limits, decoded by threads, never kept by themselves."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import to_thread
from fastapi import UploadFile

import mindseye
from gallery.errors import TooManyPixelsError, UnknownFormatError, UserError
from service.metrics import ServiceMetrics
from service.problems import ProblemError, without_paths
from service.schemas import LARGEST_ID
from service.settings import ServiceLimits


@dataclass(frozen=True, slots=True)
class AskedSource:
    """What a request asks about.

    Attributes:
        source: What `Gallery.see` takes.
        content: What tells it from others.
    """

    source: Any
    content: tuple[Hashable, ...]


async def read_source(
    images: Sequence[UploadFile],
    image_id: int | None,
    limits: ServiceLimits,
    metrics: ServiceMetrics,
) -> AskedSource:
    """Open what a request asks about: images that it brings, or one of the gallery.

    Raises:
        ProblemError: Neither or both are named, or an image cannot be used.
    """
    if bool(images) == (image_id is not None):
        raise ProblemError(
            422, "invalid", "Send one or more files as 'image', or the 'id' of a gallery's image"
        )
    if image_id is not None:
        if not 0 < image_id <= LARGEST_ID:
            raise ProblemError(404, "not_found", "There is no such image")
        return AskedSource(image_id, ("id", image_id))
    contents = [await read_upload(one, limits) for one in images]
    with metrics.stage("read"):
        opened = [await to_thread.run_sync(decode, content, limits) for content in contents]
    return AskedSource(opened, tuple(one.sha256 for one in opened))


async def read_upload(upload: UploadFile, limits: ServiceLimits) -> bytes:
    """Return the bytes of an upload.

    Raises:
        ProblemError: It is too large.
    """
    content = await upload.read(limits.upload_bytes + 1)
    if len(content) > limits.upload_bytes:
        raise ProblemError(
            413,
            "too_large",
            f"A file holds at most {limits.upload_bytes:,} bytes; send a smaller image",
        )
    return content


def decode(content: bytes, limits: ServiceLimits) -> mindseye.Photograph:
    """Decode an upload, upright, at most so many pixels.

    Raises:
        ProblemError: It is no image, or a damaged or too large one.
    """
    try:
        return mindseye.open_photograph(content, most_pixels=limits.pixels)
    except UnknownFormatError as error:
        raise _refused(415, "not_an_image", error) from error
    except TooManyPixelsError as error:
        raise _refused(413, "too_large", error) from error
    except UserError as error:
        raise _refused(422, "unusable_image", error) from error


def _refused(status: int, code: str, error: UserError) -> ProblemError:
    return ProblemError(status, code, without_paths(str(error)))
