"""In which precision a machine computes fast: measured, not read off its flags.

A processor may know bfloat16 and be told not to use it, or know it and be slow at it: what counts
is what a few convolutions, like those of the networks, take in either.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from generator.training.config import Precision

WORTH = 1.1  # times as fast bfloat16 must be: it rounds
CLEAR = 1.5  # times as fast one is, that needs no more rounds
LEAST_ROUNDS, MOST_ROUNDS = 2, 9
BUDGET_S = 1.0
LAYERS, FEATURES = 3, 64
SHAPES = {"cpu": (4, 30), "cuda": (256, 60)}  # images and their side


@dataclass(frozen=True, slots=True)
class Speeds:
    """What the same convolutions took in both precisions, milliseconds."""

    float32_ms: float
    bfloat16_ms: float

    @property
    def faster(self) -> Precision:
        """The precision to compute in."""
        return "bfloat16" if self.bfloat16_ms * WORTH <= self.float32_ms else "float32"

    def __str__(self) -> str:
        return f"{self.float32_ms:g} ms in float32, {self.bfloat16_ms:g} ms in bfloat16"

    def to_json(self) -> dict[str, float]:
        """Return the fields, for run and card."""
        return asdict(self)


Measure = Callable[[torch.device, bool], Speeds]


@cache
def measure_speeds(device: torch.device, training: bool) -> Speeds:
    """Measure convolutions in both precisions, once for a process: a second at most.

    On a CPU what counts is the time of one thread, which other programs hardly change.

    Args:
        device: That computes.
        training: With gradients, under autocast, as training does; else as drawing does.
    """
    ways = {name: _work(device, name, training=training) for name in ("float32", "bfloat16")}
    clock = time.thread_time if device.type == "cpu" else time.perf_counter
    threads, began = torch.get_num_threads(), time.perf_counter()
    torch.set_num_threads(1)  # for these moments; threads wait for each other on a busy machine
    try:
        best = {name: _took(way, clock) for name, way in ways.items()}  # warms up
        best = dict.fromkeys(best, float("inf"))
        for done in range(1, MOST_ROUNDS + 1):
            best = {name: min(best[name], _took(way, clock)) for name, way in ways.items()}
            clear = max(best.values()) > CLEAR * min(best.values())
            if (done >= LEAST_ROUNDS and clear) or time.perf_counter() - began > BUDGET_S:
                break
    finally:
        torch.set_num_threads(threads)
    return Speeds(*(round(1e3 * best[name], 2) for name in ("float32", "bfloat16")))


def settle(
    precision: Precision, device: torch.device, measure: Measure = measure_speeds
) -> Precision:
    """Return the precision to train in: what was said, or for "auto" the faster one."""
    return measure(device, True).faster if precision == "auto" else precision  # noqa: FBT003


def _work(device: torch.device, precision: str, *, training: bool) -> Callable[[], None]:
    """Return what is timed: convolutions of some images, with gradients if for training."""
    count, side = SHAPES[device.type]
    half = precision == "bfloat16"
    kept = torch.bfloat16 if half and not training else torch.float32  # of weights and images
    images, *kernels = (
        torch.full(shape, 0.01, device=device)
        .to(kept)
        .contiguous(memory_format=torch.channels_last)
        .requires_grad_(training)
        for shape in [(count, FEATURES, side, side), *[(FEATURES, FEATURES, 3, 3)] * LAYERS]
    )

    def work() -> None:
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=half and training)
        with torch.set_grad_enabled(training), autocast:
            maps: Tensor = images
            for kernel in kernels:
                maps = functional.relu(functional.conv2d(maps, kernel, padding=1))
            if training:
                torch.autograd.grad(maps.float().square().mean(), kernels)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return work


def _took(work: Callable[[], None], clock: Callable[[], float]) -> float:
    """Return the seconds that something takes."""
    began = clock()
    work()
    return clock() - began
