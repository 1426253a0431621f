"""All methods by name, in the order of the tables.

`random`, the floor, is no method: chance is computed from the queries (metrics.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from gallery.errors import ConfigError, did_you_mean
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods import (
    composed,
    cpi,
    fused,
    landmarks,
    ours,
    raw,
    shift,
    two_step,
)
from retrieval.evaluation.methods.base import Method, Prepared
from retrieval.evaluation.records import REFERENCE
from retrieval.evaluation.statistics.outcomes import RANDOM

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *ours.METHODS,
        *fused.METHODS,
        *landmarks.METHODS,
        *two_step.METHODS,
        *cpi.METHODS,
        *shift.METHODS,
        *composed.METHODS,
        *raw.METHODS,
        *ours.ORACLES,
    )
}


def choose_methods(patterns: Sequence[str]) -> tuple[Method, ...]:
    """Return the methods that names or patterns choose, in the order of the tables.

    `ours` is always among them: the others are compared with it. Where it is not named and nothing
    that is named needs drawings, it is skipped, for the gallery would be redrawn for it alone.
    `random` costs nothing and is always reported; naming it is no error.

    Args:
        patterns: Like "two-step/*".

    Raises:
        ConfigError: One of them fits no method.
    """
    for pattern in patterns:
        known = [*METHODS, RANDOM]
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ConfigError(f"There is no method {pattern!r}; {did_you_mean(pattern, known)}")
    chosen = [
        method
        for name, method in METHODS.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    if any(method.name == REFERENCE for method in chosen):
        return tuple(chosen)
    ours = METHODS[REFERENCE]
    if chosen and not any(method.draws for method in chosen):
        ours = replace(ours, prepare=_left_out)
    return (ours, *chosen)


def _left_out(work: Workbench, _: int) -> Steps[Prepared]:
    raise SkippedMethodError(
        f"nothing that was named needs drawings of {work.bench.engine.card.name}; name {REFERENCE}"
        " to compare with it"
    )
    yield  # a generator, as every method's
