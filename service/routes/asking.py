"""Asking: what a wish looks like, and which images come closest to it."""

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Response, UploadFile
from starlette.concurrency import run_in_threadpool

import mindseye
from gallery.errors import did_you_mean
from service.galleries import ServedCollection, thumbnail_of
from service.pictures import png_of, png_uri
from service.problems import ProblemError, name_of, without_paths
from service.routes.images import PNG, Id, Space
from service.schemas import (
    AnswerTold,
    DrawingsTold,
    DrawingTold,
    HitTold,
    TimingsTold,
)
from service.state import Collection, ServiceState, State
from service.uploads import AskedSource, read_source
from service.worker import DrawTask, KeptDrawing, SeenSource

router = APIRouter(prefix="/v1", tags=["asking"])
Images = Annotated[
    list[UploadFile] | None, File(description="The source image; several of one person")
]
SourceId = Annotated[int | None, Form(description="An image of the collection, in place of files")]
Wishes = Annotated[list[str] | None, Form(description="Like pose=45", max_length=32)]
Text = Annotated[str | None, Form(max_length=255)]
Where = Annotated[str | None, Form(max_length=100_000)]


@router.post("/query")
async def query(
    state: State,
    collection: Collection,
    image: Images = None,
    id: SourceId = None,  # noqa: A002  the name of the field
    wish: Wishes = None,
    k: Annotated[int, Form(ge=1)] = 10,
    where: Where = None,
    min_score: Annotated[float | None, Form()] = None,
    exclude_source: Annotated[bool, Form()] = False,
    crop: Annotated[str | None, Form(max_length=255, description="X,Y,W,H or face")] = None,
    space: Text = None,
    source: Annotated[bool, Form(description="Whether to send the source as it was seen")] = True,
) -> AnswerTold:
    """Find the images that come closest to a wished one."""
    _require_k(k, state)
    if min_score is not None and not math.isfinite(min_score):
        raise ProblemError(422, "invalid", "min_score is no number")
    wishes = _require_wishes(wish)

    def finish(
        gallery: mindseye.Gallery, seen: SeenSource, drawings: Sequence[KeptDrawing]
    ) -> tuple[mindseye.Answer, SeenSource, KeptDrawing]:
        with state.metrics.stage("search"):
            answer = gallery.find(
                drawings[0].drawing,
                k,
                where=where,
                exclude_source=exclude_source,
                min_score=min_score,
            )
        return answer, seen, drawings[0]

    with state.worker.announced():
        asked = await read_source(image or (), id, state.settings.limits, state.metrics)
        task = _task(state, collection, asked, wish=wishes, crop=crop, space=space)
        task.wishes, task.finish, task.searches = (lambda _: [wishes]), finish, True
        waiting = state.worker.submit(task)
    answer, seen, drawing = await _result(waiting, state)
    return await run_in_threadpool(_answer, collection, answer, seen, drawing, source)


@router.post("/draw")
async def draw(
    state: State,
    collection: Collection,
    image: Images = None,
    id: SourceId = None,  # noqa: A002  the name of the field
    attribute: Text = None,
    wish: Wishes = None,
    crop: Annotated[str | None, Form(max_length=255, description="X,Y,W,H or face")] = None,
    space: Text = None,
) -> DrawingsTold:
    """Draw every value of an attribute, the wishes held; or the wishes alone."""
    held = tuple(map(spelt, wish or ()))
    if attribute is None:
        _require_wishes(wish)

    def wishes(face: mindseye.SourceFace) -> list[tuple[str, ...]]:
        if attribute is None:
            return [held]
        if attribute not in face.attributes:
            hint = did_you_mean(attribute, face.attributes)
            told = f"The space {face.space} has no such attribute; {hint}"
            raise ProblemError(400, "bad_request", told)
        others = [one for one in held if attribute_of(one) != attribute]
        return [(*others, f"{attribute}={value}") for value in face.attributes[attribute]]

    def finish(
        gallery: mindseye.Gallery,  # noqa: ARG001  it is asked for nothing more
        seen: SeenSource,
        drawings: Sequence[KeptDrawing],
    ) -> tuple[SeenSource, list[tuple[KeptDrawing, bool]]]:
        return seen, [(one, one.cached) for one in drawings]

    with state.worker.announced():
        asked = await read_source(image or (), id, state.settings.limits, state.metrics)
        task = _task(state, collection, asked, wish=held, crop=crop, space=space)
        task.attribute, task.wishes, task.finish = attribute, wishes, finish
        waiting = state.worker.submit(task)
    seen, drawings = await _result(waiting, state)
    return await run_in_threadpool(_drawings, attribute, seen, drawings)


@router.get("/images/{image_id}/redrawn", response_class=Response, responses=PNG, tags=["images"])
async def redrawn(
    state: State, collection: Collection, image_id: Id, space: Space = None
) -> Response:
    """Show an image as the collection keeps it: its canonical view, drawn."""

    def finish(
        gallery: mindseye.Gallery,
        seen: SeenSource,
        drawings: Sequence[KeptDrawing],  # noqa: ARG001  there is none
    ) -> mindseye.CanonicalView:
        if seen.redrawn is None:
            seen.redrawn = gallery.redraw(seen.face)
        return seen.redrawn

    asked = AskedSource(image_id, ("id", image_id))
    task = _task(state, collection, asked, wish=(), crop=None, space=space)
    task.finish = finish
    drawing: mindseye.CanonicalView = await _result(state.worker.submit(task), state)
    content = await run_in_threadpool(png_of, drawing.picture)
    return Response(content, media_type="image/png")


def _task(
    state: ServiceState,
    collection: ServedCollection,
    asked: AskedSource,
    *,
    wish: tuple[str, ...],
    crop: str | None,
    space: str | None,
) -> DrawTask:
    return DrawTask(
        collection=collection,
        source=asked.source,
        content=asked.content,
        wish=wish,
        crop=crop or None,
        space=space or None,
        deadline=time.monotonic() + state.settings.limits.deadline_s,
    )


async def _result(waiting: Future[Any], state: ServiceState) -> Any:  # noqa: ANN401  as finish says
    """Wait for what the worker makes, no longer than is allowed.

    Raises:
        ProblemError: It took too long; what still waits in the queue is then not drawn.
        UserError: What the worker was told.
    """
    try:
        async with asyncio.timeout(state.settings.limits.deadline_s):
            return await asyncio.wrap_future(waiting)
    except TimeoutError:
        waiting.cancel()
        told = "The answer takes too long; ask again when fewer do"
        raise ProblemError(504, "too_late", told) from None


def spelt(wish: str) -> str:
    """Return a wish without the spaces around its "=": it is then found among those kept."""
    name, equals, value = wish.partition("=")
    return f"{name.strip()}{equals}{value.strip()}"


def attribute_of(wish: str) -> str:
    """Return what a wish is about: of "not pose=45 * 2" the pose."""
    name = wish.partition("=")[0].strip()
    return name[4:].strip() if name.lower().startswith("not ") else name


def _require_k(k: int, state: ServiceState) -> None:
    if k > state.settings.limits.k:
        raise ProblemError(422, "invalid", f"k is at most {state.settings.limits.k}, got {k}")


def _require_wishes(wish: Sequence[str] | None) -> tuple[str, ...]:
    if not wish:
        raise ProblemError(422, "invalid", "Nothing is wished for; send 'wish', like pose=45")
    return tuple(map(spelt, wish))


def _answer(
    collection: ServedCollection,
    answer: mindseye.Answer,
    seen: SeenSource,
    drawing: KeptDrawing,
    source: bool,
) -> AnswerTold:
    drawing.uri = drawing.uri or png_uri(drawing.drawing.picture)
    if source:
        seen.uri = seen.uri or png_uri(seen.face.picture)
    told = answer.to_json(drawn="")
    gone = set(told["missing"])
    return AnswerTold(
        space=told["space"],
        wish=told["wish"],
        wishes=told["wishes"],
        drawn=drawing.uri,
        source=seen.uri if source else None,
        timings_ms=TimingsTold(**told["timings_ms"]),
        no_confidence=told["no_confidence"],
        notes=[without_paths(note) for note in answer.notes],
        hits=[_hit(collection, answer, place) for place in range(len(answer))],
        missing=[hit.id for hit in answer if hit.path in gone],
    )


def _hit(collection: ServedCollection, answer: mindseye.Answer, place: int) -> HitTold:
    hit = answer[place]
    return HitTold(
        rank=hit.rank,
        score=hit.score,
        parts=dict(hit.parts),
        confidence=hit.confidence,
        wishes=dict(hit.wishes),
        id=hit.id,
        identity=hit.identity,
        condition=dict(hit.condition),
        estimate=dict(hit.estimate),
        second_estimate=None if hit.second is None else dict(hit.second),
        sha256=hit.sha256,
        name=name_of(hit.path),
        thumbnail=thumbnail_of(collection.name, hit.id),
    )


def _drawings(
    attribute: str | None, seen: SeenSource, drawings: Sequence[tuple[KeptDrawing, bool]]
) -> DrawingsTold:
    seen.uri = seen.uri or png_uri(seen.face.picture)
    told = []
    for one, cached in drawings:
        one.uri = one.uri or png_uri(one.drawing.picture)
        value = None if attribute is None else one.drawing.wish.get(attribute)
        told.append(DrawingTold(value=value, wish=one.drawing.wish, image=one.uri, cached=cached))
    first = drawings[0][0].drawing
    return DrawingsTold(
        space=seen.face.space,
        attribute=attribute,
        estimate=first.estimate,
        source=seen.uri,
        notes=[without_paths(note) for note in seen.face.notes],
        drawings=told,
    )
