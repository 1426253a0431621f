"""The file `index.faiss` of a generation: made anew, added to, or taken over as it is.

Shapes: N gallery rows, D dimensions of an embedding.
"""

import os
import shutil
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gallery.files import file_sha256, sync
from index import faiss_train
from index.accuracy import Wanted, reach
from index.base import GalleryRows, Ids
from index.faiss_library import read_faiss, write_faiss
from index.kinds import APPROXIMATE, IndexPlan, Request
from index.manifest import MAIN, Drift, Effort, Main, Manifest, Measured
from index.probing import ROWS, UNKNOWN, QueryShape

NAME = MAIN
HELD_OUT = 600  # images, half to tune with and half to measure with
TAIL_SHARE = 0.01  # of the rows that FAISS holds: a longer tail goes into it
TAIL_ROWS = 1000  # a shorter one stays
TAIL_BYTES = 64 * 10**6


@dataclass(frozen=True, slots=True)
class PublicationStep:
    """How far a publication is.

    Attributes:
        phase: What is being done.
        done: How much of it.
        total: How much there is in all.
        note: What the user should know, now; None for nothing.
    """

    phase: str
    done: int
    total: int
    note: str | None = None


def make(
    gallery: GalleryRows,
    plan: IndexPlan,
    request: Request,
    directory: Path,
    shape: QueryShape = ROWS,
) -> Generator[PublicationStep, None, Main]:
    """Train, fill, tune and measure an index, and write it into the folder of a generation.

    Args:
        gallery: All rows; those that are not kept are added, so that ids are row numbers, but
            neither trained on nor measured with.
        plan: Its kind.
        request: Accuracy to tune for.
        directory: Where `index.faiss` goes.
        shape: What queries look like.

    Returns:
        What the manifest says of it.

    Raises:
        ConfigError: FAISS is not installed, or twice.
        IndexFileError: A row holds NaN or infinity.
    """
    started = time.perf_counter()
    rows = len(gallery.ids)
    index = faiss_train.untrained(plan.kind, rows, gallery.dimension)
    sample, held_out = faiss_train.draw_rows(
        gallery, faiss_train.training_rows(plan.kind, gallery), HELD_OUT
    )
    if faiss_train.divided(plan.kind):
        yield PublicationStep("training", 0, 1)
        faiss_train.train(index, faiss_train.gather_finite(gallery, sample))
    for added in faiss_train.add(index, gallery, 0):
        yield PublicationStep("adding", added, rows)
    yield PublicationStep("measuring", 0, 1)
    wanted = Wanted(plan.kind, request.accuracy, shape)
    effort, overlap, probes = reach(index, gallery, held_out, wanted)
    drift = _fresh_drift(index, plan.kind, gallery, held_out if len(held_out) else sample)
    measured = wanted.judge(overlap, probes, round(time.perf_counter() - started, 2))
    yield PublicationStep("measuring", 1, 1, wanted.told(measured))
    return _write(index, directory, _Found(effort, measured, shape.name), drift)


def is_short_tail(manifest: Manifest, rows: int) -> bool:
    """Say whether an index made before will do for a gallery of so many rows now."""
    if manifest.main is None:
        return False
    return rows - manifest.main.rows <= longest_tail(manifest.main.rows, manifest.dimension)


def take_over(manifest: Manifest, before: Path, directory: Path) -> Main:
    """Give the index of the generation before a second name; the manifest says the same of it.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    assert manifest.main is not None  # noqa: S101  `is_short_tail` has looked
    read_faiss(before / NAME, manifest.main.bytes, manifest.kind, mapped=True)
    _link(before / NAME, directory / NAME)
    return manifest.main


def tuned_again(
    gallery: GalleryRows, manifest: Manifest, main: Main, directory: Path, shape: QueryShape
) -> Generator[PublicationStep, None, Main]:
    """Tune and measure an index that was taken over, for queries of another shape.

    Images are held out as if it were made now. Those that were added since, or that it was trained
    on because others were removed since, may be among them.

    Args:
        gallery: All rows; the index holds the first of them.
        manifest: Manifest of the generation before.
        main: What was taken over.
        directory: Where `index.faiss` is.
        shape: What queries look like now.

    Returns:
        What the manifest says of it.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    index = read_faiss(directory / NAME, main.bytes, manifest.kind, mapped=True)
    return (yield from _tuned_again(index, gallery, manifest, main, shape))


def _tuned_again(
    index: Any,  # noqa: ANN401  FAISS ships no types
    gallery: GalleryRows,
    manifest: Manifest,
    main: Main,
    shape: QueryShape,
) -> Generator[PublicationStep, None, Main]:
    held = gallery.first(main.rows)
    forgotten = shape.name == UNKNOWN != main.probes
    if manifest.kind not in APPROXIMATE or forgotten or held is None:
        return main
    yield PublicationStep("measuring", 0, 1)
    wanted = Wanted(manifest.kind, manifest.accuracy, shape)
    _, held_out = faiss_train.draw_rows(held, 0, HELD_OUT)
    effort, overlap, probes = reach(index, held, held_out, wanted)
    measured = wanted.judge(overlap, probes, main.measured.seconds)
    yield PublicationStep("measuring", 1, 1, wanted.told(measured))
    return replace(main, effort=effort, measured=measured, probes=shape.name)


def extend(
    gallery: GalleryRows,
    manifest: Manifest,
    before: Path,
    directory: Path,
    shape: QueryShape = ROWS,
) -> Generator[PublicationStep, None, Main | None]:
    """Add the tail to the index of the generation before, without training; tune it again.

    Args:
        gallery: All rows; the first of them are those of the generation before.
        manifest: Manifest of the generation before.
        before: Its folder.
        directory: Where `index.faiss` goes.
        shape: What queries look like.

    Returns:
        What the manifest says of it, or None if it must be trained again.

    Raises:
        IndexFileError: The file is missing or damaged.
    """
    main = manifest.main
    if main is None:
        return None
    index = read_faiss(before / NAME, main.bytes, manifest.kind, mapped=False)
    tail = len(gallery.ids) - main.rows
    for added in faiss_train.add(index, gallery, main.rows):
        yield PublicationStep("adding", added - main.rows, tail)
    drift = _drift_after(index, gallery, main)
    if faiss_train.has_drifted(drift):
        note = f"{manifest.kind}: the rows have drifted; training again"
        yield PublicationStep("adding", tail, tail, note)
        return None
    written = _write(index, directory, _Found(main.effort, main.measured, main.probes), drift)
    return (yield from _tuned_again(index, gallery, manifest, written, shape))


def longest_tail(rows: int, dimension: int) -> int:
    """Return how many rows may stay outside of an index that holds so many."""
    return min(max(TAIL_ROWS, int(TAIL_SHARE * rows)), TAIL_BYTES // (4 * dimension))


def _fresh_drift(index: Any, kind: str, gallery: GalleryRows, rows: Ids) -> Drift:  # noqa: ANN401
    unequal = faiss_train.imbalance(index)
    return Drift(
        trained=len(gallery.ids) if faiss_train.divided(kind) else 0,
        error=faiss_train.mean_error(index, gallery.gather(rows)),
        added=0,
        added_error=0.0,
        imbalance=unequal,
        imbalance_now=unequal,
    )


def _drift_after(index: Any, gallery: GalleryRows, main: Main) -> Drift:  # noqa: ANN401
    """Measure how far the rows added now, and those added before, have moved."""
    new = np.arange(main.rows, len(gallery.ids))
    sample = new[:: max(1, len(new) // HELD_OUT)]
    error = faiss_train.mean_error(index, gallery.gather(sample))
    old = main.drift
    added = old.added + len(new)
    return replace(
        old,
        added=added,
        added_error=(old.added * old.added_error + len(new) * error) / added,
        imbalance_now=faiss_train.imbalance(index),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """How an index is searched, how well that does, and what it was tuned with."""

    effort: Effort
    measured: Measured
    probes: str


def _write(index: Any, directory: Path, found: _Found, drift: Drift) -> Main:  # noqa: ANN401
    path = directory / NAME
    write_faiss(index, path)
    return Main(
        rows=int(index.ntotal),
        lists=int(getattr(index, "nlist", 0)),
        bytes=path.stat().st_size,
        sha256=file_sha256(path),
        effort=found.effort,
        measured=found.measured,
        drift=drift,
        probes=found.probes,
    )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    sync(target)
    sync(target.parent)
