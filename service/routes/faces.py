"""Where the face is in a picture: what a crop is begun with."""

import base64
import io
from threading import Lock

from fastapi import APIRouter
from PIL import Image
from starlette.concurrency import run_in_threadpool

import mindseye
from service.problems import without_paths
from service.routes.asking import Images, SourceId
from service.schemas import FacePlaceTold
from service.state import Collection, State
from service.uploads import read_source

router = APIRouter(prefix="/v1", tags=["asking"])
QUALITY = 88
_ONE_AT_A_TIME = Lock()  # detectors take all cores


@router.post("/faces")
async def faces(
    state: State,
    collection: Collection,
    image: Images = None,
    id: SourceId = None,  # noqa: A002  the name of the field
) -> FacePlaceTold:
    """Look for the face in a picture; the picture is not kept."""
    asked = await read_source((image or ())[:1], id, state.settings.limits, state.metrics)
    source = asked.source if id is not None else asked.source[0]

    def locate(gallery: mindseye.Gallery) -> mindseye.LocatedFace:
        with _ONE_AT_A_TIME, state.metrics.stage("locate"):
            return gallery.locate(source)

    return await run_in_threadpool(lambda: _told(collection.ask(locate)))


def _told(face: mindseye.LocatedFace) -> FacePlaceTold:
    return FacePlaceTold(
        width=face.width,
        height=face.height,
        crop=face.crop,
        found=face.found,
        note=None if face.note is None else without_paths(face.note),
        preview=_jpeg_uri(face.picture),
    )


def _jpeg_uri(picture: Image.Image) -> str:
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
