"""The service of these tests: at a port of its own for a browser, or asked in this process."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from service.app import create_app
from service.settings import ServiceSettings, hash_of

TOKEN = "a-token-for-the-tests"  # noqa: S105  of no service but this one
HOSTS = ("127.0.0.1", "localhost")
PATIENCE_S = 120.0


@contextmanager
def serving(*collections: Path, **said: Any) -> Iterator[str]:
    """Serve collections at a free port; yield the address."""
    settings = ServiceSettings(
        collections=collections, token_sha256=hash_of(TOKEN), hosts=HOSTS, device="cpu", **said
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + PATIENCE_S
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < end, "the service takes too long to start"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)


def ask(results: Path | None, path: str) -> Any:
    """Ask a service that has results and no collection; return its answer."""
    app = create_app(ServiceSettings(collections=(Path("no-collection"),), results=results))

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    return asyncio.run(get())
