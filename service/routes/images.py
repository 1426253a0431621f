"""The images of a collection: pages of them, one of them, its picture."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

import mindseye
from service.galleries import image_to_json
from service.pictures import jpeg_of
from service.problems import ProblemError
from service.schemas import LARGEST_ID, ImagesTold, ImageTold
from service.state import Collection

router = APIRouter(prefix="/v1", tags=["images"])
Id = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Of an image")]
Space = Annotated[str | None, Query(max_length=64, description="Whose estimates. Default: newest")]
WHERE = "In the language of docs/collections.md, like pose=45 and identity!=ann"
OneEach = Annotated[
    Literal["identity"] | None,
    Query(description="Of each person the first image alone; all that nobody named"),
]
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "The picture"},
    304: {},
}
PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "The drawing"}
}


@router.get("/images")
def images(
    collection: Collection,
    where: Annotated[str | None, Query(max_length=100_000, description=WHERE)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    space: Space = None,
    one_each: OneEach = None,
) -> ImagesTold:
    """List images by id, a page at a time."""
    after = _read_cursor(cursor)

    def page(gallery: mindseye.Gallery) -> tuple[list[dict[str, Any]], int]:
        if not gallery.spaces:
            return [], 0
        each = one_each is not None
        rows = gallery.images(where, space, after=after, limit=limit + 1, one_each=each)
        return list(rows), gallery.count(where, space, one_each=each)

    rows, total = collection.ask(page)
    more = len(rows) > limit
    told = [ImageTold(**image_to_json(collection.name, row)) for row in rows[:limit]]
    return ImagesTold(images=told, next=_cursor(told[-1].id) if more else None, total=total)


@router.get("/images/{image_id}")
def image(collection: Collection, image_id: Id, space: Space = None) -> ImageTold:
    """Say what is known of an image."""
    row = collection.ask(lambda gallery: gallery.image(image_id, space))
    return ImageTold(**image_to_json(collection.name, row))


@router.get("/images/{image_id}/thumbnail", response_class=Response, responses=JPEG)
def thumbnail(
    request: Request,
    collection: Collection,
    image_id: Id,
    size: Annotated[int, Query(ge=16, le=1024, description="Longest side, pixels")] = 160,
    whole: Annotated[bool, Query(description="The whole picture, not the face alone")] = False,
) -> Response:
    """Show an image, small and without metadata: the face, or the whole picture."""

    def look(gallery: mindseye.Gallery) -> tuple[str, Any]:
        row = gallery.image(image_id)
        tag = f'"{row["sha256"][:32]}-{size}-{int(whole)}"'
        if _matches(request.headers.get("if-none-match", ""), tag):
            return tag, None
        return tag, gallery.picture(image_id, most_px=size, whole=whole)

    tag, picture = collection.ask(look)
    headers = {"ETag": tag, "Cache-Control": "private, max-age=60, must-revalidate"}
    if picture is None:
        return Response(status_code=304, headers=headers)
    return Response(jpeg_of(picture), media_type="image/jpeg", headers=headers)


def _matches(given: str, tag: str) -> bool:
    """Say whether a browser has it already. Source: RFC 9110, 13.1.2."""
    return given.strip() == "*" or tag in [
        one.strip().removeprefix("W/") for one in given.split(",")
    ]


def _cursor(after: int) -> str:
    """Spell where the next page begins; what is in it is nobody's business."""
    return base64.urlsafe_b64encode(f"1:{after}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        version, _, after = (
            base64.b64decode(padded, b"-_", validate=True).decode("ascii").partition(":")
        )
        if version == "1" and after.isdigit() and int(after) <= LARGEST_ID:
            return int(after)
    except (ValueError, binascii.Error):
        pass
    raise ProblemError(400, "bad_request", "This is no cursor; take 'next' of the page before")
