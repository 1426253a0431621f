"""Measuring a search, from Python and from the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gallery.faces import FaceSet
from generator.zoo import fitting
from retrieval.api.additions import Paths, choose_weights, open_engine
from retrieval.api.faces import load_faces
from retrieval.api.progress import Callback, follow
from retrieval.evaluation import benchmark as measuring
from retrieval.evaluation import report
from retrieval.evaluation.fold.fold_cache import BaselineBudget
from retrieval.evaluation.fold.vector_store import default_cache
from retrieval.evaluation.outputs import tables
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.records import Record
from retrieval.evaluation.statistics.summary import score_all, summarise


class Benchmark:
    """What a benchmark measured.

    Attributes:
        notes: What was left out when it was written, and why.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._summary: dict[str, Any] | None = None
        self.notes: tuple[str, ...] = ()

    @property
    def summary(self) -> dict[str, Any]:
        """All numbers of results.json (docs/benchmark-files.md), but not what was written."""
        if self._summary is None:
            self._summary = summarise(self._record, score_all(self._record))
        return self._summary

    def to_markdown(self) -> str:
        """Return the numbers as tables."""
        return tables.to_markdown(self.summary)

    def write(self, out: str | Path, *, progress: Callback | None = None) -> Path:
        """Write results.json, table.md, report.html and what else docs/benchmark-files.md lists.

        Args:
            out: Folder; made if it is not there.
            progress: Told how far it is.

        Returns:
            The folder.
        """
        written = follow(report.write(self._record, Path(out)), progress, "writing")
        self._summary, self.notes = written.summary, written.notes
        return written.out


def benchmark(  # noqa: PLR0913  one argument for each option of the command line
    faces: str | FaceSet,
    *,
    weights: Paths | None = None,
    attribute: str | None = None,
    protocol: str | None = None,
    methods: Sequence[str] = (),
    queries: int | None = None,
    seed: int | None = None,
    exclude_source: bool = False,
    portraits: bool = False,
    train: str | FaceSet | None = None,
    landmarks: str | Path | None = None,
    seeds: int = 1,
    trials: int = 4,
    rival_steps: int | None = None,
    cache: str | Path | None = None,
    editing: bool = False,
    profile: str | None = None,
    device: str = "auto",
    command: str = "",
    progress: Callback | None = None,
) -> Benchmark:
    """Measure recall against rivals, on the people that the weights have not seen.

    Args:
        faces: A labelled SPEC, such as "studio-mini", or what `load_faces` returned.
        weights: Packaged names, folders or files; folds of one collection are pooled. None: the
            packaged weights that fit best.
        attribute: What is wished for: chooses packaged weights.
        protocol: Name or file (docs/benchmark.md). None: the one that is named like the SPEC.
        methods: Names or patterns. Empty: those of the protocol.
        queries: How many are drawn. None: as many as the protocol says.
        seed: Seed of the choice of queries. None: that of the protocol.
        exclude_source: Take the source out of its ranking.
        portraits: Show recognisers portraits in colour, as a search does.
        train: Where the weights' training images are. None: in the same SPEC.
        landmarks: File of landmarks, beside those of the SPEC.
        seeds: Trainings of each trained rival.
        trials: Settings tried for each.
        rival_steps: Updates of each. None: as many as the weights had.
        cache: Folder of rivals' embeddings and weights. None: the user's cache.
        editing: Measure the drawings as edits, too (docs/editing.md).
        profile: Which profile of the cards, such as "photographs". None: what suits the images.
        device: "auto", "cpu", "cuda" or "cuda:N".
        command: What results.json says that was called.
        progress: Told how far it is. What it raises ends the benchmark; rivals that were finished
            are reused.

    Raises:
        UserError: Something that the caller can put right: the weights do not fit the faces.
    """
    opened = load_faces(faces, landmarks)
    chosen = _protocol(opened, protocol, queries, seed)
    chosen = replace(
        chosen,
        exclude_source=exclude_source or chosen.exclude_source,
        portraits=portraits or chosen.portraits,
    )
    options = measuring.BenchmarkOptions(
        methods=tuple(methods),
        budget=BaselineBudget(steps=rival_steps, trials=trials, seeds=seeds),
        training=None if train is None else load_faces(train),
        cache=default_cache() if cache is None else Path(cache),
        command=command,
        editing=editing,
        profile=profile,
    )
    paths = choose_weights(opened, weights, ())
    if not paths:
        paths = [fitting(opened.space, [attribute] if attribute else [])[0].path]
    engines = [open_engine(path, device, images=len(opened)) for path in paths]
    return Benchmark(follow(measuring.run(opened, engines, chosen, options), progress, "benchmark"))


def _protocol(
    faces: FaceSet, protocol: str | None, queries: int | None, seed: int | None
) -> Protocol:
    chosen = find_protocol(protocol, faces.spec)
    return replace(
        chosen,
        queries=chosen.queries if queries is None else queries,
        seed=chosen.seed if seed is None else seed,
    )
