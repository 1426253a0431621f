"""Whether the service is alive, whether it answers, and what it counts."""

from fastapi import APIRouter, Response

from gallery.errors import UserError
from service.problems import without_paths
from service.schemas import HealthTold, ReadyTold
from service.state import State

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> HealthTold:
    """Say that the process is alive."""
    return HealthTold(status="ok")


@router.get("/readyz", responses={503: {"model": ReadyTold}})
def readyz(state: State, response: Response) -> ReadyTold:
    """Say whether questions can be answered: what draws is open, catalogues can be read."""
    if not state.worker.is_alive:
        response.status_code = 503
        return ReadyTold(status="stopping")
    if state.worker.is_opening:
        response.status_code = 503
        return ReadyTold(status="starting", problem="What draws is being opened")
    try:
        for one in state.collections:
            one.ask(lambda gallery: gallery.spaces)
    except UserError as error:
        response.status_code = 503
        return ReadyTold(status="starting", problem=without_paths(str(error)))
    return ReadyTold(status="ready")


@router.get("/metrics", response_class=Response)
def metrics(state: State) -> Response:
    """Return counters and timings in the text format of Prometheus."""
    return Response(state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
