"""What else is noted of a fold: its people and problems, estimates, errors, pictures.

Shapes: N gallery images, Q queries, V values of an attribute.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from gallery.arrays import Doubles
from gallery.attributes import Attribute
from gallery.duplicates import contradictory, spell_group
from gallery.faces import Face
from retrieval.estimation.landmark_pose import why_not
from retrieval.evaluation.drawing_records import Drawings, Estimate, Example
from retrieval.evaluation.fold.audit import NEAR, Twins
from retrieval.evaluation.fold.estimates import Estimated, translated
from retrieval.evaluation.fold.fold import ReadFold, Training
from retrieval.evaluation.fold.fold_cache import CanonicalGallery, Workbench, as_positions
from retrieval.evaluation.fold.probes import QueryDrawings, targets_of
from retrieval.evaluation.records import (
    EXAMPLES,
    REFERENCE,
    Flags,
    Fold,
    Integers,
    MethodRecord,
    example_queries,
)

FOUND = 5


def describe_fold(part: ReadFold, training: Training | None, twins: Twins | None) -> Fold:
    """Say who was tested, what was left out, and whether training images are among the test's."""
    faces, content = part.aligned.faces, part.labels.content
    return Fold(
        weights=part.engine.card.name,
        profile=part.engine.card.profile,
        poses_note=why_not(part.engine.card),
        sha256=part.engine.card.sha256,
        identities=len({face.identity for face in faces} - {None}),
        gallery=len(faces) - len(part.labels.hidden),
        dropped=part.dropped,
        problems=tuple((problem.name, problem.reason) for problem in part.problems),
        duplicates=None if twins is None else len(twins.equal) + len(twins.near),
        duplicates_note=f"{_audited(part, training, twins)}{_contradictions(part)}",
        copies=0 if content is None else len(content) - len(np.unique(content)),
    )


def _contradictions(part: ReadFold) -> str:
    """Name equal images of the gallery whose labels differ."""
    groups: dict[int, list[Face]] = defaultdict(list)
    numbers = () if part.labels.content is None else part.labels.content.tolist()
    for face, number in zip(part.aligned.faces, numbers, strict=bool(numbers)):
        groups[number].append(face)
    found = contradictory(group for group in groups.values() if len(group) > 1)
    if not found:
        return ""
    more = f" and {len(found) - FOUND} more" if len(found) > FOUND else ""
    named = "; ".join(spell_group(group) for group in found[:FOUND])
    return f". Equal images of the gallery with different labels: {named}{more}"


def _audited(part: ReadFold, training: Training | None, twins: Twins | None) -> str:
    if training is None or twins is None:
        return "not checked: the training images are not at hand (--train SPEC names them)"
    card = "as the card says" if training.is_same else "not those on the card"
    names = [part.aligned.faces[number].name for number in (*twins.equal, *twins.near)[:3]]
    return (
        f"compared with {len(training.aligned.faces):,} training images ({card}):"
        f" {len(twins.equal)} with equal pixels, {len(twins.near)} within {NEAR} of 256 bits of a"
        f" difference hash{': ' + ', '.join(names) if names else ''}"
    )


def note_estimates(work: Workbench) -> tuple[Estimate, ...]:
    """Count how the values of gallery images were estimated, by whom."""
    found: list[Estimate] = []
    space, labels = work.bench.space, work.bench.labels
    truth = as_positions([face.condition for face in work.bench.aligned.faces], space)
    known = np.stack(
        [
            labels.values[:, labels.names.index(name)] >= 0
            if name in labels.names
            else np.zeros(len(truth), dtype=np.bool_)
            for name in space.names
        ],
        axis=1,
    )
    canonical: CanonicalGallery | None = work.made("canonical")
    sources: dict[str, Integers] = {}
    if canonical is not None:
        sources[REFERENCE] = as_positions(canonical.estimates, space)
    estimated: Estimated | None = work.made("estimates 0")
    if estimated is not None:
        sources["two-step"] = translated(estimated.positions, labels.space, space)
    for by, positions in sources.items():
        for column, attribute in enumerate(space):
            found.append(
                _confusion(by, attribute, truth[:, column], positions[:, column], known[:, column])
            )
    return tuple(found)


def _confusion(
    by: str, attribute: Attribute, truth: Integers, guess: Integers, known: Flags
) -> Estimate:
    count = len(attribute.values)
    both = (truth >= 0) & (guess >= 0)
    cells = np.bincount(truth[both] * count + guess[both], minlength=count * count)
    return Estimate(
        by=by,
        attribute=attribute.name,
        values=attribute.values,
        confusion=cells.reshape(count, count).astype(np.int64),
        foreign=int((known & (truth < 0)).sum()),
    )


def note_drawings(work: Workbench, others: Mapping[str, Doubles]) -> Drawings:
    """Return the errors of ours, and of other methods that draw."""
    drawn: QueryDrawings | None = work.made("drawn")
    if drawn is None:
        return Drawings(others)
    return Drawings({**drawn.errors.squared_errors, **others}, drawn.errors.maps)


def keep_examples(
    work: Workbench, answered: Sequence[MethodRecord], seed: int
) -> tuple[Example, ...]:
    """Keep pictures of some queries, as `ours` answered them."""
    drawn: QueryDrawings | None = work.made("drawn")
    ours = next((one for one in answered if one.name == REFERENCE and not one.skipped), None)
    if drawn is None or ours is None:
        return ()
    bench = work.bench
    pixels, asked = bench.aligned.pixels, bench.asked
    targets = targets_of(asked, loose=True)
    found = []
    for query in example_queries(len(asked), seed, EXAMPLES).tolist():
        hits = ours.top[query, :FOUND]
        found.append(
            Example(
                query=query,
                source=np.array(pixels[asked.source[query]]),
                drawn=np.array(drawn.images[query]),
                target=np.array(pixels[targets[query]]),
                found=np.array(pixels[hits[hits >= 0]]),
            )
        )
    return tuple(found)
