"""A pool of workers that embed blocks, whichever machine they are on; lost ones are replaced.

A block whose worker is lost goes to another one. Are three lost with it, the block's images are
embedded one by one, and the image with which two more are lost is left out, with the reason: so
one poisoned file ends neither a build nor the images beside it. Where workers are lost and nothing
is embedded in between, the build ends: then no image is to blame.

No block waits for a worker that is being started while another one has nothing to do: after a
machine is lost, its block is drawn by those that are left, whether its place is taken or not.
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
AGAIN_S = 300.0  # after which a worker is started again where there was no room for one


class WorkerLostError(Exception):
    """A worker ended, or is beyond reach; the message says how, as the end of a sentence."""


class NoWorkerError(UserError):
    """No worker can be started; the message says why."""


class Worker(Protocol):
    """Embeds one block after the other."""

    @property
    def sees_images(self) -> bool:
        """Whether it can read the files of the build; else their bytes are sent."""

    def open(self) -> None:
        """Wait until it is ready; only then `sees_images` is known.

        Raises:
            NoWorkerError: There is no room for it.
            UserError: It cannot open the weights, or what it needs.
            WorkerLostError: It has ended, or was stopped.
        """

    def embed(self, block: Block, limit_s: float) -> EmbeddedBlock:
        """Embed a block.

        Raises:
            WorkerLostError: The worker has ended, or the block took longer than the limit.
        """

    def stop(self) -> None:
        """End it, now, whatever it does; who waits for it is told that it is lost."""


class WorkerPool:
    """Embeds so many blocks at a time as it has workers. Used as a context.

    A thread for each block in hand waits for a worker, and then for what it makes. Workers are
    started, each in a thread of its own, when there is something to do, and again where one was
    lost.
    """

    def __init__(self, count: int, start: Callable[[], Worker], shipping: Shipping) -> None:
        """Make a pool.

        Args:
            count: How many workers, at least 1.
            start: Begins to start a worker, at once; `Worker.open` waits for it.
            shipping: Reads the files of the build for workers that do not see them.
        """
        self.count = count
        self._start = start
        self._shipping = shipping
        self._threads = ThreadPoolExecutor(count)
        self._starters = ThreadPoolExecutor(count)
        self._changed = threading.Condition()
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._opening: set[Worker] = set()
        self._starting = self._waiting = 0
        self._room, self._room_again = count, 0.0  # how many are tried, and from when on all are
        self._lost_in_a_row = 0
        self._longest_s = 0.0
        self._failure: BaseException | None = None  # why nothing is embedded any more
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fail(UserError("The build was ended"))
        with self._changed:
            every = [*self._alive, *self._opening]
        for worker in every:
            worker.stop()
        self._threads.shutdown(cancel_futures=True)
        self._starters.shutdown(cancel_futures=True)
        for worker in self._alive:  # that were ready only now
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
        """Return a worker with nothing to do, as soon as there is one; have one started if need be.

        Raises:
            BaseException: Why nothing is embedded any more.
        """
        with self._changed:
            self._waiting += 1
            try:
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if self._idle:
                        return self._idle.pop()
                    self._start_another()
                    self._changed.wait()
            finally:
                self._waiting -= 1

    def _start_another(self) -> None:
        """Have a worker started, if somebody waits for one and there may be more."""
        if time.monotonic() >= self._room_again:
            self._room = self.count
        if self._starting < self._waiting and self._starting + len(self._alive) < self._room:
            self._starting += 1
            self._starters.submit(self._bring_up)

    def _bring_up(self) -> None:
        """Start a worker, and wait until it is ready."""
        try:
            worker = self._opened()
        except NoWorkerError as why:
            self._go_on_without(why)
        except WorkerLostError as lost:
            self._count(lost)
        except BaseException as error:  # noqa: BLE001  raised by who waits for a worker
            self._fail(error)
        else:
            with self._changed:
                self._alive.add(worker)
                self._idle.append(worker)
                if not worker.sees_images:
                    self._note(self._shipping.note)
        finally:
            with self._changed:
                self._starting -= 1
                self._changed.notify_all()

    def _opened(self) -> Worker:
        worker = self._start()
        with self._changed:
            self._opening.add(worker)
            is_over = self._failure is not None
        try:
            if is_over:
                raise WorkerLostError("the build was ended")
            worker.open()
        except BaseException:
            worker.stop()
            raise
        finally:
            with self._changed:
                self._opening.discard(worker)
        return worker

    def _go_on_without(self, why: NoWorkerError) -> None:
        """Go on with those there are; end where there are none, and none is being started."""
        with self._changed:
            others = len(self._alive) + self._starting - 1
            if not others:
                self._fail(
                    NoWorkerError(
                        f"{why}. What was finished is kept: see that there is room for a worker,"
                        " and build again"
                    )
                )
                return
            self._room, self._room_again = others, time.monotonic() + AGAIN_S
            self._note(f"{why}. {others} of {self.count} workers go on")

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
            self._alive.discard(worker)
            self._changed.notify_all()
        self._count(lost)

    def _count(self, lost: WorkerLostError) -> None:
        """End where workers are lost and nothing is embedded in between."""
        with self._changed:
            self._lost_in_a_row += 1
            if self._lost_in_a_row > 4 * (self.count + 1):
                self._fail(
                    UserError(
                        f"{self._lost_in_a_row} workers were lost one after the other, and nothing"
                        f" was embedded in between; the last one: {lost}. What was finished is"
                        " kept. See whether memory is short, and build again with fewer --workers"
                    )
                )

    def _fail(self, why: BaseException) -> None:
        """Embed nothing any more; the first reason counts."""
        with self._changed:
            if self._failure is None:
                self._failure = why
            self._changed.notify_all()


def _first_done(given: Sequence[Future[EmbeddedBlock]]) -> Future[EmbeddedBlock]:
    with suppress(KeyError):
        return wait(given, return_when=FIRST_COMPLETED).done.pop()
    raise AssertionError  # nothing was given
