"""A made-up gallery of fused vectors with true queries: people, poses and lights, no network.

Shapes: N rows, Q queries, A poses.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gallery.arrays import Floats, normalise
from index import store
from index.base import Ids
from index.contract import IndexContract
from index.exact import ExactIndex
from index.manifest import Main
from index.probing import ROWS, QueryShape
from retrieval.collection.query_shape import Asking
from retrieval.scoring.term import Part
from retrieval.scoring.terms import Coefficients, Score

POSES, LIGHTS, NUMBERS, IDENTITY, QUERIES = 7, 15, 32, 16, 300
WEIGHTS = Coefficients(log_p=0.02, identity=0.5)  # those of pose-mindseye-60
NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Parts:
    """What vectors are made of: of the gallery, then of queries for other poses than a row's."""

    drawings: Floats
    log_p: Floats
    who: Floats
    asked: Floats
    wishes: Floats
    sources: Ids


def make_parts(people: int) -> Parts:
    """Draw 105 images of each of some people, in any order."""
    random = np.random.default_rng(0)
    person = random.normal(size=(people, NUMBERS))
    pose = random.normal(size=(POSES, NUMBERS))
    light = 0.4 * random.normal(size=(LIGHTS, NUMBERS))
    every = random.permutation(people * POSES * LIGHTS)
    p, v, lit = np.unravel_index(every, (people, POSES, LIGHTS))
    shown = person[p] + pose[v] + light[lit] + 0.2 * random.normal(size=(len(p), NUMBERS))
    away = np.abs(np.arange(POSES) - v[:, None])
    logits = random.normal(size=away.shape) - random.uniform(1, 9, (len(p), 1)) * away
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    faces = random.normal(size=(people, IDENTITY))[p]
    faces += 0.5 * random.normal(size=(len(p), IDENTITY))
    of = random.integers(0, len(p), QUERIES)
    wished = (v[of] + random.integers(1, POSES, QUERIES)) % POSES
    drawn = person[p[of]] + pose[wished] + light[lit[of]]
    drawn += 0.3 * random.normal(size=drawn.shape)
    return Parts(
        unit(shown),
        log_p.astype(np.float32),
        unit(faces),
        unit(drawn),
        np.eye(POSES, dtype=np.float32)[wished],
        of,
    )


def unit(vectors: np.ndarray) -> Floats:
    return normalise(vectors.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of a score, with or without the column, and true queries of it."""

    rows: Floats
    queries: Floats
    contract: IndexContract
    shape: Asking

    def found(self, path: Path, generation: int, count: int, gone: Ids = NOTHING) -> float:
        """Return the overlap @10 with exact search, of the first rows without some."""
        rows = self.rows[:count]
        exact = ExactIndex(np.arange(count), [rows], ~np.isin(np.arange(count), gone))
        truth = exact.search(self.queries, 10).ids
        found = store.open_index(path, generation, self.contract).search(self.queries, 10).ids
        shared = [np.isin(one, other).mean() for one, other in zip(truth, found, strict=True)]
        return float(np.mean(shared))


def make_space(parts: Parts, *, fused: bool, column: bool) -> Space:
    """Make the vectors of "fused", or of "drawing+values"."""
    log_p, who = Part("log_p", POSES), Part("identity", IDENTITY, "made up")
    score = Score((log_p, who) if fused else (log_p,), column)
    layout = score.layout(NUMBERS)
    read = {"log_p": parts.log_p, "identity": parts.who}
    rows = layout.gallery(parts.drawings, {name: read[name] for name in layout.terms})
    asked = {"log_p": parts.wishes, "identity": parts.who[parts.sources]}
    queries = layout.probes(parts.asked, {name: asked[name] for name in layout.terms}, WEIGHTS)
    contract = IndexContract(
        extractor="made up",
        weights_sha256="0" * 64,
        attribute_space=(("pose", tuple(map(str, range(POSES)))),),
        aligner="none",
        canonicalisation="reconstruction",
        projection=score.spell("none"),
        dimension=layout.dimension,
    )
    return Space(rows, queries, contract, Asking(layout, (POSES,), WEIGHTS))


def write_space(path: Path, space: Space, lengths: list[int]) -> list[store.ShardId]:
    """Write shards of these lengths."""
    store.write_contract(path, space.contract)
    starts = np.cumsum([0, *lengths])
    return [
        store.append_shard(path, number, np.arange(start, end), space.rows[start:end])
        for number, (start, end) in enumerate(pairwise(starts), start=1)
    ]


def publish(
    path: Path,
    generation: int,
    kind: str,
    space: Space,
    shards: list[store.ShardId],
    gone: Ids = NOTHING,
    shape: QueryShape = ROWS,
) -> Main:
    """Publish a generation that goes on from the one before."""
    steps = store.publishing(
        path,
        generation,
        store.Request(kind=kind),
        space.contract,
        shards,
        gone,
        previous=generation - 1 or None,
        shape=shape,
    )
    for _ in steps:
        pass
    main = store.read_manifest(path, generation).main
    assert main is not None
    return main
