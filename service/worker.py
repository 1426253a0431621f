"""The worker: one thread that owns what draws, and draws for many requests in one pass.

A request waits in a bounded queue. The worker takes what is there; if requests are still being read
it waits a little for them. What was given up or has waited too long is not drawn. Drawings are kept
by content, crop, space and wish.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import mindseye
from gallery.errors import UserError
from service.galleries import ServedCollection
from service.metrics import ServiceMetrics
from service.problems import ProblemError
from service.settings import ServiceLimits

logger = logging.getLogger(__name__)
Source = Any  # what `Gallery.see` takes
Finish = Callable[[mindseye.Gallery, "SeenSource", Sequence["KeptDrawing"]], Any]


@dataclass(slots=True, eq=False)
class KeptDrawing:
    """A drawing that is kept, and its picture once somebody asked for it.

    Attributes:
        drawing: What is searched with.
        cached: Whether it was there before.
        uri: Its picture as a data URI; empty until it was made.
    """

    drawing: mindseye.WishDrawing
    cached: bool = False
    uri: str = ""


@dataclass(slots=True, eq=False)
class SeenSource:
    """A source that a space has seen, with the drawings of it that are kept."""

    face: mindseye.SourceFace
    drawings: dict[tuple[str, ...], KeptDrawing] = field(default_factory=dict)
    redrawn: mindseye.CanonicalView | None = None
    uri: str = ""


def _nothing(face: mindseye.SourceFace) -> Sequence[tuple[str, ...]]:  # noqa: ARG001
    """Wish for nothing."""
    return ()


def _source_alone(
    gallery: mindseye.Gallery,  # noqa: ARG001  a part of the form
    seen: SeenSource,
    drawings: Sequence[KeptDrawing],  # noqa: ARG001
) -> SeenSource:
    """Do nothing more with a source than to see it."""
    return seen


@dataclass(slots=True, eq=False, kw_only=True)
class DrawTask:
    """A request that needs drawings.

    Attributes:
        collection: Where it asks.
        source: Whose face; None if it must be among those that are kept.
        content: What tells the source from others.
        wish: Wishes that choose the space.
        attribute: One that the space must have, whatever its values.
        wishes: Says which wishes are to be drawn of a face.
        crop: Where the face is.
        space: Which space; None for the most recent one that can.
        finish: What is done with the drawings, by the worker.
        searches: Whether the drawings are searched with.
        deadline: When it is too late, of `time.monotonic`.
        future: Gets the result.
    """

    collection: ServedCollection
    source: Source
    content: tuple[Hashable, ...]
    wish: tuple[str, ...] = ()
    attribute: str | None = None
    wishes: Callable[[mindseye.SourceFace], Sequence[tuple[str, ...]]] = field(default=_nothing)
    crop: str | None = None
    space: str | None = None
    finish: Finish = field(default=_source_alone)
    searches: bool = False
    deadline: float
    future: "Future[Any]" = field(default_factory=Future)


class DrawingWorker:
    """Draws what requests ask for, many at once; see the module."""

    def __init__(self, limits: ServiceLimits, metrics: ServiceMetrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._queue: queue.Queue[DrawTask | None] = queue.Queue(limits.queue)
        self._kept: OrderedDict[tuple[Hashable, ...], SeenSource] = OrderedDict()
        self._routes: dict[tuple[Hashable, ...], str] = {}
        self._galleries: dict[str, mindseye.Gallery] = {}
        self._coming = 0
        self._coming_lock = threading.Lock()
        self._stopping = False
        self._opened = threading.Event()
        self._early: ServedCollection | None = None
        self._thread = threading.Thread(target=self._run, name="drawing", daemon=True)

    def start(self, early: ServedCollection | None = None) -> None:
        """Begin to work.

        Args:
            early: What draws in this collection is opened before anybody asks.
        """
        self._early = early
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in the queue, take nothing more, and close the galleries."""
        self._stopping = True
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive() and not self._stopping

    @property
    def is_opening(self) -> bool:
        """Whether it still opens what was to be opened before anybody asks."""
        return self.is_alive and not self._opened.is_set()

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._queue.qsize()

    @contextmanager
    def announced(self) -> Iterator[None]:
        """Say that a request is being read: a pass may wait for it."""
        with self._coming_lock:
            self._coming += 1
        try:
            yield
        finally:
            with self._coming_lock:
                self._coming -= 1

    def submit(self, task: DrawTask) -> "Future[Any]":
        """Put a request into the queue.

        Raises:
            ProblemError: It is full, or the service is stopping.
        """
        if self._stopping:
            raise ProblemError(503, "unavailable", "The service is stopping; ask again later")
        try:
            self._queue.put_nowait(task)
        except queue.Full:
            told = f"{self._limits.queue} requests wait already; ask again in a second"
            raise ProblemError(429, "queue_full", told, {"Retry-After": "1"}) from None
        return task.future

    def _run(self) -> None:
        try:
            self._open_early()
            while (task := self._queue.get()) is not None:
                tasks, last = self._gather(task)
                self._work([one for one in tasks if self._is_wanted(one)])
                if last:
                    break
        finally:
            for gallery in self._galleries.values():
                gallery.close()

    def _open_early(self) -> None:
        """Open the newest space of a collection, and draw once; what goes wrong is told later.

        The first drawing costs most: libraries are loaded, weights read, networks compiled.
        """
        try:
            if self._early is not None:
                draw_once(self._gallery(self._early))
        except UserError as error:
            logger.info("nothing was opened early: %s", error)
        except Exception:
            logger.exception("nothing was opened early")
        finally:
            self._opened.set()

    def _gather(self, first: DrawTask) -> tuple[list[DrawTask], bool]:
        """Take what is there, and wait a little for what is coming; say whether it is the last."""
        tasks = [first]
        until = time.monotonic() + self._limits.wait_ms / 1000
        while len(tasks) < self._limits.together:
            try:
                wait = max(0.0, until - time.monotonic()) if self._coming else 0.0
                task = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            except queue.Empty:
                break
            if task is None:
                return tasks, True
            tasks.append(task)
        return tasks, False

    @staticmethod
    def _is_wanted(task: DrawTask) -> bool:
        """Say whether somebody still waits; tell who has waited too long."""
        if not task.future.set_running_or_notify_cancel():
            return False
        if time.monotonic() > task.deadline:
            told = "The answer would have come too late; ask again when fewer do"
            task.future.set_exception(ProblemError(504, "too_late", told))
            return False
        return True

    def _work(self, tasks: Sequence[DrawTask]) -> None:
        """See all sources, draw all wishes in one pass, finish each request."""
        seen: list[tuple[DrawTask, SeenSource, list[tuple[str, ...]]]] = []
        for task in tasks:
            with failing(task):
                source = self._see(task)
                seen.append((task, source, list(task.wishes(source.face))))
        self._metrics.batch(len(seen))
        self._draw(seen)
        self._embed(seen)
        for task, source, wishes in seen:
            if not task.future.done():
                with failing(task):
                    drawings = [source.drawings[wish] for wish in wishes]
                    found = task.finish(self._gallery(task.collection), source, drawings)
                    task.future.set_result(found)
                    for one in drawings:
                        one.cached = True
        self._forget()

    def _see(self, task: DrawTask) -> SeenSource:
        """Return the source as the space sees it that answers; what is kept is looked for first."""
        gallery = self._gallery(task.collection)
        asked = (task.collection.name, task.content, task.crop)
        route = (*asked, task.space, task.attribute, task.wish, tuple(gallery.spaces))
        kept = self._kept.get((*asked, self._routes.get(route)))
        if kept is None or not gallery.is_current(kept.face):
            with self._metrics.stage("see"):
                face = gallery.see(
                    task.source,
                    task.wish,
                    crop=task.crop,
                    space=task.space,
                    attribute=task.attribute,
                )
            self._routes[route] = face.space
            kept = self._kept.get((*asked, face.space))
            if kept is None or kept.face.searcher is not face.searcher:
                kept = self._kept[(*asked, face.space)] = SeenSource(face)
        self._kept.move_to_end((*asked, kept.face.space))
        return kept

    def _forget(self) -> None:
        """Let go of what was asked for longest ago, until no more is kept than may be."""
        most = self._limits.drawings
        count = sum(1 + len(one.drawings) for one in self._kept.values())
        while count > most and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            count -= 1 + len(gone.drawings)
        while len(self._routes) > most:
            del self._routes[next(iter(self._routes))]

    def _draw(self, seen: Sequence[tuple[DrawTask, SeenSource, list[tuple[str, ...]]]]) -> None:
        """Draw what is not kept, of all requests of a collection in one pass."""
        for name in {task.collection.name for task, _, _ in seen}:
            missing = {
                (id(source), wish): (source, wish, task)
                for task, source, wishes in seen
                if task.collection.name == name
                for wish in wishes
                if wish not in source.drawings
            }
            if missing:
                self._draw_all(self._galleries[name], list(missing.values()))

    def _embed(self, seen: Sequence[tuple[DrawTask, SeenSource, list[tuple[str, ...]]]]) -> None:
        """Make what is searched with in one pass; where that fails, each request fails alone."""
        for name in {task.collection.name for task, _, _ in seen}:
            drawings = [
                source.drawings[wish].drawing
                for task, source, wishes in seen
                if task.searches and task.collection.name == name
                for wish in wishes
                if wish in source.drawings
            ]
            if len(drawings) > 1:
                with suppress(Exception), self._metrics.stage("embed"):
                    self._galleries[name].embed(drawings)

    def _draw_all(
        self, gallery: mindseye.Gallery, missing: list[tuple[SeenSource, tuple[str, ...], DrawTask]]
    ) -> None:
        """Draw; where one wish spoils the pass, draw request by request."""
        try:
            with self._metrics.stage("draw"):
                drawn = gallery.draw([(source.face, wish) for source, wish, _ in missing])
        except Exception:
            if len(missing) > 1:
                for one in missing:
                    self._draw_all(gallery, [one])
                return
            with failing(missing[0][2]):
                raise
            return
        self._metrics.drawn(len(drawn))
        for (source, wish, _), made in zip(missing, drawn, strict=True):
            source.drawings[wish] = KeptDrawing(made)

    def _gallery(self, collection: ServedCollection) -> mindseye.Gallery:
        if collection.name not in self._galleries:
            self._galleries[collection.name] = collection.open()
        return self._galleries[collection.name]


def draw_once(gallery: mindseye.Gallery) -> None:
    """Draw a wish of the newest space, of its first image; nothing where there is none.

    Raises:
        UserError: The image or the weights cannot be used.
    """
    for row in gallery.images(limit=1) if gallery.spaces else ():
        face = gallery.see(row["id"])
        attribute, values = next(iter(face.attributes.items()))
        gallery.draw([(face, f"{attribute}={values[0]}")])


@contextmanager
def failing(task: DrawTask) -> Iterator[None]:
    """Tell who asked what went wrong; the worker goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  it is told to who asked
        with suppress(InvalidStateError):
            task.future.set_exception(error)
