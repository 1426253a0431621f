"""A service that listens on loopback, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from service.app import create_app
from service.settings import ServiceSettings

PATIENCE_S = 120.0  # a CI machine may be slow


@contextmanager
def listening(settings: ServiceSettings) -> Iterator[str]:
    """Start a service on a free port; give its address, and stop it at the end."""
    config = uvicorn.Config(create_app(settings), port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + PATIENCE_S
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < end, "the service takes too long to start"
        time.sleep(0.01)
    (bound,) = server.servers[0].sockets
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
