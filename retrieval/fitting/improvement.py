"""Whether weights find more than those that they began with, on people that neither was trained on.

Both answer the same queries about the same images, each by the fullest score that both have. The
difference of hit rates @1 under C2 is paired, query by query, with a 95 % interval by bootstrap
over people (retrieval/evaluation/statistics/bootstrap.py).

Shapes: Q queries.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from gallery.arrays import Doubles
from gallery.errors import DatasetError
from gallery.faces import FaceSet
from gallery.portraits import NARROW
from generator.drawer import Drawer
from retrieval.evaluation.fold.fold_cache import Workbench
from retrieval.evaluation.fold.vector_store import Steps, default_cache, open_store
from retrieval.evaluation.methods.ranker import answer
from retrieval.evaluation.methods.registry import METHODS
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import MethodRecord, QueryTable
from retrieval.evaluation.statistics.estimation import Sample
from retrieval.evaluation.statistics.outcomes import rank_all, score_ranked
from retrieval.fitting.fit import workbench

CRITERION, CUTOFFS = "C2", (1, 5)
SCORES = ("fused", "fused/identity-off", "ours")  # methods, the fullest score first
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Improvement:
    """What two sets of weights find on the same people.

    Attributes:
        score: Name of the method that both answered by.
        before: Hit rate @1 under C2 of the weights that it began with, in [0, 1].
        after: The same of the others.
        low: Lower end of the 95 % interval of the gain; that itself where one person was asked
            about.
        high: Upper end.
        people: How many people were asked about.
        queries: How many queries.
    """

    score: str
    before: float
    after: float
    low: float
    high: float
    people: int
    queries: int

    @property
    def is_better(self) -> bool:
        """Whether the others find more, and chance alone would hardly make it so."""
        return self.people > 1 and self.after > self.before and self.low >= 0

    def to_json(self) -> dict[str, Any]:
        """Return it as `adapted.json` holds it."""
        return asdict(self)

    def __str__(self) -> str:
        rates = f"{100 * self.before:.1f} before, {100 * self.after:.1f} after"
        gain = f"{100 * (self.after - self.before):+.1f}"
        ends = f"[{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        return f"C2 R@1 {rates} ({gain} {ends}; {self.people} people, {self.queries} queries)"


def measure_improvement(
    before: Drawer, after: Drawer, faces: FaceSet, protocol: Protocol
) -> Steps[Improvement]:
    """Ask two sets of weights the same about people that neither was trained on.

    Args:
        before: Of the weights that it began with, under the profile that is to be used.
        after: Of the others, likewise; both draw the same attributes.
        faces: Labelled images of these people.
        protocol: What is asked.

    Raises:
        DatasetError: There is nothing to ask.
        OSError: The scratch folder's disk is full.
    """
    with open_store(default_cache()) as store, store.inner() as own:
        scratch = replace(own, kept=own.scratch)
        works = []
        for engine in (before, after):
            made = yield from workbench(engine, faces, protocol, scratch, NARROW)
            works.append(Workbench(replace(made.bench, portraits_of=faces)))
        for score in SCORES:
            records = []
            for work in works:
                found = yield from answer(METHODS[score], 0, work, protocol)
                records.append(found.record)
            if not any(record.skipped for record in records):
                asked = works[0].bench.asked
                who = works[0].bench.labels.identity[asked.source]
                return _compared(score, Sample(asked.measured[CRITERION], who), asked, records)
    raise DatasetError(f"{faces.spec} cannot be asked about: {records[0].skipped}")


def strict_hits(record: MethodRecord, asked: QueryTable) -> Doubles:
    """Return the hits @1 and @5 of a method under C2, (Q, 2)."""
    return score_ranked(rank_all(record, asked)[CRITERION], asked.measured[CRITERION], CUTOFFS)


def _compared(
    score: str, sample: Sample, asked: QueryTable, records: list[MethodRecord]
) -> Improvement:
    before, after = (strict_hits(record, asked) for record in records)
    gain = sample.differences(after, before)[0]
    low, high = gain.interval or (gain.value, gain.value)
    rates = [sample.figures(one)[0].value for one in (before, after)]
    return Improvement(
        score=score,
        before=round(rates[0], DIGITS),
        after=round(rates[1], DIGITS),
        low=round(low, DIGITS),
        high=round(high, DIGITS),
        people=sample.people,
        queries=len(sample),
    )
