"""Long work: one job at a time, each told of, each stopped in good order.

A job is done by a thread of its own with a gallery of its own; searches go on meanwhile.
"""

import logging
import queue
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import mindseye
from gallery.errors import UserError
from service.problems import ProblemError, without_paths

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
FINAL: tuple[JobState, ...] = ("done", "failed", "cancelled")
MOST_WAITING = 64
MOST_KEPT = 200
MOST_NOTES = 50
logger = logging.getLogger(__name__)


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JobCancelledError(Exception):
    """Raised within a job that is to stop."""


@dataclass(slots=True, eq=False)
class Job:
    """One piece of long work.

    Attributes:
        kind: "add" or "demo".
        collection: Name of the collection.
        run: Does it; told of the job, which it calls as a progress callback.
        id: Names it; cannot be guessed.
        state: How far it is.
        phase, done, total: Of what is being done.
        notes: What the user should know.
        result: What came of it.
        problem: Why it failed.
        for_good: Whether the next start shall not go on with it.
    """

    kind: str
    collection: str
    run: Callable[["Job"], dict[str, Any]] = field(repr=False)
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: JobState = "waiting"
    phase: str = ""
    done: int = 0
    total: int = 0
    notes: list[str] = field(default_factory=list)
    result: dict[str, Any] | None = None
    problem: str | None = None
    created_at: str = field(default_factory=now)
    finished_at: str | None = None
    for_good: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)

    def __call__(self, step: mindseye.Progress) -> None:
        """Note how far it is.

        Raises:
            JobCancelledError: Somebody has cancelled it.
        """
        self.phase, self.done, self.total = step.phase, step.done, step.total
        if step.note is not None and len(self.notes) < MOST_NOTES:
            self.notes.append(without_paths(step.note))
        self.check()

    def check(self) -> None:
        """Stop here if it was cancelled.

        Raises:
            JobCancelledError: It was.
        """
        if self._cancelled.is_set():
            raise JobCancelledError

    def cancel(self, *, for_good: bool = True) -> None:
        """Ask it to stop; it finishes the batch in hand.

        Args:
            for_good: Whether the next start shall not go on with it.
        """
        self.for_good = self.for_good or for_good
        self._cancelled.set()

    def wait(self, seconds: float) -> None:
        """Wait, unless it is cancelled meanwhile.

        Raises:
            JobCancelledError: It was.
        """
        self._cancelled.wait(seconds)
        self.check()

    def end(self, state: JobState, problem: str | None = None) -> None:
        """Note how it ended."""
        self.problem, self.finished_at = problem, now()
        self.state = state

    def to_json(self) -> dict[str, Any]:
        """Return what is told of it."""
        names = ("id", "kind", "collection", "state", "phase", "done", "total")
        told = {name: getattr(self, name) for name in names}
        ends = ("result", "problem", "created_at", "finished_at")
        return {**told, "notes": list(self.notes), **{name: getattr(self, name) for name in ends}}


class Jobs:
    """The jobs of a service, done one after the other."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: queue.Queue[Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel what is not finished; the batch in hand is."""
        for job in self.all():
            job.cancel(for_good=False)
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def add(self, job: Job) -> Job:
        """Queue a job.

        Raises:
            ProblemError: Too many wait.
        """
        with self._lock:
            waiting = sum(one.state == "waiting" for one in self._jobs.values())
            if waiting >= MOST_WAITING:
                told = f"{waiting} jobs wait already; ask again when one is done"
                raise ProblemError(429, "queue_full", told, {"Retry-After": "10"})
            self._jobs[job.id] = job
            finished = [one.id for one in self._jobs.values() if one.state in FINAL]
            for old in finished[: max(0, len(self._jobs) - MOST_KEPT)]:
                del self._jobs[old]
        self._queue.put(job)
        return job

    def all(self) -> list[Job]:
        """List them, the newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            ProblemError: There is none of that id.
        """
        with self._lock:
            if job_id not in self._jobs:
                raise ProblemError(404, "not_found", "There is no such job, or no longer")
            return self._jobs[job_id]

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            _do(job)


def _do(job: Job) -> None:
    """Do a job; whatever happens, it ends."""
    try:
        job.check()
        job.state = "running"
        job.result = job.run(job)
        job.end("done")
    except JobCancelledError:
        job.end("cancelled")
    except UserError as error:
        job.end("failed", without_paths(str(error)))
    except Exception:
        logger.exception("job %s failed", job.id)
        job.end(
            "failed", "Something failed here; the log of the service says what, by the job's id"
        )
