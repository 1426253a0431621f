"""A trained rival alone, without weights of ours: what it learns in a few updates.

    python benchmarks/rivals.py cmu-faces:PATH composed pose --fold 1/3 --steps 200

trains on the fold's training people and prints, for its test people, one line of JSON: accuracy
(classifier), hit rates of all queries (composed), squared errors (cpi). `mindseye bench` measures
the same rivals beside ours; this is for working on them.
"""

import argparse
import json
import time
from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
import torch

from gallery.align import Aligner
from gallery.arrays import Floats
from gallery.attributes import AttributeSpace
from gallery.faces import FaceSet, first_identities, fold_identities
from gallery.pixels import Aligned, align_all, align_each
from gallery.readers.registry import open_faces
from generator.device import pick_device
from generator.freed_memory import keep_freed_memory
from retrieval.evaluation.baselines.classifier import train_classifier
from retrieval.evaluation.baselines.composed import Composed, train_composed
from retrieval.evaluation.baselines.cpi import Cpi, neutral_pairs, train_cpi
from retrieval.evaluation.baselines.training import TrainingBudget
from retrieval.evaluation.protocol.queries import Labels, all_queries
from retrieval.evaluation.records import CRITERIA, BenchmarkProgress

Outcome = TypeVar("Outcome")
METHODS = ("classifier", "composed", "cpi")


def main() -> None:
    """Train, measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("attribute")
    parser.add_argument("--fold", help="K/N: train on everybody but run K of N")
    parser.add_argument("--train-identities", default="0.7")
    parser.add_argument("--test-identities", type=int, default=20, help="the last ones")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keep_freed_memory()
    faces = open_faces(arguments.spec)
    known = (
        fold_identities(faces, arguments.fold)
        if arguments.fold
        else first_identities(faces, arguments.train_identities)
    )
    others = [who for who in faces.identities if who not in known]
    part = read(faces.of(known), arguments)
    tested = read(faces.of(others[-arguments.test_identities :]), arguments)
    started = time.perf_counter()
    found = measure(part, tested, faces.space, arguments)
    found["seconds"] = round(time.perf_counter() - started)
    print(json.dumps({"method": arguments.method, "attribute": arguments.attribute, **found}))


def read(faces: FaceSet, arguments: argparse.Namespace) -> Aligned:
    """Align the images of some people."""
    aligner = Aligner(size=arguments.size, channels=arguments.channels, crop=faces.crop)
    return align_all(list(align_each(faces, aligner)), faces.spec)


def finish(steps: Generator[BenchmarkProgress, None, Outcome]) -> Outcome:
    """Follow a training to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome


def measure(
    part: Aligned, tested: Aligned, known: AttributeSpace, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Train a rival and measure it on others."""
    space = known.only([arguments.attribute])
    budget = TrainingBudget(steps=arguments.steps, trials=arguments.trials)
    options: dict[str, Any] = {
        "budget": budget,
        "seed": arguments.seed,
        "device": pick_device("auto"),
    }
    if arguments.method == "classifier":
        classifier = finish(train_classifier(part, space, **options))
        tuned, found = classifier.settings["tuned"], {"accuracy": classifier.accuracy(tested)}
    elif arguments.method == "composed":
        composed = finish(train_composed(part, space, **options))
        tuned, found = composed.settings["tuned"], hit_rates(composed, tested, known)
    else:
        cpi = finish(train_cpi(part, space, **options))
        tuned, found = cpi.settings["tuned"], errors(cpi, tested)
    return {"settings": tuned["settings"], "steps": tuned["steps"], **found}


def hit_rates(composed: Composed, tested: Aligned, known: AttributeSpace) -> dict[str, Any]:
    """Hit rates of all queries, in percent, the source in the gallery."""
    labels = Labels.of(tested.faces, known)
    wishable = {a.name: list(range(len(a.values))) for a in composed.space}
    queries = all_queries(labels, wishable)
    wishes = [{c: v for c, v in enumerate(row) if v >= 0} for row in queries.wished.tolist()]
    asked = list(zip(queries.sources.tolist(), wishes, strict=True))
    gallery = composed.embed(tested.pixels)
    codes = np.stack([code_of(query, tested, known, composed.space) for query in asked])
    probes = composed.probe(tested.pixels[queries.sources], codes)
    hits: dict[str, list[Any]] = {criterion: [] for criterion in CRITERIA}
    for probe, query in zip(probes, asked, strict=True):
        ranks = np.argsort(-(gallery @ probe), kind="stable")[:20]
        for criterion, right in labels.right(*query).items():
            if right.any():
                hits[criterion].append(right[ranks])
    return {
        f"{c} R@{k}": round(100 * float(np.stack(found)[:, :k].any(axis=1).mean()), 1)
        for c, found in hits.items()
        for k in (1, 5, 20)
    }


def code_of(
    query: tuple[int, dict[int, int]], tested: Aligned, known: AttributeSpace, space: AttributeSpace
) -> Floats:
    """Return the one-hot code of a query: source, and value by attribute."""
    source, wish = query
    named = {known.names[c]: known.attributes[c].values[value] for c, value in wish.items()}
    return space.one_hot(tested.faces[source].condition.replace(named).only(space.names))


def errors(cpi: Cpi, tested: Aligned) -> dict[str, Any]:
    """Mean squared errors of CPIs, and of unedited sources, to the neutrally lit targets."""
    sources, targets = neutral_pairs(tested.faces)
    poses = [cpi.space.one_hot(tested.faces[n].condition.only(["pose"])) for n in targets]
    drawn = cpi.draw(tested.pixels[sources], np.stack(poses))
    wanted = tested.pixels[targets].astype(np.float32)
    unedited = tested.pixels[sources].astype(np.float32)
    return {
        "mse": round(float(np.square(drawn - wanted).mean()), 1),
        "mse source": round(float(np.square(unedited - wanted).mean()), 1),
    }


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
