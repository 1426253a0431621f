"""What fused vectors of one length bring: true probes, every kind of index, a real gallery.

    mindseye studio draw lengths --identities 84 --first-identity 100 --size 60
    PYTHONPATH=. python benchmarks/lengths.py studio:lengths --kept kept.npz

The gallery (11,760 faces of 84 people that the weights have not seen) is embedded once, as `index
build` does, and 2,000 wishes are drawn, as `query` does; `--kept` keeps what was embedded. For each
score, kind and way, a space is built of the first 10,000 images, 1,760 are added, and 1,000 of all
are removed. After each step the overlap @10 with exact search is measured, of the true probes.

Ways: *rows* is how it was done: vectors as they are, and images as the probes that the search is
tuned with. *probes* tunes with probes of the query's shape. *column* is both: vectors of one
length, and such probes (`retrieval/fusion.py`).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gallery.readers.registry import open_faces
from generator.checkpoint import find_weights
from generator.engine import Engine
from retrieval.canonical import Rule, canonicalise
from retrieval.embedding import normalise
from retrieval.identity import open_recogniser, portrait_aligner

Floats = NDArray[np.float32]
BATCH = 256
QUERIES = 2000
SEED = 0


def embed(spec: str, weights: str) -> dict[str, NDArray[Any]]:
    """Embed a gallery and the drawings of some wishes, as builds and queries do."""
    faces, engine = open_faces(spec), Engine.open(find_weights(weights), torch.device("cpu"))
    aligner, rule = engine.card.aligner, Rule.of(engine.card)
    portraits, recogniser = portrait_aligner(aligner), open_recogniser()
    made: dict[str, list[Floats]] = {"drawings": [], "log_p": [], "who": [], "pixels": []}
    for start in range(0, len(faces), BATCH):
        photos = [faces.load(face) for face in faces.faces[start : start + BATCH]]
        pixels = np.stack([aligner.align(photo) for photo in photos])
        made["drawings"].append(canonicalise(engine, pixels, rule).embeddings)
        made["log_p"].append(engine.log_probabilities(pixels))
        cut = np.stack([portraits.align(photo) for photo in photos])
        made["who"].append(recogniser.embed(cut))
        made["pixels"].append(pixels)
        print(f"embedded {start + len(photos)} of {len(faces)}", flush=True)
    whole: dict[str, NDArray[Any]] = {name: np.concatenate(part) for name, part in made.items()}
    order = np.random.default_rng(SEED).permutation(len(faces))
    pixels = whole.pop("pixels")[order]
    whole = {name: part[order] for name, part in whole.items()}
    return whole | _queries(engine, pixels, whole["log_p"])


def _queries(engine: Engine, pixels: NDArray[Any], log_p: Floats) -> dict[str, NDArray[Any]]:
    """Draw wishes for values that the sources do not show."""
    random = np.random.default_rng(SEED + 1)
    values = log_p.shape[1]
    sources = random.integers(0, len(pixels), QUERIES)
    wished = (log_p[sources].argmax(axis=1) + random.integers(1, values, QUERIES)) % values
    codes = np.eye(values, dtype=np.float32)[wished]
    drawn = [
        normalise(engine.draw(pixels[sources[at : at + BATCH]], codes[at : at + BATCH]).features)
        for at in range(0, QUERIES, BATCH)
    ]
    return {"asked": np.concatenate(drawn), "wishes": codes, "sources": sources}


if __name__ == "__main__":
    import sys

    np.savez(sys.argv[3], **embed(sys.argv[1], sys.argv[2]))
