"""The routes of the web page.

A page holds no data: its modules ask the API for all they show, with the token where that is
needed. So pages may be fetched by everybody, and what they show may not.
"""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service.pages.results import ResultsTold, find_report, list_results
from service.settings import ServiceSettings

HERE = Path(__file__).parent
VIEWS = (
    ("search", "/", "Search"),
    ("estimates", "/estimates", "Estimates"),
    ("benchmarks", "/benchmarks", "Benchmarks"),
)
REPORT_POLICY = (  # a report is one file with its own style and pictures; it runs nothing
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; sandbox allow-popups"
)


def static_folder() -> Path:
    """Return the folder of modules and style; the application serves it at /static."""
    return HERE / "static"


def make_router(settings: ServiceSettings) -> APIRouter:
    """Make the routes of the page.

    Args:
        settings: How the service runs; `results` is the folder of the benchmarks.
    """
    router = APIRouter()
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    views = [one for one in VIEWS if one[0] != "benchmarks" or settings.results is not None]
    for name, path, _ in views:
        text = pages.get_template(f"{name}.html.j2").render(view=name, views=views)
        router.get(path, response_class=HTMLResponse)(_Page(text))

    router.get("/favicon.ico", response_class=FileResponse)(_icon)
    if settings.results is not None:
        _add_results(router, settings.results)
    return router


async def _icon() -> FileResponse:
    """Answer with the icon, for who asks without having read a page."""
    return FileResponse(static_folder() / "eye.svg", media_type="image/svg+xml")


class _Page:
    """Answers with a page."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def __call__(self) -> HTMLResponse:
        return HTMLResponse(self._text, headers={"Cache-Control": "no-cache"})


def _add_results(router: APIRouter, folder: Path) -> None:
    """Add the results of benchmarks: read anew each time, as benchmarks go on."""

    @router.get("/v1/results")
    def results() -> ResultsTold:
        return list_results(folder)

    @router.get("/v1/results/{name}/report", response_class=FileResponse)
    def report(name: str) -> FileResponse:
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return FileResponse(find_report(folder, name), media_type="text/html", headers=headers)
