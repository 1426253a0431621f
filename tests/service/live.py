"""A service that listens on loopback, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from service.app import create_app
from service.settings import ServiceSettings
from tests.waiting import NEVER_S


@contextmanager
def listening(settings: ServiceSettings) -> Iterator[str]:
    """Start a service on a free port; give its address, and stop it at the end.

    It answers however long that takes: a machine of CI may be slow.
    """
    patient = replace(settings, limits=replace(settings.limits, deadline_s=NEVER_S))
    config = uvicorn.Config(create_app(patient), port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + NEVER_S
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < end, "the service takes too long to start"
        time.sleep(0.01)
    (bound,) = server.servers[0].sockets
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(NEVER_S)
