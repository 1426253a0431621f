"""Jobs: how far they are, as often as they change, and how to stop them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from service.jobs import FINAL
from service.problems import ProblemError
from service.schemas import JobsTold, JobTold
from service.state import Changes, State

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
EVERY_S = 0.2
SILENT = 75  # looks without a change after which a line is sent, so that proxies keep the stream
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {}}, "description": "Events named progress"}
}


@router.get("")
async def jobs(state: State) -> JobsTold:
    """List the jobs, the newest first."""
    return JobsTold(jobs=[JobTold(**one.to_json()) for one in state.jobs.all()])


@router.get("/{job_id}")
async def job(state: State, job_id: str) -> JobTold:
    """Say how far a job is."""
    return JobTold(**state.jobs.get(job_id).to_json())


@router.get("/{job_id}/events", response_class=StreamingResponse, responses=STREAM)
async def events(request: Request, state: State, job_id: str) -> StreamingResponse:
    """Send a job whenever it has changed, until it has ended: server-sent events."""
    one = state.jobs.get(job_id)
    if state.streams >= state.settings.limits.streams:
        told = "Too many listen already; ask GET /v1/jobs/{id} instead"
        raise ProblemError(429, "queue_full", told, {"Retry-After": "10"})

    async def stream() -> AsyncIterator[str]:
        state.streams += 1
        try:
            last, silent = "", 0
            while not await request.is_disconnected():
                told, ended = json.dumps(one.to_json()), one.state in FINAL
                silent = 0 if told != last else silent + 1
                if told != last:
                    yield f"event: progress\ndata: {told}\n\n"
                elif silent % SILENT == SILENT - 1:
                    yield ": still there\n\n"
                if ended or not state.worker.is_alive:
                    return
                last = told
                await asyncio.sleep(EVERY_S)
        finally:
            state.streams -= 1

    return StreamingResponse(stream(), media_type="text/event-stream")


@router.post("/{job_id}/cancel", dependencies=[Changes])
async def cancel(state: State, job_id: str) -> JobTold:
    """Ask a job to stop; it finishes the batch in hand."""
    one = state.jobs.get(job_id)
    one.cancel()
    return JobTold(**one.to_json())
