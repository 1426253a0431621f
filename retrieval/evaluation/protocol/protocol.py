"""The protocol of the papers, as settings.

Source: arXiv 1511.08446, section 4.1.2; BMVC 2016, section 4.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gallery.attributes import Condition
from gallery.errors import ConfigError, did_you_mean
from retrieval.evaluation.records import CRITERIA

QUICK = ("ours*", "two-step-true/pixels", "two-step-true/features", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How a benchmark is run; docs/benchmark.md describes the files it is read from.

    Attributes:
        name: What tables call it.
        train_identities: Who may have been trained on: the first N people, or a share; everybody
            else is tested on, and weights that have seen one of them are refused. Empty: whoever
            stands on the weights' card.
        gallery: Values that images of the gallery may have, by attribute; "" is an unknown one.
            Attributes that are not named restrict nothing.
        sources: Values of the images that queries are asked about, by attribute. Such images are
            in no gallery, and no such value is wished for. Empty: every gallery image may be asked
            about.
        names: What the weights call the collection's values, by attribute: own value -> name; the
            images with a value that is not listed are left out. For weights that were trained on
            another collection. Attributes that are not named keep theirs.
        attributes: What is wished for; empty: everything that the weights draw.
        wishes: How many of these attributes each query wishes for at once.
        queries: How many are drawn, without replacement; all, if there are fewer.
        seed: Seed of that choice.
        criteria: Which are reported.
        cutoffs: Ranks K at which the hit rate is taken, rising.
        exclude_source: Whether the source image is taken out of its own ranking.
        portraits: Whether face recognisers are shown portraits in colour, as in a search, instead
            of the pixels that the generator draws from.
        subsets: Parts of the queries that are reported by themselves: values of the source, by
            attribute, by name.
        methods: Names or patterns of what is compared, if the command says nothing; by default
            what needs no training and no package of others.
    """

    name: str = "default"
    train_identities: str = ""
    gallery: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    wishes: int = 1
    queries: int = 10_000
    seed: int = 0
    criteria: tuple[str, ...] = CRITERIA
    cutoffs: tuple[int, ...] = (1, 5, 10, 20)
    exclude_source: bool = False
    portraits: bool = False
    subsets: Mapping[str, Condition] = field(default_factory=dict)
    methods: tuple[str, ...] = QUICK

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise ConfigError(f"The number of queries must be at least 1, got {self.queries}")
        self._check_wishes()
        if self.seed < 0:
            raise ConfigError(f"The seed must not be negative, got {self.seed}")
        rising = list(self.cutoffs) == sorted(set(self.cutoffs)) and bool(self.cutoffs)
        if not rising or min(self.cutoffs) < 1:
            raise ConfigError(f"Cut-offs must rise from at least 1, got {list(self.cutoffs)}")
        for criterion in self.criteria:
            if criterion not in CRITERIA:
                raise ConfigError(
                    f"There is no criterion {criterion!r}; {did_you_mean(criterion, CRITERIA)}"
                )
        if not self.criteria or not self.methods:
            raise ConfigError("A protocol needs at least one criterion and one method")

    def _check_wishes(self) -> None:
        if self.wishes < 1:
            raise ConfigError(f"A query wishes for at least 1 attribute, got wishes={self.wishes}")
        if self.attributes and self.wishes > len(set(self.attributes)):
            raise ConfigError(
                f"A query cannot wish for {self.wishes} attributes at once where only"
                f" {', '.join(self.attributes)} can be wished for"
            )

    def to_json(self) -> dict[str, Any]:
        """Return all settings as JSON values; what is hashed and written into results.

        `wishes` is among them where it is not 1, `portraits` where it is true, and `sources` where
        some are named, so that protocols keep their hashes.
        """
        several = {"wishes": self.wishes} if self.wishes > 1 else {}
        shown = {"portraits": True} if self.portraits else {}
        asked = {name: list(values) for name, values in self.sources.items()}
        return {
            "name": self.name,
            "split": {"train_identities": self.train_identities},
            "gallery": {name: list(values) for name, values in self.gallery.items()},
            **({"sources": asked} if asked else {}),
            "names": {name: dict(values) for name, values in self.names.items()},
            "attributes": list(self.attributes),
            **several,
            "queries": self.queries,
            "seed": self.seed,
            "criteria": list(self.criteria),
            "cutoffs": list(self.cutoffs),
            "exclude_source": self.exclude_source,
            **shown,
            "subsets": {name: dict(values) for name, values in self.subsets.items()},
            "methods": list(self.methods),
        }
