"""What is counted and timed, for Prometheus."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class ServiceMetrics:
    """Counters of one service; each has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "mindseye_requests", "Requests", ("route", "status"), registry=self.registry
        )
        self._latency = Histogram(
            "mindseye_request_seconds",
            "Time to the first byte of an answer",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._stages = Histogram(
            "mindseye_stage_seconds",
            "Time of a stage: read, locate, see, draw, embed, search",
            ("stage",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batches = Histogram(
            "mindseye_batch_requests",
            "Requests answered in one pass",
            buckets=SIZES,
            registry=self.registry,
        )
        self._drawn = Counter("mindseye_drawings", "Drawings made", registry=self.registry)
        self._memory = Gauge(
            "mindseye_resident_bytes", "Resident memory of the process", registry=self.registry
        )
        self._queue = Gauge("mindseye_queue", "Requests that wait", registry=self.registry)
        self._memory.set_function(resident_bytes)

    def watch_queue(self, length: Callable[[], int]) -> None:
        """Show the length of the queue."""
        self._queue.set_function(length)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def batch(self, requests: int) -> None:
        """Count a pass of the worker."""
        self._batches.observe(requests)

    def drawn(self, drawings: int) -> None:
        """Count drawings."""
        self._drawn.inc(drawings)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(name).observe(time.perf_counter() - started)

    def text(self) -> bytes:
        """Return all, in Prometheus' text format."""
        return generate_latest(self.registry)


def resident_bytes() -> float:
    """Return the resident memory of this process, bytes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return float(pages * resource.getpagesize())
