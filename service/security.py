"""Who may ask, how much a request may hold, and what every answer says of itself.

All of it is one ASGI middleware, so that nothing is parsed that is refused anyhow.
"""

import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.metrics import ServiceMetrics
from service.problems import ProblemError
from service.settings import ServiceSettings

OPEN = ("/healthz", "/readyz")
QUESTIONS = ("/v1/query", "/v1/draw", "/v1/faces")  # POSTs that change nothing
API = ("/v1/", "/metrics", "/openapi.json")
POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}


class Guard:
    """The outermost layer: identifies, refuses, limits, times and marks."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings, metrics: ServiceMetrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = secrets.token_hex(8)
        answered = _Answered(scope, send, request.state.request_id, self._metrics)
        try:
            self._require_host(request)
            self._require_token(request)
            limited = self._limited(request, receive)
            await self._app(scope, limited, answered.send)
        except ProblemError as problem:
            if answered.begun:
                raise
            await problems.answer(request, problem)(scope, receive, answered.send)
        except Exception as error:
            if answered.begun:
                raise
            await problems.failed(request, error)(scope, receive, answered.send)

    def _require_host(self, request: Request) -> None:
        """Refuse to be addressed by another name: a page elsewhere may have had it made up."""
        hosts = self._settings.hosts
        host = request.headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if hosts and name.strip("[]").lower() not in hosts:
            known = ", ".join(hosts)
            raise ProblemError(
                421, "wrong_host", f"This service answers to {known}; ask it by one of these names"
            )

    def _require_token(self, request: Request) -> None:
        path, method = request.url.path, request.method
        if path in OPEN or not path.startswith(API):
            return
        asks = method in ("GET", "HEAD") or (method == "POST" and path in QUESTIONS)
        if asks and not self._settings.token_for_reading:
            return
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._settings.accepts(token.strip()):
            return
        raise ProblemError(
            401,
            "unauthorised",
            "This needs the token of the service: send the header 'Authorization: Bearer TOKEN'",
            {"WWW-Authenticate": "Bearer"},
        )

    def _limited(self, request: Request, receive: Receive) -> Receive:
        """Return what receives a request, until it is longer than it may be."""
        most = self._settings.limits.request_bytes
        said = request.headers.get("content-length", "")
        if said.isdigit() and int(said) > most:
            raise _too_large(most)
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _too_large(most)
            return message

        return counted


def _too_large(most: int) -> ProblemError:
    return ProblemError(
        413, "too_large", f"A request holds at most {most:,} bytes; send fewer or smaller images"
    )


class _Answered:
    """Sends an answer, marked; remembers that it was begun."""

    def __init__(self, scope: Scope, send: Send, request_id: str, metrics: ServiceMetrics) -> None:
        self.begun = False
        self._scope = scope
        self._send = send
        self._id = request_id
        self._metrics = metrics
        self._started = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send a part of an answer."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
            route = getattr(self._scope.get("route"), "path", "none")
            self._metrics.answered(
                route, int(message["status"]), time.perf_counter() - self._started
            )
        await self._send(message)
