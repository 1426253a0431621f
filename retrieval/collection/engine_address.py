"""Where the vectors of a collection are searched: in its folder, or in an engine its users named.

The folder of a collection holds `engine.url` then. With PostgreSQL, catalogue and vectors are there
and the folder is a copy of what every machine needs: the address, weights and contracts. With
Milvus the folder keeps the vectors, and Milvus a copy that it searches.
"""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from gallery.errors import CatalogueError, ConfigError
from gallery.files import write_whole
from retrieval.collection import address

FILE = "engine.url"
POSTGRES, MILVUS = "postgresql", "milvus"
EXAMPLES = "postgresql://me@host/faces, milvus://host:19530 or milvus:FILE.db"
SERVER = re.compile(
    r"milvus://(?P<host>[\w.\-]+:\d{1,5})(?:/(?P<prefix>[A-Za-z_][A-Za-z0-9_]{0,63}))?"
)


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where an engine is.

    Attributes:
        kind: POSTGRES or MILVUS.
        text: As it is kept and shown; it holds no password.
    """

    kind: str
    text: str

    @property
    def url(self) -> URL:
        """URL of the database, of PostgreSQL."""
        return address.parse(self.text, "--engine")

    @property
    def milvus(self) -> tuple[str, str]:
        """What Milvus's client connects to, and how names of this collection's tables begin."""
        found = SERVER.fullmatch(self.text)
        if found is not None:
            return f"http://{found['host']}", found["prefix"] or "mindseye"
        return self.text.removeprefix("milvus:"), "mindseye"


def parse(text: str) -> EngineAddress:
    """Read the address of an engine.

    A server of Milvus may hold several collections: where no name is given for this one, it gets
    one, which is kept with the address.

    Raises:
        ConfigError: It is none, or holds a password.
    """
    if text.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        url = address.parse(text.replace("postgres://", "postgresql://", 1), "--engine")
        return EngineAddress(POSTGRES, address.spell(url))
    if found := SERVER.fullmatch(text):
        prefix = found["prefix"] or f"mindseye_{secrets.token_hex(4)}"
        return EngineAddress(MILVUS, f"milvus://{found['host']}/{prefix}")
    path = text.removeprefix("milvus:")
    if path == text or path.startswith("//") or not path.endswith(".db"):
        raise ConfigError(f"--engine cannot be {text!r}; it takes {EXAMPLES}")
    return EngineAddress(MILVUS, f"milvus:{Path(path).absolute()}")


def read(root: Path) -> EngineAddress | None:
    """Return the engine of a collection; None where the vectors are searched in its folder.

    Raises:
        CatalogueError: `engine.url` cannot be read, or holds no address.
    """
    path = root / FILE
    try:
        return parse(path.read_text("utf-8").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ConfigError) as error:
        raise CatalogueError(f"{path} does not say where the engine is: {error}") from error


def require_same(root: Path, engine: EngineAddress) -> None:
    """Refuse to give a collection another engine than it has, or one after its first build.

    Raises:
        CatalogueError: It has another one, or keeps its vectors in the folder.
    """
    if not address.has_catalogue(root):
        return
    there = read(root)
    if there is None:
        raise CatalogueError(
            f"The collection {root} keeps its vectors in its folder; leave out --engine, or build"
            " in another --collection"
        )
    if not _same(there, engine):
        raise CatalogueError(
            f"The collection {root} has its engine at {there.text}, not at {engine.text}; leave out"
            " --engine, or build in another --collection"
        )


def write(root: Path, engine: EngineAddress) -> None:
    """Write down where the engine of a collection is."""
    write_whole(root / FILE, f"{engine.text}\n".encode())


def _same(one: EngineAddress, other: EngineAddress) -> bool:
    """Compare addresses; the name that a collection got on a server does not count."""
    mine, yours = (
        engine.text.rsplit("/", engine.text.startswith("milvus://"))[0] for engine in (one, other)
    )
    return mine == yours and one.kind == other.kind
