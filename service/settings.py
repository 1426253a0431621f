"""How a service runs: what it serves, to whom, within which limits."""

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from gallery.errors import ConfigError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """What is refused before it costs memory or time.

    Attributes:
        upload_bytes: Largest file of an upload.
        request_bytes: Largest request, all files together.
        pixels: Largest width times height that is decoded.
        files: Most files of a request.
        k: Most hits of an answer.
        queue: Most requests that wait to be drawn.
        together: Most requests that are drawn in one pass.
        wait_ms: How long a pass waits for requests that are still being read.
        deadline_s: How long a request may wait for its answer.
        drawings: How many drawings and sources are kept; each takes about 100 kB.
        streams: Most streams of progress at once.
    """

    upload_bytes: int = 10 * 2**20
    request_bytes: int = 64 * 2**20
    pixels: int = 40_000_000
    files: int = 200
    k: int = 1000
    queue: int = 128
    together: int = 32
    wait_ms: float = 4.0
    deadline_s: float = 30.0
    drawings: int = 2048
    streams: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """How a service runs.

    Attributes:
        collections: Folders of the collections; the first one answers where none is named.
        uploads: Folder for images that are to stay; None: none are taken.
        token_sha256: SHA-256 of the token; the token itself is not kept.
        token_for_reading: Whether questions need it, too; changes always do.
        read_only: Whether changes are refused.
        hosts: Names by which the service may be addressed; empty for any.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        weights: Which make the first space of a collection that is yet to be made.
        open_early: Whether what draws in the first collection is opened before anybody asks.
        demo: Whether the first collection is the packaged gallery, which is made if it is not
            there.
        results: Folder of benchmark results that the page shows; None: it has no such view.
        limits: What is refused.
    """

    collections: tuple[Path, ...]
    uploads: Path | None = None
    token_sha256: bytes = field(default=b"", repr=False)
    token_for_reading: bool = False
    read_only: bool = False
    hosts: tuple[str, ...] = ()
    device: str = "auto"
    weights: str | None = None
    open_early: bool = False
    demo: bool = False
    results: Path | None = None
    limits: ServiceLimits = field(default_factory=ServiceLimits)

    def __post_init__(self) -> None:
        if not self.collections:
            raise ConfigError("Nothing to serve; name a --collection, or say --demo")

    def accepts(self, token: str) -> bool:
        """Say whether a token is the right one, in a time that does not depend on how wrong."""
        given = hash_of(token)
        return bool(self.token_sha256) and hmac.compare_digest(given, self.token_sha256)


def hash_of(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def checked_token(token: str, where: str) -> str:
    """Return a token without the white space around it.

    Args:
        token: As it was given.
        where: Where it came from, for messages.

    Raises:
        ConfigError: It is too short to keep anybody out, or holds what a header cannot.
    """
    bare = token.strip()
    if len(bare) < SHORTEST_TOKEN or not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ConfigError(
            f"The token in {where} is no token: at least {SHORTEST_TOKEN} ASCII letters, digits and"
            " signs without spaces. Make one: python -c 'import secrets;"
            " print(secrets.token_urlsafe())'"
        )
    return bare


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    return host in LOOPBACK or host.startswith("127.")
