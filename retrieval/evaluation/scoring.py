"""What is noted of a block of queries: hits, chances, and errors of the drawings.

Each criterion is measured on the queries that some image answers under it; on the others it would
only measure the gallery.

Shapes: N gallery images, Q queries of the block, K ranks.
"""

import numpy as np
from numpy.typing import NDArray

from gallery.align import Pixels
from generator.engine import Drawn
from retrieval.evaluation import metrics
from retrieval.evaluation.baselines import Ranking
from retrieval.evaluation.protocols import CRITERIA, Labels, Queries
from retrieval.evaluation.results import Results

Right = dict[str, NDArray[np.bool_]]


def right_answers(labels: Labels, block: Queries) -> Right:
    """Say which images answer which queries, by criterion, (Q, N)."""
    asked = zip(
        block.sources.tolist(), block.attributes.tolist(), block.values.tolist(), strict=True
    )
    right = [labels.right(*query) for query in asked]
    return {name: np.stack([one[name] for one in right]) for name in CRITERIA}


def measure_drawings(
    pixels: Pixels, block: Queries, drawn: Drawn, right: Right, results: Results
) -> None:
    """Compare drawings with the first image that is right under C2; also the unedited source.

    Queries without such an image are passed over.
    """
    asked = block.strict
    target = pixels[right["C2"][asked].argmax(axis=1)]
    for stage, images in (
        ("source", pixels[block.sources[asked]]),
        ("stage 1", drawn.first[asked]),
        ("stage 2", drawn.refined[asked]),
    ):
        errors = metrics.mean_squared_error(images, target)
        results.squared_errors.setdefault(stage, []).append(errors)


def count_hits(method: str, ranks: Ranking, right: Right, results: Results) -> None:
    """Note which queries were answered, of those that have a right answer under a criterion."""
    for criterion in CRITERIA:
        asked = right[criterion].any(axis=1)
        found = np.take_along_axis(right[criterion][asked], ranks[asked], axis=1)
        hits = found & (ranks[asked] >= 0)
        for k in results.protocol.cutoffs:
            answered = metrics.hit_rate_at_k(hits, k)
            results.hits.setdefault((method, criterion, k), []).append(answered)


def count_chances(right: Right, gallery: int, results: Results) -> None:
    """Note the chances of the same queries."""
    for criterion in CRITERIA:
        relevant = right[criterion].sum(axis=1)
        relevant = relevant[relevant > 0]
        for k in results.protocol.cutoffs:
            chance = metrics.expected_hit_rate_at_random(relevant, gallery, min(k, gallery))
            results.hits.setdefault(("random", criterion, k), []).append(chance)
