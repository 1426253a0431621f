"""The first of two steps: a trained classifier says which values gallery images have.

Shapes: N gallery images, A attributes of the collection, T attributes of the classifier.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gallery.attributes import AttributeSpace
from gallery.errors import ConfigError, DatasetError
from generator.card import Card
from generator.networks.registry import architecture
from retrieval.evaluation.baselines.classifier import Classifier, train_classifier
from retrieval.evaluation.baselines.training import TrainingBudget
from retrieval.evaluation.fold.fold_cache import SkippedMethodError, Workbench, blocks
from retrieval.evaluation.fold.vector_store import Steps, Timed
from retrieval.evaluation.records import BenchmarkProgress, Integers


@dataclass(frozen=True, slots=True)
class Estimated:
    """Estimated values of the gallery.

    Attributes:
        positions: Values in the collection's space, -1 where nothing is estimated, (N, A).
        settings: How the classifier was trained, JSON.
        seconds: Time to estimate them, without the training.
    """

    positions: Integers
    settings: Mapping[str, Any]
    seconds: float


def budget_of(work: Workbench) -> TrainingBudget:
    """Return what a rival may spend: what the weights under test had, or what was asked for."""
    card, asked = work.bench.engine.card, work.bench.budget
    recipe = card.recipe
    steps = updates_of(card) if asked.steps is None else asked.steps
    return TrainingBudget(
        steps=steps, batch_size=int(recipe.get("batch_size", 64)), trials=asked.trials
    )


def updates_of(card: Card) -> int:
    """Return how many updates made weights draw and find: those of all stages but the estimator's.

    Of weights that only went on with others, at least those of the tuning; at least 1.
    """
    stages = architecture(card.architecture).network.OWN_STAGES
    own = stages * int(card.recipe.get("steps", 4_000))
    return max(1, own + int(card.recipe.get("tune_steps", 0)))


def learnt(work: Workbench, train: Callable[..., Steps[Any]], seed: int) -> Steps[Any]:
    """Train a rival on the images that the weights under test were trained on.

    Raises:
        SkippedMethodError: They are not at hand or do not allow it, or the training ran away.
    """
    bench = work.bench
    part = bench.taught()
    budget, device, cache = budget_of(work), bench.device, bench.rivals
    try:
        return (
            yield from train(
                part, bench.space, budget=budget, seed=seed, device=device, cache=cache
            )
        )
    except (ConfigError, DatasetError) as error:
        raise SkippedMethodError(str(error)) from error


def estimated_values(work: Workbench, seed: int) -> Steps[Estimated]:
    """Estimate the gallery's values, once for each seed.

    Raises:
        SkippedMethodError: The training images are not at hand, or nothing can be learnt from them.
    """
    work.bench.taught()
    made: Timed[Estimated] = yield from work.once(f"estimates {seed}", _estimate(work, seed))
    return made.value


def _estimate(work: Workbench, seed: int) -> Steps[Estimated]:
    bench = work.bench
    classifier: Classifier = yield from learnt(work, train_classifier, seed)
    started = time.perf_counter()
    pixels = bench.aligned.pixels
    positions = np.full((len(pixels), len(bench.labels.names)), -1, dtype=np.int64)
    for run in blocks(len(pixels)):
        found = classifier.estimates(np.asarray(pixels[run.start : run.stop]))
        positions[run.start : run.stop] = translated(found, classifier.space, bench.labels.space)
        yield BenchmarkProgress("estimating values", run.stop, len(pixels))
    return Estimated(positions, classifier.settings, time.perf_counter() - started)


def translated(found: Integers, of: AttributeSpace, to: AttributeSpace) -> Integers:
    """Turn positions of values in one space into those in another, -1 where it has no such value.

    Args:
        found: Positions, (n, T).
        of: Space of the positions, T attributes.
        to: Space wanted, A attributes.

    Returns:
        Positions, (n, A).
    """
    result = np.full((len(found), len(to.names)), -1, dtype=np.int64)
    for column, attribute in enumerate(of):
        if attribute.name in to:
            known = to[attribute.name]
            places = [known.index(v) if known.knows(v) else -1 for v in attribute.values]
            result[:, to.names.index(attribute.name)] = np.array(places)[found[:, column]]
    return result
