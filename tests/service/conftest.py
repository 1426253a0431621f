"""A service over the tiny gallery, asked in this process."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason='needs the extra "serve"')
httpx = pytest.importorskip("httpx", reason="asks the service")

from service.app import create_app  # noqa: E402
from service.settings import ServiceLimits, ServiceSettings, hash_of  # noqa: E402
from tests.waiting import NEVER_S  # noqa: E402

PATIENT = ServiceLimits(deadline_s=NEVER_S)
TOKEN = "a-token-of-the-tests"  # noqa: S105  of no service but this one
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
Served = Callable[..., Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def asked(settings: ServiceSettings) -> AsyncIterator[Any]:
    """Start a service, and give a client that asks it."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        client.app = app
        yield client


@pytest.fixture
def serve(collection_dir: Path) -> Served:
    """Serve the tiny gallery; further settings may be said."""

    def start(**said: Any) -> Any:
        given: dict[str, Any] = {
            "collections": (collection_dir,),
            "token_sha256": hash_of(TOKEN),
            "device": "cpu",
            "limits": PATIENT,
        }
        return asked(ServiceSettings(**{**given, **said}))

    return start
