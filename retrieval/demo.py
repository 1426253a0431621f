"""The demonstration: the packaged galleries, the packaged weights, and a few questions."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from gallery import sheets
from gallery.attributes import Condition
from gallery.errors import WeightsError
from gallery.faces import Face, FaceSet
from gallery.files import write_whole
from gallery.readers.photographs_mini import CREDIT
from gallery.readers.registry import open_faces
from generator.canonical import ESTIMATOR, EXPECTED, Rule
from generator.engine import Engine
from generator.zoo import WeightsFile, packaged
from retrieval.collection.build import build
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.collection import Collection
from retrieval.collection.profile_choice import profile_of_space
from retrieval.evaluation import benchmark, report
from retrieval.evaluation.outputs import tables
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.protocol import QUICK
from retrieval.evaluation.records import BenchmarkProgress
from retrieval.evaluation.report import Written
from retrieval.scoring.choice import own_score
from retrieval.scoring.terms import DRAWING
from retrieval.search.result import Found, SearchResult
from retrieval.search.searcher import open_searcher
from retrieval.search.sheets import SHOWN, answer_sheet

GALLERY, PHOTOGRAPHS = "studio-mini", "photographs-mini"
WISHES = ("pose", "illumination", "accessory")
PEOPLE = 5
LIGHTS = ("0", "4", "10", "14", "17")  # of twenty: from all sides
QUESTIONS = 2  # of each attribute
QUERIES = 500  # of the benchmark
SIDE = 60


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demonstration will do.

    Attributes:
        faces: The gallery.
        weights: Packaged weights, one set for each attribute.
        out: Folder for all it makes.
        device: Where to draw.
        full: Whether all weights index the whole gallery.
        photographs: The same for photographs; None of what is one itself.
    """

    faces: FaceSet
    weights: tuple[WeightsFile, ...]
    out: Path
    device: torch.device
    full: bool = False
    photographs: "DemoPlan | None" = None

    @property
    def collection(self) -> Path:
        """Where the gallery is indexed."""
        return self.out / "collection"

    def part(self, weights: WeightsFile) -> FaceSet:
        """Return the images that some weights index.

        Weights that estimate an image's value redraw it once, and index all. Others redraw it under
        every value; unless the demonstration is a full one, they index the frontal images that show
        nothing unusual but light and accessory.
        """
        if self.full or Rule.of(weights.card).kind in (ESTIMATOR, EXPECTED):
            return self.faces
        counted = self.faces.counts()
        rest = [name for name in self.faces.space.names if name not in WISHES]
        usual = {name: max(counted[name], key=counted[name].__getitem__) for name in rest}
        return self.faces.where(
            lambda face: (
                face.condition.get("pose") == "0"
                and all(face.condition.get(name, value) == value for name, value in usual.items())
            )
        )


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question, its answer, and which hits are right.

    Attributes:
        source: The image asked about.
        wish: What was wished for.
        answer: What was found.
        right: Whether each hit shows the same person under the wished value, all else equal.
        among: How many images were searched.
    """

    source: Face
    wish: Condition
    answer: SearchResult
    right: tuple[bool, ...]
    among: int


def plan(out: Path, device: torch.device, *, full: bool = False) -> DemoPlan:
    """Plan the demonstration.

    Args:
        out: Folder for all it makes.
        device: Where to draw.
        full: Whether to take the whole packaged gallery; else five people under five lights, and of
            these the part that `DemoPlan.part` says.

    Raises:
        WeightsError: Packaged weights are missing.
    """
    best = sorted(packaged(), key=lambda one: one.rank)
    single = [one for one in best if len(one.card.space.names) == 1]
    weights = {one.card.space.names[0]: one for one in single if one.card.aligner.size == SIDE}
    if "pose" not in weights:
        raise WeightsError("The packaged weights are missing; install mindseye again")
    faces = open_faces(GALLERY)
    if not full:
        faces = faces.of(faces.identities[:PEOPLE])
        faces = faces.where(lambda face: face.condition.get("illumination") in LIGHTS)
    chosen = tuple(weights[name] for name in WISHES if name in weights)
    photographs = DemoPlan(
        open_faces(PHOTOGRAPHS), (weights["pose"],), out / "photographs", device, full=True
    )
    return DemoPlan(faces, chosen, out, device, full, photographs)


def index(plan: DemoPlan, weights: WeightsFile) -> Iterator[BuildProgress]:
    """Index the gallery with one set of weights."""
    engine = Engine.open(weights.path, plan.device)
    collection = Collection.open_or_create(plan.collection)
    try:
        known = {space.name for space in collection.catalogue.spaces.all()}
        is_new = weights.card.name not in known
        chosen = profile_of_space(collection, engine, plan.part(weights), is_new=is_new)
        engine = engine.under(chosen.profile)
        score = own_score(engine.card) if is_new else None
        with collection.writing():
            yield from build(collection, plan.part(weights), engine, weights.path, score=score)
    finally:
        collection.close()


def ask(plan: DemoPlan) -> list[DemoQuestion]:
    """Ask a few questions about each attribute, and draw the answers on a sheet."""
    collection = Collection.open(plan.collection)
    try:
        asked = [
            _ask(plan, collection, source, wish, len(plan.part(weights)))
            for weights in plan.weights
            for source, wish in questions_of(plan, weights)
        ]
    finally:
        collection.close()
    picture = answer_sheet(
        [one.answer for one in asked],
        plan.weights[0].card.aligner,
        right=[one.right for one in asked],
        title="source | drawn | nearest in the gallery (green: right person, right everything)",
    )
    sheets.save(picture, plan.out / "answers.png")
    return asked


def _ask(
    plan: DemoPlan, collection: Collection, source: Face, wish: Condition, among: int
) -> DemoQuestion:
    searcher = open_searcher(collection, wish, plan.device)
    where = source.landmarks
    crop = None if where is None else searcher.card.aligner.crop_by(where)
    answer = searcher.query(plan.faces.load(source), wish, SHOWN, crop)
    wanted = source.condition.replace(wish)
    right = tuple(is_right(hit, source, wanted) for hit in answer.hits)
    return DemoQuestion(source, wish, answer, right, among)


def is_right(hit: Found, source: Face, wanted: Condition) -> bool:
    """Say whether a hit shows the person of the source as is wanted, and all else equal."""
    return hit.identity == source.identity and hit.condition == wanted


def questions_of(plan: DemoPlan, weights: WeightsFile) -> Iterator[tuple[Face, Condition]]:
    """Choose a question about each of the first people, by a fixed draw.

    Only questions that some image of the gallery answers are chosen, whether or not the search
    will find it.
    """
    random = np.random.default_rng(0)
    attribute = weights.card.space.attributes[0]
    part = plan.part(weights)
    shown = {(face.identity, face.condition) for face in part.faces}
    for who in part.identities[:QUESTIONS]:
        asks = [
            (face, Condition({attribute.name: value}))
            for face in part.of([who]).faces
            for value in attribute.values
            if value != face.condition.get(attribute.name)
            and (who, face.condition.replace({attribute.name: value})) in shown
        ]
        if asks:
            yield asks[int(random.integers(len(asks)))]


def measure(plan: DemoPlan) -> Generator[BenchmarkProgress, None, Written]:
    """Run the benchmark for the first attribute on the gallery."""
    engine = Engine.open(plan.weights[0].path, plan.device)
    shipped = find_protocol(None, plan.faces.spec)
    gallery = dict(shipped.gallery)
    if "illumination" in gallery:
        lights = {face.condition["illumination"] for face in plan.faces.faces}
        gallery["illumination"] = tuple(lights)
    methods = (
        QUICK if own_score(plan.weights[0].card) == DRAWING else (*QUICK, "fused/identity-off")
    )
    protocol = replace(shipped, gallery=gallery, queries=QUERIES, methods=methods)
    options = benchmark.BenchmarkOptions(cache=plan.out / "cache", command="mindseye demo")
    record = yield from benchmark.run(plan.faces, [engine], protocol, options)
    return (yield from report.write(record, plan.out / "benchmark"))


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What a plan brought.

    Attributes:
        plan: What was done.
        asked: Questions and answers.
        results: What the benchmark left.
    """

    plan: DemoPlan
    asked: Sequence[DemoQuestion]
    results: Written

    def told(self) -> list[str]:
        """Write the answers to answers.md, and say what was found."""
        table = _table(self.asked)
        write_whole(self.plan.out / "answers.md", f"{table}\n".encode())
        return [table, "", tables.headline(self.results.summary), ""]


def conclude(drawn: DemoOutcome, photographs: DemoOutcome, program: str) -> str:
    """Say what was found, and tell where to look and what to try next.

    Args:
        drawn: What was found among people who do not exist.
        photographs: What was found among photographs.
        program: How this user calls mindseye.
    """
    plan, first = drawn.plan, drawn.asked[0]
    query = (
        f"  {program} query {plan.faces.path(first.source)} --wish {first.wish!s}"
        f" --collection {plan.collection} --sheet mine.png"
    )
    return "\n".join(
        [
            *drawn.told(),
            *photographs.told(),
            "Look at:",
            f"  {plan.out}/answers.png  answers among drawn people",
            f"  {photographs.plan.out}/answers.png  answers among photographs",
            f"  {plan.out}/benchmark/report.html  the benchmark as a page",
            f"  {photographs.plan.out}/benchmark/report.html  the same for photographs",
            "Try next:",
            query,
            f"  {program} index build folder:PHOTOS --attribute pose --collection my-photos",
            f"  {program} data show {plan.faces.spec} --sheet faces.png",
            CREDIT,
        ]
    )


def _table(asked: Sequence[DemoQuestion]) -> str:
    lines = [
        "| asked about | wish | among | found first | rank of the right image |",
        "|---|---|---:|---|---|",
    ]
    for one in asked:
        ranks = [str(n) for n, is_right in enumerate(one.right, start=1) if is_right]
        first = one.answer.hits[0]
        lines.append(
            f"| {one.source.name.rpartition('/')[2]} | {one.wish} | {one.among} |"
            f" {Path(first.path).name} | {', '.join(ranks) or 'not among 5'} |"
        )
    return "\n".join(lines)
