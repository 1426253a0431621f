"""The demonstration: a generator trained on the spot, a gallery of strangers, three questions."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery import sheets
from gallery.attributes import Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from generator.checkpoint import WEIGHTS_FILE
from generator.engine import Engine
from generator.request import CPU, TrainRequest, make_request
from retrieval.build import BuildProgress, build
from retrieval.collection import Collection
from retrieval.evaluation import benchmark, report
from retrieval.evaluation.outputs import tables
from retrieval.evaluation.protocols import Protocol
from retrieval.evaluation.records import Progress
from retrieval.evaluation.report import Written
from retrieval.search import Answer, Found, open_searcher
from retrieval.sheets import SHOWN, answer_sheet

ATTRIBUTE = "eyes"
ARCHITECTURE = "two-stage-32"
TRAIN_SHARE = "0.7"
STEPS = 300
QUESTIONS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demonstration will do.

    Attributes:
        faces: Everybody.
        training: The training run.
        out: Folder for all it makes.
    """

    faces: FaceSet
    training: TrainRequest
    out: Path

    @property
    def strangers(self) -> FaceSet:
        """The people that the generator is not trained on."""
        return self.faces.without(self.training.train_identities)

    @property
    def test_images(self) -> int:
        """How many images show them."""
        return len(self.strangers)

    @property
    def weights(self) -> Path:
        """Where the trained weights are."""
        return self.training.out / WEIGHTS_FILE

    @property
    def collection(self) -> Path:
        """Where the gallery is indexed."""
        return self.out / "collection"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its answer, and which hits are right.

    Attributes:
        source: The image asked about.
        wish: What was wished for.
        answer: What was found.
        right: Whether each hit shows the same person under the wished value, all else equal.
    """

    source: Face
    wish: Condition
    answer: Answer
    right: tuple[bool, ...]


def plan(faces: FaceSet, out: Path) -> Plan:
    """Plan the demonstration.

    Raises:
        DatasetError: The faces are not labelled with the attribute `eyes`.
    """
    if ATTRIBUTE not in faces.space:
        raise DatasetError(
            f"{faces.spec} has no attribute {ATTRIBUTE!r}, which the demonstration trains; give"
            " --data cmu-faces:PATH"
        )
    training = make_request(
        faces,
        architecture_name=ARCHITECTURE,
        attributes=(ATTRIBUTE,),
        recipe_name="fast",
        steps=STEPS,
        train_identities=TRAIN_SHARE,
        out=out / f"{ATTRIBUTE}-demo",
        device=CPU,
    )
    return Plan(faces, training, out)


def index(plan: Plan) -> Iterator[BuildProgress]:
    """Index the strangers."""
    engine = Engine.open(plan.weights, CPU)
    collection = Collection.open_or_create(plan.collection)
    try:
        with collection.writing():
            yield from build(collection, plan.strangers, engine, plan.weights)
    finally:
        collection.close()


def ask(plan: Plan) -> list[Asked]:
    """Ask three questions about three strangers, and draw the answers on a sheet.

    Raises:
        DatasetError: No stranger is shown under two values with all else equal.
    """
    collection = Collection.open(plan.collection)
    try:
        asked = [_ask(plan, collection, source, wish) for source, wish in _questions(plan)]
    finally:
        collection.close()
    if not asked:
        raise DatasetError(
            f"Nobody left to ask about is shown under two values of {ATTRIBUTE!r} with all else"
            " equal; give --data cmu-faces:PATH"
        )
    picture = answer_sheet(
        [one.answer for one in asked],
        plan.training.aligner(),
        right=[one.right for one in asked],
        title="source | drawn | nearest in the gallery (green: right person, right everything)",
    )
    sheets.save(picture, plan.out / "answers.png")
    return asked


def _ask(plan: Plan, collection: Collection, source: Face, wish: Condition) -> Asked:
    wishes = [f"{name}={value}" for name, value in wish.items()]
    searcher = open_searcher(collection, wishes, CPU)
    answer = searcher.query(plan.faces.load(source), wishes, SHOWN)
    wanted = source.condition.replace(wish)
    right = tuple(_is_right(hit, source, wanted) for hit in answer.hits)
    return Asked(source, wish, answer, right)


def _is_right(hit: Found, source: Face, wanted: Condition) -> bool:
    return hit.identity == source.identity and hit.condition == wanted


def _questions(plan: Plan) -> Iterator[tuple[Face, Condition]]:
    """Choose a question about each of the first three strangers, by a fixed draw.

    Only questions that some image of the gallery answers are chosen, whether or not the search
    will find it.
    """
    random = np.random.default_rng(0)
    strangers = plan.strangers
    shown = {(face.identity, face.condition) for face in strangers.faces}
    for who in strangers.identities[:QUESTIONS]:
        faces = strangers.of([who]).faces
        asks = [
            (face, Condition({ATTRIBUTE: value}))
            for face in faces
            for value in plan.faces.space[ATTRIBUTE].values
            if value != face.condition.get(ATTRIBUTE)
            and (who, face.condition.replace({ATTRIBUTE: value})) in shown
        ]
        if asks:
            yield asks[int(random.integers(len(asks)))]


def measure(plan: Plan) -> Generator[Progress, None, Written]:
    """Run the benchmark on the strangers."""
    engine = Engine.open(plan.weights, CPU)
    options = benchmark.Options(cache=plan.out / "cache", command="mindseye demo")
    record = yield from benchmark.run(plan.faces, [engine], Protocol(), options)
    return (yield from report.write(record, plan.out / "benchmark"))


def conclude(plan: Plan, asked: Sequence[Asked], results: Written, program: str) -> str:
    """Say what was found, write it to answers.md, and tell where to look and what to try next.

    Args:
        plan: What was done.
        asked: Questions and answers.
        results: What the benchmark left.
        program: How this user calls mindseye.
    """
    table = _table(asked)
    (plan.out / "answers.md").write_text(table + "\n", "utf-8")
    first = asked[0]
    query = (
        f"  {program} query {plan.faces.path(first.source)} --wish {first.wish!s}"
        f" --collection {plan.collection} --sheet mine.png"
    )
    return "\n".join(
        [
            table,
            "",
            tables.to_markdown(results.summary),
            "Look at:",
            f"  {plan.out}/answers.png  the answers",
            f"  {plan.training.out}/samples/  what the generator draws",
            f"  {plan.out}/benchmark/report.html  the benchmark as a page",
            "Try next:",
            query,
            f"  {program} index show --collection {plan.collection}",
            f"  {program} data show {plan.faces.spec} --sheet faces.png",
        ]
    )


def _table(asked: Sequence[Asked]) -> str:
    lines = ["| asked about | wish | found first | rank of the right image |", "|---|---|---|---|"]
    for one in asked:
        ranks = [str(n) for n, is_right in enumerate(one.right, start=1) if is_right]
        first = one.answer.hits[0]
        lines.append(
            f"| {one.source.name.rpartition('/')[2]} | {one.wish} |"
            f" {Path(first.path).name} | {', '.join(ranks) or 'not among 5'} |"
        )
    return "\n".join(lines)
