"""What fused vectors of one length bring: true queries, every kind of index, a real gallery.

    mindseye studio draw lengths --identities 84 --first-identity 100 --size 60
    PYTHONPATH=. python benchmarks/lengths.py studio:lengths --kept kept.npz
    PYTHONPATH=. python benchmarks/lengths.py --kept kept.npz --table

The gallery (11,760 faces of 84 people that the weights have not seen) is embedded once, as `index
build` does, and 2,000 wishes are drawn, as `query` does; `--kept` keeps what was embedded. For each
score, kind and way, a space is built of the first 10,000 images, 1,760 are added, and 1,000 of all
are removed. After each step the overlap @10 with exact search is measured, of the true queries.

Ways: *rows* has vectors as they are, and is tuned with images as probes; *queries* tunes with
probes of the shape of queries; *column* has vectors of one length, too
(`retrieval/scoring/terms.py`).
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gallery.arrays import Floats, normalise
from gallery.files import write_whole
from gallery.portraits import portrait_aligner
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.weights_file import find_weights, load_card
from index import store
from index.contract import IndexContract
from index.exact import ExactIndex
from index.kinds import APPROXIMATE
from index.probing import ROWS, QueryShape
from retrieval.collection.query_shape import Asking
from retrieval.embedding import contract_from_card
from retrieval.recognisers.registry import open_recogniser
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.term import Part
from retrieval.scoring.terms import FUSED, SCORES, VALUES, Score, ask_sources

BATCH = 256
QUERIES = 2000
FIRST, REMOVED = 10_000, 1000
KEPT = {"log_p": "log_p", "identity": "who"}  # what is kept for each term
WAYS = ("rows", "queries", "column")
RESULTS = Path(__file__).parent / "results" / "lengths.json"
SEED = 0


def embed(spec: str, weights: str) -> dict[str, NDArray[Any]]:
    """Embed a gallery and the drawings of some wishes, as builds and queries do."""
    faces, engine = open_faces(spec), Engine.open(find_weights(weights), torch.device("cpu"))
    aligner, rule = engine.card.aligner, Rule.of(engine.card)
    portraits, recogniser = portrait_aligner(aligner), open_recogniser()
    made: dict[str, list[NDArray[Any]]] = {"drawings": [], "log_p": [], "who": [], "pixels": []}
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


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of a score, true queries, and what the index is told of these."""

    rows: Floats
    queries: Floats
    contract: IndexContract
    shape: QueryShape


def make_space(kept: Mapping[str, NDArray[Any]], weights: str, score: str, way: str) -> Space:
    """Join what was embedded into the vectors of a score."""
    card = load_card(find_weights(weights))
    read = {name: kept[KEPT[name]] for name in SCORES[score]}
    parts = tuple(Part(name, rows.shape[1], "sface") for name, rows in read.items())
    made_of = Score(parts, column=way == "column")
    layout = made_of.layout(kept["drawings"].shape[1])
    weighed = ScoreProfile.of(card).weights(score)
    asked = {
        name: ask_sources(name, kept["wishes"], rows, kept["sources"])
        for name, rows in read.items()
    }
    return Space(
        layout.gallery(kept["drawings"], read),
        layout.probes(kept["asked"], asked, weighed),
        contract_from_card(card, str(Rule.of(card)), layout.dimension, made_of.spell),
        ROWS if way == "rows" else Asking(layout, (kept["log_p"].shape[1],), weighed),
    )


def changes(total: int) -> list[tuple[str, int, NDArray[np.int64]]]:
    """Return the steps: their names, rows of the gallery, and images left out."""
    gone = np.sort(np.random.default_rng(SEED + 2).choice(total, REMOVED, replace=False))
    nothing = np.empty(0, dtype=np.int64)
    return [
        ("built", FIRST, nothing),
        ("added", total, nothing),
        ("removed", total, gone.astype(np.int64)),
    ]


def measure(space: Space, kind: str, accuracy: float, truth: Mapping[str, Any]) -> dict[str, Any]:
    """Build, add and remove; return the overlap of true queries after each."""
    found: dict[str, Any] = {}
    request, total = store.Request(kind=kind, accuracy=accuracy), len(space.rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "space"
        store.write_contract(path, space.contract)
        shards = [
            store.append_shard(path, number, np.arange(start, end), space.rows[start:end])
            for number, (start, end) in enumerate(((0, FIRST), (FIRST, total)), start=1)
        ]
        for number, (name, rows, gone) in enumerate(changes(total), start=1):
            held = shards[: 1 + (rows == total)]
            for _ in store.publishing(
                path,
                number,
                request,
                space.contract,
                held,
                gone,
                previous=number - 1 or None,
                shape=space.shape,
            ):
                pass
            made = store.read_manifest(path, number).main
            if made is None:
                raise RuntimeError("nothing was published")
            index = store.open_index(path, number, space.contract)
            both = zip(truth[name], index.search(space.queries, 10).ids, strict=True)
            found[name] = {
                "overlap": round(float(np.mean([np.isin(a, b).mean() for a, b in both])), 5),
                "measured": made.measured.overlap,
                "reached": made.measured.reached,
                "effort": asdict(made.effort),
            }
    return found


def truth_of(space: Space) -> dict[str, NDArray[np.int64]]:
    """Return what exact search finds after each step."""
    true = {}
    for name, rows, gone in changes(len(space.rows)):
        ids = np.arange(rows)
        exact = ExactIndex(ids, [space.rows[:rows]], ~np.isin(ids, gone))
        true[name] = exact.search(space.queries, 10).ids
    return true


def table(results: Mapping[str, Any]) -> str:
    """Write the results as Markdown: promised by the build, and true after each step."""
    lines = [
        "| score | kind | way | promised | built | added | removed | effort at last |",
        "|---|---|---|---:|---:|---:|---:|---|",
    ]
    for key, one in sorted(results["measured"].items()):
        score, kind, way = key.split()
        effort = ", ".join(f"{n} {v}" for n, v in one["removed"]["effort"].items() if v)
        shown = " | ".join(f"{one[step]['overlap']:.4f}" for step in ("built", "added", "removed"))
        promised = f"{one['built']['measured']:.4f}" + ("" if one["built"]["reached"] else " *")
        lines.append(f"| `{score}` | `{kind}` | {way} | {promised} | {shown} | {effort} |")
    return "\n".join(lines)


def processor() -> str:
    """Name the processor."""
    found = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{found[0]}, {len(found)} threads"


def main() -> None:
    """Measure what is asked for, and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("spec", nargs="?", help="gallery; not needed once --kept is there")
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--weights", default="pose-drawn-60")
    parser.add_argument("--kinds", default=",".join(APPROXIMATE))
    parser.add_argument("--scores", default=f"{VALUES},{FUSED}")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--accuracy", type=float, default=0.99)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what was measured")
    given = parser.parse_args()
    results = json.loads(given.out.read_text("utf-8")) if given.out.exists() else {"measured": {}}
    if given.table:
        print(table(results))
        return
    if not given.kept.exists():
        np.savez(given.kept, **embed(given.spec, given.weights))  # type: ignore[arg-type]
    with np.load(given.kept) as file:
        kept = dict(file)
    results |= {"processor": processor(), "images": len(kept["drawings"]), "queries": QUERIES}
    for score in given.scores.split(","):
        truth = truth_of(make_space(kept, given.weights, score, "rows"))
        for kind, way in product(given.kinds.split(","), given.ways.split(",")):
            space = make_space(kept, given.weights, score, way)
            found = measure(space, kind, given.accuracy, truth)
            results["measured"][f"{score} {kind} {way}"] = found
            write_whole(given.out, (json.dumps(results, indent=1) + "\n").encode())
            print(score, kind, way, *(one["overlap"] for one in found.values()), flush=True)


if __name__ == "__main__":
    main()
