"""Measuring how far redrawings usually are (generator/reconstruction_error.py), fitting nothing."""

from dataclasses import replace

import numpy as np

from gallery.faces import FaceSet
from generator.canonical import Rule, canonicalise
from generator.drawer import Drawer
from generator.reconstruction_error import usual_errors
from retrieval.evaluation.fold.fold import read_images
from retrieval.evaluation.fold.fold_cache import BATCH
from retrieval.evaluation.fold.vector_store import Steps, open_store
from retrieval.evaluation.records import BenchmarkProgress
from retrieval.fitting.fit import FitOptions, Fitted, fitting_people


def measure_redrawing(engine: Drawer, faces: FaceSet, options: FitOptions) -> Steps[Fitted]:
    """Measure only how far redrawings usually are; labels of values are not needed.

    Args:
        engine: Drawer of the weights.
        faces: Collection that shows people they have not seen.
        options: Which of them.

    Raises:
        ConfigError: There are too few such people.
        DatasetError: None of their images can be used.
        OSError: The scratch folder's disk is full.
    """
    part = fitting_people(faces.renamed(options.protocol.names), engine.card, options)
    rule, errors = Rule.of(engine.card), []
    with open_store(options.cache) as store, store.inner() as own:
        aligned = yield from read_images(part, engine.card.aligner, own, "pixels", "reading")
        for start in range(0, len(aligned.faces), BATCH):
            pixels = np.asarray(aligned.pixels[start : start + BATCH])
            errors.append(canonicalise(engine, pixels, rule).errors)
            yield BenchmarkProgress("redrawing", start + len(pixels), len(aligned.faces))
    usual = usual_errors(np.concatenate(errors), part.spec, part.identities)
    return Fitted(replace(engine.card, redrawing=usual), ())
