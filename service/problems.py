"""What is wrong, as problem+json: one form for every error, with the next step, without a path.

Source: RFC 9457, "Problem Details for HTTP APIs".
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from gallery.errors import (
    BeingWrittenError,
    CatalogueError,
    ConfigError,
    DatabaseFailedError,
    DatasetError,
    ImageError,
    IndexFileError,
    MissingImageError,
    UserError,
    WeightsError,
    WishError,
)

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
LONGEST = 2000
_PATH = re.compile(r"(?<![\w.:/~-])~?/(?:[^\s/:;,'\"()]+/)*([^\s/:;,'\"()]*)")
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_CODES = {
    401: "unauthorised",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "not_an_image",
    422: "invalid",
    429: "queue_full",
    503: "unavailable",
    504: "too_late",
}
_KINDS: tuple[tuple[type[UserError], int, str], ...] = (
    (MissingImageError, 404, "not_found"),
    (BeingWrittenError, 409, "busy_writing"),
    (DatabaseFailedError, 503, "unavailable"),
    (ImageError, 422, "unusable_image"),
    (WishError, 400, "bad_request"),
    (ConfigError, 400, "bad_request"),
    (IndexFileError, 409, "contract"),
    (WeightsError, 409, "contract"),
    (DatasetError, 422, "unusable_image"),
    (CatalogueError, 409, "contract"),
)


class ProblemError(HTTPException):
    """Something that is told to who asked.

    Attributes:
        status: HTTP status.
        code: The kind of problem, for programs.
        detail: What is wrong, and the next step.
        headers: Of the answer.
    """

    detail: str

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.status = status
        self.code = code


def without_paths(text: str) -> str:
    """Shorten every path in a text to its last part: where things lie is nobody's business.

    >>> without_paths("Cannot read /home/me/photos/7.png: gone")
    'Cannot read 7.png: gone'
    """
    return _PATH.sub(lambda found: found[1] or "/", text)[:LONGEST]


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return PurePath(path).name


def of_user_error(error: UserError) -> ProblemError:
    """Return the problem that an error of the front door is."""
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            later = {"Retry-After": "5"} if code == "busy_writing" else {}
            return ProblemError(status, code, without_paths(str(error)), later)
    return ProblemError(400, "bad_request", without_paths(str(error)))


def answer(
    request: Request, problem: ProblemError, errors: Sequence[Mapping[str, str]] = ()
) -> JSONResponse:
    """Return the response that tells of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> JSONResponse:
    """Tell of a problem that an endpoint raised."""
    assert isinstance(error, ProblemError)  # noqa: S101  it is registered for these alone
    return answer(request, error)


async def on_user_error(request: Request, error: Exception) -> JSONResponse:
    """Tell of what the front door refused."""
    assert isinstance(error, UserError)  # noqa: S101  it is registered for these alone
    return answer(request, of_user_error(error))


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Tell of what the framework refused: no such address, another method."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for these alone
    code = _CODES.get(error.status_code, "bad_request")
    told = f"{error.detail}; see /openapi.json for what there is"
    return answer(request, ProblemError(error.status_code, code, told, error.headers))


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Tell of a request whose form is wrong."""
    found: Sequence[Mapping[str, Any]] = getattr(error, "errors", list)()
    errors = [
        {"where": ".".join(str(part) for part in one["loc"][1:]), "message": str(one["msg"])}
        for one in found
    ]
    said = "; ".join(f"{one['where']}: {one['message']}" for one in errors[:3])
    problem = ProblemError(422, "invalid", f"The request is not as it should be: {said}"[:LONGEST])
    return answer(request, problem, errors[:20])


def failed(request: Request, error: Exception) -> JSONResponse:
    """Tell that something failed here, and nothing more; the log holds what."""
    logger.error("request %s failed", getattr(request.state, "request_id", ""), exc_info=error)
    problem = ProblemError(
        500, "internal", "Something failed here; the log of the service says what, by request id"
    )
    return answer(request, problem)
