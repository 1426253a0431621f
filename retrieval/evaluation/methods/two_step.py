"""No drawing, two steps: keep the gallery images of the wished value, rank them by the source.

`two-step/*` estimates the values of gallery images with a trained classifier, as the papers did;
`two-step-true/*` takes the labels, which no user has: an upper bound for every estimate.
"""

from functools import partial

from retrieval.evaluation.embedders.registry import EMBEDDERS
from retrieval.evaluation.fold.estimates import estimated_values
from retrieval.evaluation.fold.fold_cache import FEATURES, Workbench
from retrieval.evaluation.fold.vector_store import Steps
from retrieval.evaluation.methods.base import Method, Prepared
from retrieval.evaluation.methods.raw import of_sources


def true_values(embedder: str, work: Workbench, _: int) -> Steps[Prepared]:
    """Filter by labels, rank by the unedited source."""
    vectors = yield from work.vectors(embedder)
    return Prepared(
        gallery=vectors.value,
        probes=of_sources(vectors.value, work),
        values=work.bench.labels.values,
        build_s=vectors.seconds,
    )


def estimated(embedder: str, work: Workbench, seed: int) -> Steps[Prepared]:
    """Filter by the classifier's estimate, rank by the unedited source."""
    values = yield from estimated_values(work, seed)
    vectors = yield from work.vectors(embedder)
    return Prepared(
        gallery=vectors.value,
        probes=of_sources(vectors.value, work),
        values=values.positions,
        build_s=vectors.seconds + values.seconds,
        settings=values.settings,
    )


ORDER = ("pixels", FEATURES, *(name for name in EMBEDDERS if name != "pixels"))
METHODS = (
    *(
        Method(
            name=f"two-step/{embedder}",
            note="estimated wished value, then the unedited source",
            prepare=partial(estimated, embedder),
            trained=True,
            draws=embedder == FEATURES,
        )
        for embedder in ORDER
    ),
    *(
        Method(
            name=f"two-step-true/{embedder}",
            note="true wished value, then the unedited source",
            prepare=partial(true_values, embedder),
            draws=embedder == FEATURES,
        )
        for embedder in ORDER
    ),
)
