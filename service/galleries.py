"""The collections that are served: which there are, and who may talk to which connection.

A gallery is for one thread at a time. Each collection is opened twice: for the worker that draws
and searches, and for everything that looks things up, behind a lock. Jobs open their own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import mindseye
from service.problems import ProblemError
from service.settings import ServiceSettings

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class ServedCollection:
    """A collection that is served.

    Attributes:
        name: In addresses.
        path: Its folder.
        device: Where to draw.
        uploads: Where images that are to stay go; None where none are taken.
        create: Whether it may have yet to be made.
        weights: Which make its first space; None for those that fit.
    """

    name: str
    path: Path
    device: str
    uploads: Path | None = None
    create: bool = False
    weights: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reader: mindseye.Gallery | None = None

    def open(self) -> mindseye.Gallery:
        """Open it anew, for another thread.

        Raises:
            UserError: It cannot be opened.
        """
        return mindseye.open_gallery(self.path, create=self.create, device=self.device)

    @contextmanager
    def reading(self) -> Iterator[mindseye.Gallery]:
        """Give the gallery that looks things up, to one thread at a time."""
        with self._lock:
            if self._reader is None:
                self._reader = self.open()
            yield self._reader

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()

    def ask(self, question: Callable[[mindseye.Gallery], T]) -> T:
        """Ask the gallery that looks things up.

        Raises:
            UserError: What the question raises.
        """
        with self.reading() as gallery:
            return question(gallery)


class ServedCollections:
    """The collections by name, the one that answers by default first."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._by_name: dict[str, ServedCollection] = {}
        create = settings.uploads is not None or settings.demo
        for path in settings.collections:
            is_demo = settings.demo and not self._by_name
            name = self._free("demo" if is_demo else path.resolve().name or "collection")
            folder = None if settings.uploads is None else settings.uploads / name
            self._by_name[name] = ServedCollection(
                name,
                path,
                settings.device,
                folder,
                create and not settings.read_only,
                settings.weights,
            )

    def __iter__(self) -> Iterator[ServedCollection]:
        return iter(self._by_name.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def names(self) -> list[str]:
        """Names, in order."""
        return list(self._by_name)

    def get(self, name: str | None) -> ServedCollection:
        """Return a collection by name; None for the first.

        Raises:
            ProblemError: There is none of that name.
        """
        if name is None:
            return next(iter(self._by_name.values()))
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            raise ProblemError(404, "not_found", f"There is no such collection. Known: {known}")
        return self._by_name[name]

    def close(self) -> None:
        """Close what is open."""
        for one in self:
            one.close()

    def _free(self, name: str) -> str:
        free, number = name, 1
        while free in self._by_name:
            number += 1
            free = f"{name}-{number}"
        return free


def image_to_json(collection: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of an image: everything but where it lies."""
    told = {key: row[key] for key in ("id", "identity", "condition", "estimate", "sha256")}
    name, address = Path(row["path"]).name, thumbnail_of(collection, row["id"])
    return {**told, "name": name, "thumbnail": address}


def thumbnail_of(collection: str, image_id: int) -> str:
    """Return the address of an image's thumbnail."""
    return f"/v1/images/{image_id}/thumbnail?collection={quote(collection, safe='')}"
