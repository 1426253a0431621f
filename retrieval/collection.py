"""A collection on disk: the catalogue, and one folder for each embedding space."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError, WeightsError
from generator.card import NAME

DATABASE = "catalogue.db"


class Collection:
    """An open collection.

    Attributes:
        root: Its folder.
        catalogue: What it holds.
    """

    def __init__(self, root: Path, catalogue: Catalogue) -> None:
        self.root = root
        self.catalogue = catalogue

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open a collection that exists.

        Raises:
            CatalogueError: There is none, or its catalogue cannot be opened.
        """
        if not (root / DATABASE).is_file():
            raise CatalogueError(
                f"There is no collection in {root}; make one with `mindseye index build SPEC"
                f" --weights W --collection {root}`"
            )
        return cls(root, _open_catalogue(root))

    @classmethod
    def open_or_create(cls, root: Path) -> Self:
        """Open a collection, or make an empty one.

        Raises:
            CatalogueError: The folder cannot be made, or its catalogue cannot be opened.
        """
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogueError(f"Cannot make the collection {root}: {error.strerror}") from error
        return cls(root, _open_catalogue(root))

    def close(self) -> None:
        """Give the catalogue back."""
        self.catalogue.close()

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
        return self.space_dir(name) / "weights.safetensors"

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the collection's lock: many may read at once, only one may write.

        The lock ends with the process, however that ends.

        Raises:
            CatalogueError: Another process is writing; the message says which, and since when.
        """
        with (self.root / ".lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CatalogueError(_locked(self.root, file.name)) from error
            owner = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            file.truncate(0)
            file.write(json.dumps(owner))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)


def _open_catalogue(root: Path) -> Catalogue:
    """Open the catalogue in a folder, one process at a time: the first one makes its tables."""
    folder = os.open(root, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        return Catalogue.open(sqlite_url(root / DATABASE))
    finally:
        os.close(folder)


def _locked(root: Path, path: str) -> str:
    try:
        owner = json.loads(Path(path).read_text("utf-8"))
        who = f"process {owner['pid']} on {owner['host']}, since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return f"The collection {root} is being written to by {who}; wait for it, or stop it"
