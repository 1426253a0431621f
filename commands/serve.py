"""Serving collections over HTTP: `mindseye serve`."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.options import DEFAULT_COLLECTION, Device
from commands.progress import tell
from gallery.errors import ConfigError

TOKEN = "MINDSEYE_TOKEN"  # noqa: S105  the name of a variable
DEMO = Path("mindseye-demo") / "collection"


def serve(
    collection: Annotated[
        list[Path] | None,
        typer.Option(
            envvar="MINDSEYE_COLLECTION",
            help="Folder of a collection; say it again for more. The first one answers where a"
            " request names none.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Others than this machine's need a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8000,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Serve the packaged gallery; the first time it is indexed."),
    ] = False,
    uploads: Annotated[
        Path | None,
        typer.Option(help="Folder for images that are to stay. Default: none are taken."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Folder of results of `mindseye bench`, which the page shows."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token. Default: {TOKEN}, or one made at start."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="What draws in a collection that uploads make. Default: what fits."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    device: Device = "auto",
) -> None:
    """Serve collections: a page in the browser, and an HTTP API.

    \b
    Example: mindseye serve --demo
    Example: mindseye serve --collection my-faces --uploads my-uploads

    The API is told in docs/http.md. Needs the extra "serve".
    """
    _require_extra()
    from generator.freed_memory import keep_freed_memory
    from service.run import Address, run
    from service.settings import ServiceSettings, hash_of, is_loopback

    token, given = _token(token_file)
    local = is_loopback(host)
    folders = [*([DEMO] if demo else ()), *(collection or ())]
    settings = ServiceSettings(
        collections=tuple(folders or [DEFAULT_COLLECTION]),
        uploads=uploads,
        token_sha256=hash_of(token),
        token_for_reading=not local or given,
        read_only=read_only,
        hosts=("localhost", "127.0.0.1", "::1", host.lower()) if local else (),
        device=device,
        weights=weights,
        open_early=True,
        demo=demo,
        results=results,
    )
    keep_freed_memory()
    run(settings, Address(host, port), lambda url: _greet(url, "" if given else token))


def _greet(url: str, token: str) -> None:
    """Say where the service is; with a token that was made here, as a link that holds it."""
    link = f"{url}/#token={token}" if token else url
    tell(f"Serving at {link}")
    if token:
        tell(f"Who has this link may change the collections; keep it. Or set {TOKEN}.")
    tell("Stop with Ctrl-C.")


def _token(file: Path | None) -> tuple[str, bool]:
    """Return the token, and whether it was given; otherwise one is made.

    Raises:
        ConfigError: The file cannot be read, or holds no token.
    """
    from service.settings import checked_token

    if file is not None:
        try:
            return checked_token(file.read_text("utf-8"), str(file)), True
        except (OSError, ValueError) as error:
            raise ConfigError(f"--token-file: {file} cannot be read: {error}") from error
    if os.environ.get(TOKEN):
        return checked_token(os.environ[TOKEN], TOKEN), True
    return secrets.token_urlsafe(32), False


def _require_extra() -> None:
    """Refuse to start where what serves is not installed.

    Raises:
        ConfigError: It is not.
    """
    from importlib.util import find_spec

    needed = {
        "fastapi": "fastapi",
        "uvicorn": "uvicorn",
        "python_multipart": "python-multipart",
        "prometheus_client": "prometheus-client",
    }
    missing = [name for module, name in needed.items() if find_spec(module) is None]
    if missing:
        raise ConfigError(
            f'serve needs {", ".join(missing)}: pip install "mindseye[serve]" (this is'
            f" {sys.executable})"
        )
