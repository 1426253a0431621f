"""The application: endpoints, errors and page put together for some settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from gallery.errors import UserError
from service import problems
from service.galleries import ServedCollections
from service.jobs import Jobs
from service.metrics import ServiceMetrics
from service.routes import asking, changes, collections, faces, health, images, jobs
from service.security import Guard
from service.settings import ServiceSettings
from service.state import ServiceState
from service.worker import DrawingWorker

PAGE = "service.pages.router"
TOLD: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong, and the next step",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemTold"}}},
    }
}


def create_app(settings: ServiceSettings) -> FastAPI:
    """Make the application of a service; its worker starts and stops with it.

    Args:
        settings: What it serves, to whom, within which limits.
    """
    metrics = ServiceMetrics()
    worker = DrawingWorker(settings.limits, metrics)
    jobs_ = Jobs()
    state = ServiceState(settings, ServedCollections(settings), worker, metrics, jobs_)
    metrics.watch_queue(lambda: worker.waiting)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker.start(state.collections.get(None) if settings.open_early else None)
        jobs_.start()
        begin(state)
        try:
            yield
        finally:
            await to_thread.run_sync(jobs_.stop)
            await to_thread.run_sync(worker.stop)
            state.collections.close()

    app = FastAPI(
        title="mindseye",
        summary="Picture what you are looking for, then find it.",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=TOLD,
    )
    app.state.service = state
    for module in (collections, images, asking, faces, changes, jobs, health):
        app.include_router(module.router)
    _add_page(app, settings)
    app.add_exception_handler(HTTPException, problems.on_http)
    app.add_exception_handler(problems.ProblemError, problems.on_problem)
    app.add_exception_handler(UserError, problems.on_user_error)
    app.add_exception_handler(RequestValidationError, problems.on_invalid)
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    return app


def begin(state: ServiceState) -> None:
    """Go on with what an earlier process left: the demonstration's gallery, uploads."""
    if state.settings.read_only:
        return
    if state.settings.demo:
        demo = state.collections.get(None)
        if not changes.is_complete(demo):
            state.jobs.add(changes.making_demo(demo))
    changes.resume(state)


def _add_page(app: FastAPI, settings: ServiceSettings) -> None:
    """Add the page, where it is installed."""
    if find_spec("service.pages") is None or find_spec(PAGE) is None:
        return
    page = import_module(PAGE)
    app.include_router(page.make_router(settings), include_in_schema=False)
    if hasattr(page, "static_folder"):
        app.mount("/static", StaticFiles(directory=page.static_folder()), name="static")
