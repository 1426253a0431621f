"""A collection on disk: the catalogue, and one folder for each embedding space."""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TextIO, TypeVar

from sqlalchemy.engine import URL

from gallery.catalogue.records import SpaceRow
from gallery.catalogue.store import Catalogue
from gallery.errors import (
    BeingWrittenError,
    CatalogueError,
    ConfigError,
    IndexFileError,
    WeightsError,
)
from gallery.json_files import read, spell
from generator.card import NAME
from index.contract import IndexContract
from index.loader import read_contract
from retrieval.collection import address, engine_address, shared_files
from retrieval.collection.engine_address import MILVUS, POSTGRES, EngineAddress

if TYPE_CHECKING:
    from index.postgres.vectors import PostgresVectors

LOCK = ".lock"
READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class _HasClose(Protocol):
    def close(self) -> None:
        """Give back what it holds."""


Closable = TypeVar("Closable", bound=_HasClose)


class _ReadOnlyError(CatalogueError):
    """The folder of a collection cannot be written."""


class Collection:
    """An open collection.

    Attributes:
        root: Its folder.
        catalogue: What it holds.
        engine: Where its vectors are searched; None for its folder.
    """

    def __init__(
        self, root: Path, catalogue: Catalogue, engine: EngineAddress | None = None
    ) -> None:
        self.root = root
        self.catalogue = catalogue
        self.engine = engine
        self._vectors: dict[int, PostgresVectors] = {}
        self._open = contextlib.ExitStack()

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open a collection that exists.

        Raises:
            CatalogueError: There is none, or its catalogue cannot be opened.
        """
        if not address.has_catalogue(root):
            raise CatalogueError(
                f"There is no collection in {root}; make one with `mindseye index build SPEC"
                f" --attribute pose --collection {root}`"
            )
        return cls._with_engine(root, _open_catalogue(root), engine_address.read(root))

    @classmethod
    def open_or_create(
        cls, root: Path, catalogue: str | None = None, engine: str | None = None
    ) -> Self:
        """Open a collection, or make an empty one.

        Args:
            root: Its folder.
            catalogue: URL of the database that shall hold, or holds, the catalogue; None for
                the one it has, or a SQLite file in the folder.
            engine: Address of the engine that shall search, or searches, its vectors; None for
                the one it has, or its folder. PostgreSQL holds the catalogue, too, and may hold
                that of other machines' folders: all of them are one collection then.

        Raises:
            CatalogueError: The folder cannot be made, its catalogue cannot be opened, or is
                another one; or its engine is.
            ConfigError: The URL is none, or has a password.
        """
        url = None if catalogue is None else address.parse(catalogue)
        wanted = None if engine is None else engine_address.parse(engine)
        if wanted is not None:
            engine_address.require_same(root, wanted)
            if wanted.kind == POSTGRES:
                if url is not None and url != wanted.url:
                    raise ConfigError(
                        "--engine postgresql://… holds the catalogue, too; leave out --catalogue"
                    )
                url = wanted.url
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogueError(f"Cannot make the collection {root}: {error.strerror}") from error
        opened = _open_catalogue(root, url, wanted)
        return cls._with_engine(root, opened, engine_address.read(root))

    @classmethod
    def _with_engine(cls, root: Path, catalogue: Catalogue, engine: EngineAddress | None) -> Self:
        """Make what an engine needs: tables of vectors, and copies of what is shared."""
        if engine is None or engine.kind != POSTGRES:
            return cls(root, catalogue, engine)
        from index.postgres.schema import bring_up_to_date, is_current  # noqa: PLC0415  of an extra

        try:
            with catalogue.reading() as session:
                current = is_current(session.connection())
            if not current:
                with catalogue.changing() as session:
                    bring_up_to_date(session.connection(), engine.text)
            shared_files.fetch(catalogue, root / "spaces")
        except BaseException:
            catalogue.close()
            raise
        return cls(root, catalogue, engine)

    def close(self) -> None:
        """Give the catalogue back."""
        self._open.close()
        self._vectors.clear()
        self.catalogue.close()

    def keep_open(self, opened: Closable) -> Closable:
        """Close something when the collection is closed."""
        self._open.callback(opened.close)
        return opened

    @property
    def in_postgres(self) -> bool:
        """Whether its vectors are in the database of its catalogue, and not in its folder."""
        return self.engine is not None and self.engine.kind == POSTGRES

    @property
    def in_milvus(self) -> bool:
        """Whether Milvus searches a copy of its vectors."""
        return self.engine is not None and self.engine.kind == MILVUS

    def vectors(self, space: SpaceRow) -> "PostgresVectors":
        """Return the vectors of a space that are in PostgreSQL.

        Raises:
            IndexFileError: There are none, or they were made under another contract.
        """
        from index.postgres.vectors import PostgresVectors  # noqa: PLC0415  of an extra

        if space.id not in self._vectors:
            shown = "" if self.engine is None else self.engine.text
            session = self.catalogue.session
            opened = PostgresVectors.open(session, space.id, self.contract(space), shown)
            self._vectors[space.id] = self.keep_open(opened)
        return self._vectors[space.id]

    def fetch(self) -> None:
        """Bring what other machines have changed of the spaces' weights and cards."""
        if self.in_postgres:
            shared_files.fetch(self.catalogue, self.root / "spaces")

    def space_dir(self, name: str) -> Path:
        """Return the folder of a space.

        Raises:
            WeightsError: The name would not do as a folder's.
        """
        if not NAME.fullmatch(name):
            raise WeightsError(
                f"Weights named {name!r} cannot name a space: only letters, digits, '.', '_' and"
                " '-' can, at most 64; change \"name\" on their card"
            )
        return self.root / "spaces" / name

    def contract(self, space: SpaceRow) -> IndexContract:
        """Read the contract of a space.

        Raises:
            IndexFileError: It is missing, damaged, or not the one that the catalogue knows.
        """
        directory = self.space_dir(space.name)
        if self.in_postgres and not (directory / "contract.json").is_file():
            self.fetch()
        contract = read_contract(directory)
        if contract.digest() != space.contract_sha256:
            raise IndexFileError(
                f"{directory / 'contract.json'} is not the one that the catalogue knows: it was"
                " changed or damaged. Put it back from a copy, or build anew in another"
                " --collection"
            )
        return contract

    def space_names(self) -> list[str]:
        """List the spaces by name, the most recently published first.

        Raises:
            CatalogueError: There is none.
        """
        names = [space.name for space in self.catalogue.spaces.all()]
        if not names:
            raise CatalogueError(
                f"The collection {self.root} has no space; build one with `mindseye index build`"
            )
        return names

    def weights_path(self, name: str) -> Path:
        """Return where a space keeps its own copy of its weights."""
        path = self.space_dir(name) / "weights.safetensors"
        if self.in_postgres and not path.is_file():
            self.fetch()  # of a space that another machine has made
        return path

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the collection's lock: many may read at once, only one may write.

        The lock ends with the process, however that ends. In PostgreSQL any number may write: each
        change is a transaction, and they come one after the other (gallery/catalogue/changing.py).

        Raises:
            CatalogueError: Another process is writing; the message says which, and since when. Or
                the folder cannot be written.
        """
        if self.in_postgres:
            yield
            return
        try:
            file = (self.root / LOCK).open("a+", encoding="utf-8")
        except OSError as error:
            if error.errno not in READ_ONLY:
                raise
            raise _ReadOnlyError(
                f"The collection {self.root} cannot be changed: {error.strerror}. Copy its folder"
                " to where it can be written, and change that one"
            ) from error
        with file:
            self._lock(file)
            owner = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            file.truncate(0)
            file.write(spell(owner))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Keep others from writing; on read-only media as far as that can be done.

        Raises:
            CatalogueError: Another process is writing.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(self.writing())
            except _ReadOnlyError:
                with contextlib.suppress(OSError):  # there may be none, or none that can be locked
                    self._lock(held.enter_context((self.root / LOCK).open(encoding="utf-8")))
            yield

    def _lock(self, file: TextIO) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BeingWrittenError(_locked(self.root, str(self.root / LOCK))) from error


def _open_catalogue(
    root: Path, url: URL | None = None, engine: EngineAddress | None = None
) -> Catalogue:
    """Open the catalogue of a folder, one process at a time: the first one makes its tables."""
    folder = os.open(root, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        is_new = not address.has_catalogue(root)
        if url is None:
            opened = Catalogue.open(address.address(root))
        else:
            address.require_same(root, url)
            opened = _open_elsewhere(root, url, shared=engine is not None)
        if engine is not None and is_new:
            engine_address.write(root, engine)
            if url is not None:
                address.write_address(root, url)
        return opened
    finally:
        os.close(folder)


def _open_elsewhere(root: Path, url: URL, *, shared: bool) -> Catalogue:
    """Open a catalogue in another database; a new collection takes only one that is empty.

    Or, of a collection that lives there as a whole, one whose vectors are there, too.
    """
    opened = Catalogue.open(url)
    if address.has_catalogue(root):
        return opened
    holds = bool(opened.spaces.all() or opened.images.count())
    if shared and (not holds or _has_vectors(opened)):
        return opened
    if holds or _has_vectors(opened):
        opened.close()
        raise CatalogueError(
            f"{address.spell(url)} holds the catalogue of another collection; every collection"
            " needs a database of its own"
        )
    address.write_address(root, url)
    return opened


def _has_vectors(opened: Catalogue) -> bool:
    """Say whether a database keeps the vectors of a collection beside its catalogue."""
    from index.postgres.schema import has_vectors  # noqa: PLC0415  of an extra

    with opened.reading() as session:
        return has_vectors(session.connection())


def _locked(root: Path, path: str) -> str:
    try:
        owner = read(Path(path), CatalogueError, "It says who writes")
        since = datetime.fromisoformat(owner["since"])
        seconds = (datetime.now(UTC) - since).total_seconds()
        since_when = f"{owner['since']} ({spell_age(seconds)})"
        who = f"process {owner['pid']} on {owner['host']}, since {since_when}"
    except (CatalogueError, ValueError, KeyError, TypeError):
        who = "another process"
    return f"The collection {root} is being written to by {who}; wait for it, or stop it"


def spell_age(seconds: float) -> str:
    """Say for how long: 12 s, 5 min, 3 h, 2 days."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
