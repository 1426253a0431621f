"""A pool of workers that embed blocks, whichever machine they are on; lost ones are replaced.

A block whose worker is lost goes to another one. Are three lost with it, the block's images are
embedded one by one, and the image with which two more are lost is left out, with the reason: so
one poisoned file ends neither a build nor the images beside it. Where workers are lost and nothing
is embedded in between, the build ends: then no image is to blame.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Protocol, Self

from gallery.errors import UserError
from retrieval.collection.workers.block import Block, EmbeddedBlock, joined, refusing
from retrieval.collection.workers.here import Embedding
from retrieval.collection.workers.shipping import Shipping

BLOCK_TRIES, TRIES = 3, 2  # workers that a block, and then an image of it, may cost
PATIENCE_S = 900.0  # that a block may take while nothing is known of blocks
SLACK = 20.0  # times the longest block so far, that another one may take


class WorkerLostError(Exception):
    """A worker ended, or is beyond reach; the message says how, as the end of a sentence."""


class NoWorkerError(UserError):
    """No worker can be started; the message says why."""


class Worker(Protocol):
    """Embeds one block after the other."""

    @property
    def sees_images(self) -> bool:
        """Whether it can read the files of the build; else their bytes are sent."""

    def embed(self, block: Block, limit_s: float) -> EmbeddedBlock:
        """Embed a block.

        Raises:
            WorkerLostError: The worker has ended, or the block took longer than the limit.
        """

    def stop(self) -> None:
        """End it, now."""


class WorkerPool:
    """Embeds so many blocks at a time as it has workers. Used as a context.

    A thread for each worker waits for it. Workers are started when there is something to do, and
    again where one was lost.
    """

    def __init__(self, count: int, start: Callable[[], Worker], shipping: Shipping) -> None:
        """Make a pool.

        Args:
            count: How many workers, at least 1.
            start: Starts a worker; it raises NoWorkerError where there is no room for one.
            shipping: Reads the files of the build for workers that do not see them.
        """
        self.count = count
        self._start = start
        self._shipping = shipping
        self._threads = ThreadPoolExecutor(count)
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._lost_in_a_row = 0
        self._longest_s = 0.0
        self._closed = False
        self._why = "The build was ended"
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            alive = list(self._alive)
            self._changed.notify_all()
        for worker in alive:
            worker.stop()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._alive:  # that were being started
            worker.stop()

    def submit(self, block: Block) -> Embedding:
        """Have a block embedded by the next worker that has nothing to do."""
        return self._threads.submit(self._embed, self._shipping.light(block))

    def due(self, given: Sequence[Embedding | None], *, wait: bool) -> int | None:
        """Return the first block that is embedded; wait for one where all hands are full."""
        for place, embedding in enumerate(given):
            if embedding is None or embedding.done():
                return place
        if not given or not (wait or len(given) >= 2 * self.count):
            return None
        done = _first_done([one for one in given if one is not None])
        return given.index(done)

    def drop(self, embedding: Embedding) -> bool:
        """Give up a block that no worker has begun with; say whether it was one."""
        return embedding.cancel()

    def notes(self) -> list[str]:
        """Return what the user should know, and was not told."""
        told, self._notes = self._notes, []
        return told

    def _embed(self, block: Block) -> EmbeddedBlock:
        try:
            return self._try(block, BLOCK_TRIES)
        except WorkerLostError:
            return joined([self._alone(block[i : i + 1]) for i in range(len(block))])

    def _alone(self, block: Block) -> EmbeddedBlock:
        """Embed a single image, or leave it out."""
        try:
            return self._try(block, TRIES)
        except WorkerLostError as lost:
            return refusing(block, f"left out, as {TRIES} workers were lost with it: {lost}")

    def _try(self, block: Block, tries: int) -> EmbeddedBlock:
        for attempt in range(tries):
            worker = self._take()
            began = time.monotonic()
            try:
                ready = block if worker.sees_images else self._shipping.loaded(block)
                made = worker.embed(ready, max(PATIENCE_S, SLACK * self._longest_s))
            except WorkerLostError as lost:
                self._lose(worker, lost)
                if attempt == tries - 1:
                    raise
            except BaseException:
                self._give_back(worker)
                raise
            else:
                self._longest_s = max(self._longest_s, time.monotonic() - began)
                self._give_back(worker)
                return made
        raise AssertionError  # the last attempt returns or raises

    def _take(self) -> Worker:
        """Return a worker with nothing to do; start one, or wait where none can be started."""
        while True:
            with self._changed:
                self._require_open()
                if self._idle:
                    return self._idle.pop()
            try:
                worker = self._start()
            except NoWorkerError as why:
                self._wait_for_others(why)
            except WorkerLostError as lost:
                self._count(lost)
            else:
                with self._changed:
                    self._alive.add(worker)
                    if not worker.sees_images:
                        self._note(self._shipping.note)
                    self._require_open()
                return worker

    def _wait_for_others(self, why: NoWorkerError) -> None:
        """Go on with those there are; raise if there is none."""
        with self._changed:
            if not self._alive:
                raise why
            self._note(f"{why}. {len(self._alive)} of {self.count} workers go on")
            while not self._idle and self._alive and not self._closed:
                self._changed.wait()

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    def _give_back(self, worker: Worker) -> None:
        with self._changed:
            self._lost_in_a_row = 0
            self._idle.append(worker)
            self._changed.notify()

    def _lose(self, worker: Worker, lost: WorkerLostError) -> None:
        worker.stop()
        with self._changed:
            self._require_open()
            self._alive.discard(worker)
            self._changed.notify_all()
        self._count(lost)

    def _count(self, lost: WorkerLostError) -> None:
        """Give up where workers are lost and nothing is embedded in between."""
        with self._changed:
            self._lost_in_a_row += 1
            if self._lost_in_a_row > 4 * (self.count + 1):
                self._closed = True
                self._why = (
                    f"{self._lost_in_a_row} workers were lost one after the other, and nothing was"
                    f" embedded in between; the last one: {lost}. What was finished is kept. See"
                    " whether memory is short, and build again with fewer --workers"
                )
                raise UserError(self._why) from lost

    def _require_open(self) -> None:
        if self._closed:
            raise UserError(self._why)


def _first_done(given: Sequence[Future[EmbeddedBlock]]) -> Future[EmbeddedBlock]:
    with suppress(KeyError):
        return wait(given, return_when=FIRST_COMPLETED).done.pop()
    raise AssertionError  # nothing was given
