"""Running a service: a socket is bound, requests are served until a signal says to stop."""

import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import uvicorn

from gallery.errors import ConfigError
from service.app import create_app
from service.settings import ServiceSettings

GRACE_S = 30
BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: Name or number.
        port: 0 takes a free one.
    """

    host: str
    port: int


def run(settings: ServiceSettings, address: Address, greet: Callable[[str], None]) -> None:
    """Serve until interrupted; what was begun is finished.

    Args:
        settings: What is served.
        address: Where to listen.
        greet: Told the address as soon as requests are taken.

    Raises:
        ConfigError: The address cannot be listened at.
        UserError: A collection cannot be opened.
    """
    app = create_app(settings)
    for one in app.state.service.collections:
        one.ask(
            lambda gallery: gallery.spaces
        )  # says now what is wrong, not with the first request
    with _bound(address) as bound:
        port = bound.getsockname()[1]
        host = f"[{address.host}]" if ":" in address.host else address.host
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=30,
        )
        greet(f"http://{host}:{port}")
        with suppress(KeyboardInterrupt):  # it was told, and has stopped in good order
            uvicorn.Server(config).run(sockets=[bound])


def _bound(address: Address) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: It cannot.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        with ExitStack() as failed:
            bound = failed.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(where)
            bound.listen(BACKLOG)
            failed.pop_all()  # it stays open
    except OSError as error:
        raise ConfigError(
            f"Cannot listen at {address.host} port {address.port}: {error.strerror or error}. Say"
            " another --port, or 0 for a free one"
        ) from error
    return bound
