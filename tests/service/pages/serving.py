"""The service of these tests: at a port of its own for a browser, or asked in this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from service.app import create_app
from service.settings import ServiceSettings, hash_of
from tests.service.live import listening

TOKEN = "a-token-for-the-tests"  # noqa: S105  of no service but this one
HOSTS = ("127.0.0.1", "localhost")


@contextmanager
def serving(*collections: Path, **said: Any) -> Iterator[str]:
    """Serve collections at a free port; yield the address."""
    settings = ServiceSettings(
        collections=collections, token_sha256=hash_of(TOKEN), hosts=HOSTS, device="cpu", **said
    )
    with listening(settings) as address:
        yield address


def ask(results: Path | None, path: str) -> Any:
    """Ask a service that has results and no collection; return its answer."""
    app = create_app(ServiceSettings(collections=(Path("no-collection"),), results=results))

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    return asyncio.run(get())
