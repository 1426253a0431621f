"""Where the face is in a picture: what a crop is begun with."""

from threading import Lock

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

import mindseye
from service.pictures import jpeg_uri
from service.problems import without_paths
from service.routes.asking import Images, SourceId
from service.schemas import FacePlaceTold
from service.state import Collection, State
from service.uploads import read_source

router = APIRouter(prefix="/v1", tags=["asking"])
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
        preview=jpeg_uri(face.picture),
    )
