"""What the methods of one fold share, made once and only if a method asks for it.

Every product knows the seconds it took: a method's building time is the sum of what it needs, also
where another method needed it before, or where it was kept from an earlier run.

Shapes: N gallery images, A attributes, Q queries, S side, C channels, D dimensions.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.attributes import AttributeSpace, Condition
from gallery.faces import FaceSet
from gallery.pixels import Aligned
from gallery.portraits import NARROW, PortraitForm, as_portraits
from generator.canonical import Rule, canonicalise
from generator.drawer import Drawer, DrawnBatch
from generator.student.seeing import Glance
from generator.student.views import seen_views
from generator.values import conditions_at
from index.base import Vectors
from retrieval.estimation.landmark_pose import LandmarkPose, Mesh, estimate_of, for_card
from retrieval.estimation.pose_calibration import Yaws
from retrieval.evaluation.embedders.base import Embedder
from retrieval.evaluation.embedders.pixels import PixelEmbedder
from retrieval.evaluation.embedders.registry import open_embedder
from retrieval.evaluation.fold.fold import Training, read_portraits
from retrieval.evaluation.fold.landmark_yaws import read_yaws
from retrieval.evaluation.fold.vector_store import Array, Steps, Store, Timed, array_sha256
from retrieval.evaluation.protocol.queries import Labels
from retrieval.evaluation.protocol.wishes import wish_of
from retrieval.evaluation.records import BenchmarkProgress, Integers, QueryTable
from retrieval.recognisers.registry import RECOGNISERS, form_of

BATCH = 256
YAWS, NETWORK_LOG_P = "yaws", "log p by the network"
STUDENT_LOG_P = "log p by the student"
CARDLESS = (YAWS, NETWORK_LOG_P, STUDENT_LOG_P)
FEATURES = "features"  # the refiner's, of the weights under test


class SkippedMethodError(Exception):
    """A method cannot run here; the message is the reason that tables print."""


@dataclass(frozen=True, slots=True)
class CanonicalGallery:
    """The gallery, redrawn in its best-fitting values.

    Attributes:
        embeddings: Refiner features, unit length, (N, D).
        images: Grey levels rounded to whole ones, (N, S, S, C).
        estimates: The values under which each was redrawn.
        errors: Mean squared distance of each redrawing to its image, (N,).
    """

    embeddings: Vectors
    images: Pixels
    estimates: Sequence[Condition]
    errors: Floats


@dataclass(frozen=True, slots=True)
class SeenGallery:
    """The gallery's canonical views, as the student of the weights sees them.

    Attributes:
        embeddings: Unit length, (N, D).
        estimates: The values of each.
        log_p: log p(value | image), with landmarks where they are read, (N, A).
    """

    embeddings: Vectors
    estimates: Sequence[Condition]
    log_p: Floats


@dataclass(frozen=True, slots=True)
class BaselineBudget:
    """What trained rivals may spend.

    Attributes:
        steps: Updates; None: as many as the weights under test had, all stages together.
        trials: Settings that are tried.
        seeds: Trainings of each, one for each seed from 0.
    """

    steps: int | None = None
    trials: int = 4
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class Bench:
    """One fold and what may be used to answer its queries.

    Attributes:
        engine: The generator under test.
        aligned: The gallery.
        labels: Labels of the gallery.
        asked: The queries.
        training: What the weights were trained on; None if it is not at hand.
        budget: Budget of trained rivals.
        store: Where vectors are put.
        portraits_of: Set that the gallery was read from, where recognisers are shown portraits;
            None where they see the pixels that the generator draws from.
        faces: Set that the gallery was read from, where landmarks may be read off portraits; else
            None.
        form: How portraits are cut for landmarks while these are fitted: as for the recogniser.
    """

    engine: Drawer
    aligned: Aligned
    labels: Labels
    asked: QueryTable
    training: Training | None
    budget: BaselineBudget
    store: Store
    portraits_of: FaceSet | None = None
    faces: FaceSet | None = None
    form: PortraitForm = NARROW

    @property
    def pose(self) -> LandmarkPose | None:
        """What estimates poses by landmarks, if that was fitted for the weights."""
        return None if self.faces is None else for_card(self.engine.card)

    @property
    def space(self) -> AttributeSpace:
        """Attributes that the weights draw."""
        return self.engine.card.space

    @property
    def device(self) -> torch.device:
        """Where networks run."""
        return torch.device(self.engine.on)

    @property
    def rivals(self) -> Path:
        """Folder of trained rivals."""
        return self.store.kept / "rivals"

    def taught(self) -> Aligned:
        """Return the images that rivals learn from.

        Raises:
            SkippedMethodError: They are not at hand.
        """
        if self.training is None:
            raise SkippedMethodError(
                f"the images that {self.engine.card.name} was trained on are not at hand; name"
                " them with --train SPEC"
            )
        return self.training.aligned

    def wish(self, query: int) -> Condition:
        """Return what a query wishes for."""
        return wish_of(self.labels.space, self.asked.wished[query])

    def codes(self, queries: range, given: Sequence[Condition]) -> Floats:
        """One-hot codes of wishes; what is not wished for is as given for the source image."""
        rows = [
            self.space.one_hot(given[self.asked.source[query]].replace(self.wish(query)))
            for query in queries
        ]
        return np.stack(rows)

    def true_conditions(self, otherwise: Sequence[Condition]) -> list[Condition]:
        """Return the labels of the gallery; where one is not known or not drawn, something else."""
        return [
            estimate.replace(known_to(self.space, face.condition))
            for face, estimate in zip(self.aligned.faces, otherwise, strict=True)
        ]


class Workbench:
    """Makes what methods need, and remembers it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._made: dict[str, Timed[Any]] = {}
        self._spared = 0.0  # seconds, by what earlier runs kept

    def under(self, engine: Drawer) -> "Workbench":
        """Return a workbench of the same network under another card; what no card changes stays."""
        other = Workbench(replace(self.bench, engine=engine))
        other._made = {name: self._made[name] for name in CARDLESS if name in self._made}
        return other

    def once(self, name: str, steps: Steps[Any]) -> Steps[Timed[Any]]:
        """Return what was made under a name, or make it by these steps and note the time.

        What was kept from an earlier run counts with the time that it took then.
        """
        if name not in self._made:
            started, spared = time.perf_counter(), self._spared
            value = yield from steps
            took = time.perf_counter() - started + self._spared - spared
            self._made[name] = Timed(value, took)
        steps.close()
        return self._made[name]

    def made(self, name: str) -> Any:  # noqa: ANN401  whatever was made under this name
        """Return what was made under a name, or None."""
        found = self._made.get(name)
        return None if found is None else found.value

    def vectors(self, embedder: str) -> Steps[Timed[Vectors]]:
        """Embed the gallery as it is (or, for the refiner's features, its canonical views).

        Raises:
            MissingEmbedderError: What the embedder needs is not installed.
        """
        if embedder == FEATURES:
            canonical = yield from self.canonical()
            return Timed(canonical.value.embeddings, canonical.seconds)
        name = f"vectors {embedder}"
        if name not in self._made:
            self._made[name] = yield from self.embed(embedder, self.bench.aligned)
        return self._made[name]

    def embed(self, embedder: str, aligned: Aligned) -> Steps[Timed[Vectors]]:
        """Embed images, or return what was kept of them.

        Raises:
            MissingEmbedderError: What the embedder needs is not installed.
        """
        network = open_embedder(embedder, self.bench.device)
        form = NARROW
        if embedder in RECOGNISERS:
            form = form_of(embedder)
            if self.bench.portraits_of is not None:
                aligned, form = (yield from self._portraits(aligned, form)), NARROW
        pixels = aligned.pixels
        if isinstance(network, PixelEmbedder):  # quicker made than read
            writer = self.bench.store.writer(f"pixels-of-{id(aligned)}", len(pixels))
            started = time.perf_counter()
            for part in _parts(network, aligned):
                writer.add(part)
                yield BenchmarkProgress("embedding with pixels", writer.done, len(pixels))
            return Timed(writer.close(), time.perf_counter() - started)
        key = {"data": array_sha256(pixels), "embedder": network.fingerprint}
        made = yield from self.bench.store.keep(
            embedder, key, len(pixels), lambda: _parts(network, aligned, form)
        )
        return made

    def _portraits(self, aligned: Aligned, form: PortraitForm) -> Steps[Aligned]:
        """Cut portraits of images, for recognisers."""
        bench, faces = self.bench, self.bench.portraits_of or self.bench.faces
        if aligned is not bench.aligned and bench.training is not None:
            faces = bench.training.faces
        if faces is None:
            raise SkippedMethodError("the photographs are not at hand")
        aligner = bench.engine.card.aligner
        return (yield from read_portraits(faces, aligned, aligner, bench.store, form))

    def yaws(self, mesh: Mesh) -> Steps[Timed[Yaws]]:
        """Read the yaws of the gallery off landmarks.

        Raises:
            SkippedMethodError: The images are not at hand.
        """
        bench = self.bench
        if bench.faces is None:
            raise SkippedMethodError("the photographs are not at hand")
        steps = read_yaws(bench.faces, bench.aligned, bench.engine.card, mesh, bench.store)
        return (yield from self.once(YAWS, steps))

    def log_p(self) -> Steps[Timed[Floats]]:
        """Estimate what every gallery image shows, log p(value | image), (N, A).

        Raises:
            SkippedMethodError: Neither an estimator nor landmarks say anything.
        """
        return (yield from self.once("log p", self._log_p()))

    def _log_p(self) -> Steps[Floats]:
        bench, pose = self.bench, self.bench.pose
        network = None
        if bench.engine.estimates:
            network = (yield from self.network_log_p()).value
        if pose is not None:
            yaws = yield from self.yaws(pose.mesh)
            student = None
            if pose.calibration.student:
                student = (yield from self.student_log_p()).value
            return estimate_of(pose.calibration, yaws.value, network, bench.space, student)
        if network is None:
            raise SkippedMethodError(
                f"{bench.engine.card.name} has no attribute estimator (mindseye train --recipe"
                " tuned)"
            )
        return network

    def student_log_p(self) -> Steps[Timed[Floats]]:
        """Let the student of the weights estimate the same, (N, A).

        Raises:
            WeightsError: They have none, or its file is missing.
        """
        return (yield from self.once(STUDENT_LOG_P, self._student_log_p()))

    def _student_log_p(self) -> Steps[Floats]:
        student, pixels = self.bench.engine.student(), self.bench.aligned.pixels
        parts = []
        for run in blocks(len(pixels)):
            parts.append(student.look(np.asarray(pixels[run.start : run.stop])).log_p)
            yield BenchmarkProgress("asking the student", run.stop, len(pixels))
        return np.concatenate(parts)

    def network_log_p(self) -> Steps[Timed[Floats]]:
        """Estimate the same by the estimator of the weights alone, which they must have, (N, A)."""
        return (yield from self.once(NETWORK_LOG_P, self._network_log_p()))

    def _network_log_p(self) -> Steps[Floats]:
        made = yield from self.kept("log-p", {}, self._network_log_p_anew)
        return np.asarray(made.value["log_p"])

    def _network_log_p_anew(self) -> Steps[dict[str, Array]]:
        engine, pixels = self.bench.engine, self.bench.aligned.pixels
        parts = []
        for run in blocks(len(pixels)):
            parts.append(engine.log_probabilities(np.asarray(pixels[run.start : run.stop])))
            yield BenchmarkProgress("estimating values", run.stop, len(pixels))
        return {"log_p": np.concatenate(parts)}

    def kept(
        self, name: str, key: Mapping[str, Any], make: Callable[[], Steps[dict[str, Array]]]
    ) -> Steps[Timed[dict[str, Array]]]:
        """Return what was drawn of the gallery by any run before, or make and keep it.

        Args:
            name: What it is.
            key: What decides it, beside the gallery's pixels and what draws; JSON.
            make: Makes it.
        """
        drawn_by = self.bench.engine.fingerprint
        if not drawn_by:
            started = time.perf_counter()
            return Timed((yield from make()), time.perf_counter() - started)
        data = (yield from self.once("hash of the gallery", self._gallery_hash())).value
        whole = {"data": data, "drawn by": drawn_by, **key}
        started = time.perf_counter()
        found = yield from self.bench.store.keep_several(name, whole, make)
        self._spared += max(0.0, found.seconds - (time.perf_counter() - started))
        return found

    def _gallery_hash(self) -> Steps[str]:
        yield from ()
        return array_sha256(self.bench.aligned.pixels)

    def canonical(self) -> Steps[Timed[CanonicalGallery]]:
        """Redraw the gallery in its best-fitting values."""
        return (yield from self.once("canonical", self._canonical()))

    def _canonical(self) -> Steps[CanonicalGallery]:
        bench = self.bench
        rule, pose, log_p = Rule.of(bench.engine.card), bench.pose, None
        if pose is not None:
            rule = replace(rule, landmarks=pose.calibration.spell())
            log_p = (yield from self.log_p()).value
        key = {"rule": str(rule), "log p": None if log_p is None else array_sha256(log_p)}
        made = yield from self.kept("canonical", key, partial(self._canonical_anew, rule, log_p))
        arrays, space = made.value, bench.space
        estimates = conditions_at(np.asarray(arrays["values"]), space)
        return CanonicalGallery(
            arrays["embeddings"], arrays["images"], estimates, np.asarray(arrays["errors"])
        )

    def _canonical_anew(self, rule: Rule, log_p: Floats | None) -> Steps[dict[str, Array]]:
        bench, pixels = self.bench, self.bench.aligned.pixels
        embeddings = bench.store.writer("canonical-embeddings", len(pixels))
        images = bench.store.writer("canonical-images", len(pixels))
        estimates: list[Condition] = []
        errors: list[Floats] = []
        for start in range(0, len(pixels), BATCH):
            rows = slice(start, start + BATCH)
            known = None if log_p is None else log_p[rows]
            found = canonicalise(bench.engine, pixels[rows], rule, known)
            embeddings.add(found.embeddings)
            images.add(found.images.round().astype(np.uint8))
            estimates += found.estimates
            errors.append(found.errors)
            yield BenchmarkProgress(
                f"redrawing with {bench.engine.card.name}", len(estimates), len(pixels)
            )
        return {
            "embeddings": embeddings.close(),
            "images": images.close(),
            "values": as_positions(estimates, bench.space),
            "errors": np.concatenate(errors),
        }

    def seen(self) -> Steps[Timed[SeenGallery]]:
        """Let the student of the weights see the gallery's canonical views.

        Raises:
            SkippedMethodError: The weights have no student.
        """
        return (yield from self.once("seen", self._seen()))

    def _seen(self) -> Steps[SeenGallery]:
        bench, pixels = self.bench, self.bench.aligned.pixels
        if not bench.engine.card.student:
            raise SkippedMethodError(f"{bench.engine.card.name} has no student")
        student, pose = bench.engine.student(), bench.pose
        yaws = None if pose is None else (yield from self.yaws(pose.mesh)).value
        glances = []
        for run in blocks(len(pixels)):
            glances.append(student.look(np.asarray(pixels[run.start : run.stop])))
            yield BenchmarkProgress("looking with the student", run.stop, len(pixels))
        glance = Glance.joined(glances)
        log_p = glance.log_p
        if pose is not None and yaws is not None:
            log_p = estimate_of(pose.calibration, yaws, log_p, bench.space)
        embeddings = bench.store.writer("seen-embeddings", len(pixels))
        estimates: list[Condition] = []
        for run in blocks(len(pixels)):
            some = glance.only(np.arange(run.start, run.stop))
            known = log_p[run.start : run.stop]
            views = seen_views(student, some, Rule.of(bench.engine.card), bench.space, known)
            embeddings.add(views.embeddings)
            estimates += views.estimates
        return SeenGallery(embeddings.close(), estimates, log_p)

    def redrawn_truly(self) -> Steps[Timed[Vectors]]:
        """Redraw the gallery in its true values; embeddings, (N, D)."""
        canonical = yield from self.canonical()
        conditions = self.bench.true_conditions(canonical.value.estimates)
        codes = np.stack([self.bench.space.one_hot(one) for one in conditions])
        return (yield from self.once("redrawn truly", self._redrawn_truly(codes)))

    def _redrawn_truly(self, codes: Floats) -> Steps[Vectors]:
        made = yield from self.kept(
            "redrawn-truly", {"codes": array_sha256(codes)}, partial(self._truly_anew, codes)
        )
        return made.value["embeddings"]

    def _truly_anew(self, codes: Floats) -> Steps[dict[str, Array]]:
        vectors = yield from self._features(self.bench.aligned, codes, "true-embeddings")
        return {"embeddings": vectors}

    def taught_features(self, aligned: Aligned) -> Steps[Vectors]:
        """Refiner features of training images, redrawn in their own values, (N, D)."""
        codes = np.stack([self.bench.space.one_hot(face.condition) for face in aligned.faces])
        return (yield from self._features(aligned, codes, "taught-embeddings"))

    def _features(self, aligned: Aligned, codes: Floats, name: str) -> Steps[Vectors]:
        writer = self.bench.store.writer(name, len(codes))
        for start in range(0, len(codes), BATCH):
            rows = slice(start, start + BATCH)
            drawn = self.bench.engine.draw(aligned.pixels[rows], codes[rows])
            writer.add(normalise(drawn.features))
            yield BenchmarkProgress("redrawing in true values", writer.done, len(codes))
        return writer.close()

    def drawn(self, queries: range) -> DrawnBatch:
        """Draw some queries; what is not wished for stays as estimated. Needs `canonical`."""
        canonical: CanonicalGallery = self._made["canonical"].value
        bench = self.bench
        sources = bench.aligned.pixels[bench.asked.source[queries.start : queries.stop]]
        return bench.engine.draw(sources, bench.codes(queries, canonical.estimates))


def blocks(count: int, size: int = BATCH) -> Iterator[range]:
    """Cut the numbers below a count into runs."""
    return (range(start, min(start + size, count)) for start in range(0, count, size))


def known_to(space: AttributeSpace, condition: Condition) -> Condition:
    """Return what a space can say of a condition."""
    named = {n: v for n, v in condition.items() if n in space and space[n].knows(v)}
    return space.check(named)


def as_positions(estimates: Sequence[Condition], space: AttributeSpace) -> Integers:
    """Return values as positions in a space, -1 where it does not know them, (N, A)."""
    rows = [
        [
            attribute.index(one[attribute.name])
            if attribute.name in one and attribute.knows(one[attribute.name])
            else -1
            for attribute in space
        ]
        for one in estimates
    ]
    return np.array(rows, dtype=np.int64).reshape(len(estimates), len(space.names))


def _parts(network: Embedder, aligned: Aligned, form: PortraitForm = NARROW) -> Iterator[Floats]:
    return (
        network.embed(as_portraits(aligned.pixels[run.start : run.stop], form))
        for run in blocks(len(aligned.pixels))
    )
