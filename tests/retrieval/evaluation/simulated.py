"""Records of benchmarks that never ran: rankings of noisy scores over a labelled gallery.

A method is a vector of weights: how much its score of an image rises if the identity, the wished
value, or the other attributes are right, over noise. The gallery is a full grid of people and
values; pictures, where they are wanted, are those of `studio-mini`.
"""

import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.files import file_sha256
from gallery.readers.registry import open_faces
from retrieval.evaluation.drawing_records import Drawings, ErrorMap, Estimate, Example
from retrieval.evaluation.records import (
    Fold,
    GalleryTable,
    Integers,
    MethodRecord,
    People,
    Provenance,
    QueryTable,
    Record,
    example_queries,
)
from retrieval.evaluation.statistics.per_query import write_per_query
from retrieval.evaluation.statistics.summary import score_all, summarise

SPACE = AttributeSpace(
    (
        Attribute("pose", ("-45", "-30", "-15", "0", "15", "30", "45"), unit="degree"),
        Attribute("illumination", ("0", "7", "17")),
    )
)
DEPTH = 20
# name: (identity, wished value, other attributes, note); noise has deviation 1
METHODS: dict[str, tuple[float, float, float, str]] = {
    "ours": (3.0, 2.5, 2.5, "drawing against canonical views, refiner features"),
    "ours-pixels": (2.0, 2.0, 2.0, "drawing against canonical views, pixels"),
    "two-step/pixels": (1.0, 3.0, 1.0, "estimated value, then the source's pixels"),
    "two-step/sface": (3.0, 2.5, 0.0, "estimated value, then SFace"),
    "cpi": (2.5, 2.0, 0.0, "target pose in neutral illumination, as an image"),
    "shift/sface": (2.5, 1.0, 0.2, "source embedding + mean shift of the value"),
    "raw": (2.5, -1.0, 2.0, "the source embedding, unedited"),
    "oracle-target": (9.0, 9.0, 9.0, "the target image as probe"),
}


def grid(people: int, space: AttributeSpace = SPACE, fold: int = 0, first: int = 0) -> GalleryTable:
    """Every person under every combination of values."""
    sizes = [len(attribute.values) for attribute in space.attributes]
    cells = list(product(range(people), *map(range, sizes)))
    table = np.array(cells, dtype=np.int64)
    names = tuple(f"p{first + who:03}/{'-'.join(map(str, rest))}" for who, *rest in cells)
    return GalleryTable(
        names=names,
        identity=table[:, 0],
        values=table[:, 1:],
        fold=np.full(len(table), fold, dtype=np.int64),
        space=space,
    )


def wished(attribute: Sequence[int], value: Sequence[int], attributes: int = 1) -> Integers:
    """Rows of wishes for one attribute each, of so many that there are."""
    rows = np.full((len(attribute), attributes), -1, dtype=np.int64)
    rows[np.arange(len(attribute)), attribute] = value
    return rows


def all_asked(
    gallery: GalleryTable, columns: Sequence[int] = (0,), most: int = 10**9, seed: int = 0
) -> QueryTable:
    """Every image with all other values of some attributes at once; `most` of them, by lot."""
    counts = [len(gallery.space.attributes[column].values) for column in columns]
    own = gallery.values[:, columns]
    pairs = [
        (s, *wish)
        for s in range(len(gallery))
        for wish in product(*map(range, counts))
        if (own[s] != wish).all()
    ]
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pairs))[:most])
    asked = np.array(pairs, dtype=np.int64)[chosen]
    table = np.full((len(asked), gallery.values.shape[1]), -1, dtype=np.int64)
    table[:, columns] = asked[:, 1:]
    right, strict = [], []
    for source, *wish in asked:
        c1 = (gallery.identity == gallery.identity[source]) & (own == wish).all(axis=1)
        others = np.delete(gallery.values, columns, axis=1)
        found = np.flatnonzero(c1)
        right.append(found)
        strict.append((others[found] == others[source]).all(axis=1))
    sizes = [len(one) for one in right]
    neutral = gallery.values[asked[:, 0], 1] == 2
    return QueryTable(
        source=asked[:, 0],
        wished=table,
        right=np.concatenate(right),
        right_starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        right_strict=np.concatenate(strict),
        subsets={"neutral illumination": neutral},
    )


def ranked(
    name: str,
    gallery: GalleryTable,
    queries: QueryTable,
    seed: int,
    fold: int = 0,
    depth: int = DEPTH,
) -> MethodRecord:
    """Rank the gallery by a method's noisy scores; two-step methods filter nothing here."""
    who, value, others, note = METHODS[name]
    random = np.random.default_rng((seed, fold, sorted(METHODS).index(name)))
    luck = random.normal(0, 0.5, gallery.identity.max() + 1)  # some people are harder than others
    top = np.full((len(queries), min(depth, len(gallery))), -1, dtype=np.int64)
    ranks = np.empty(len(queries.right), dtype=np.int64)
    for query, (source, wish) in enumerate(zip(queries.source, queries.wished, strict=True)):
        same = gallery.identity == gallery.identity[source]
        rest = wish < 0
        having = (gallery.values[:, ~rest] == wish[~rest]).all(axis=1)
        alike = (gallery.values[:, rest] == gallery.values[source, rest]).sum(axis=1)
        alike = alike / max(1, rest.sum())
        jump = int(np.abs(wish - gallery.values[source])[~rest].sum()) * 0.15
        scores = random.normal(size=len(gallery)) + who * same + others * alike
        scores += (value - jump + luck[gallery.identity[source]]) * having
        order = np.argsort(-scores, kind="stable")
        place = np.empty(len(gallery), dtype=np.int64)
        place[order] = np.arange(len(gallery))
        top[query] = order[: top.shape[1]]
        part = slice(queries.right_starts[query], queries.right_starts[query + 1])
        ranks[part] = place[queries.right[part]]
    return MethodRecord(
        name=name,
        note=note,
        seed=seed,
        settings={"weights": [who, value, others]},
        top=top,
        right_ranks=ranks,
        build_s=0.5 * who,
        query_s=0.01 * len(queries),
        index_bytes=len(gallery) * 512,
    )


def record(
    people: int = 6,
    *,
    most: int = 10**9,
    names: Sequence[str] = ("ours", "ours-pixels", "raw"),
    seeds: Sequence[int] = (0,),
    fold: int = 0,
    lot: int = 0,
    pictures: bool = False,
    cutoffs: Sequence[int] = (1, 5, 10, 20),
    columns: Sequence[int] = (0,),
) -> Record:
    """Simulate a benchmark of one fold.

    With several seeds, `shift/sface` counts as trained. Another `lot` asks other queries. All
    `columns` are wished for at once.
    """
    gallery = grid(people, first=people * fold)
    queries = all_asked(gallery, columns, most=most, seed=lot + fold)
    methods = [
        ranked(name, gallery, queries, seed, fold)
        for name in names
        for seed in (seeds if name.startswith("shift") else seeds[:1])
    ]
    methods.append(
        MethodRecord(
            name="two-step/dlib",
            note="estimated value, then dlib's ResNet",
            skipped="dlib is not installed (pip install 'mindseye[rivals]')",
        )
    )
    pixels = _pictures(gallery) if pictures else None
    random = np.random.default_rng(fold)
    strict = queries.measured["C2"]
    change = np.abs(queries.wished[:, 0] - gallery.values[queries.source, 0])
    noise = random.gamma(4, 0.25, (3, len(queries)))
    stages = {
        "source": np.where(strict, (900 + 500 * change) * noise[0], np.nan),
        "stage 1": np.where(strict, (260 + 45 * change) * noise[1], np.nan),
        "stage 2": np.where(strict, (250 + 45 * change) * noise[1], np.nan),
        "cpi": np.where(strict, (700 + 45 * change) * noise[2], np.nan),
    }
    return Record(
        provenance=_provenance(cutoffs, fold, len(columns)),
        folds=(_fold(fold, people, len(gallery)),),
        gallery=gallery,
        people=_people(people, people * fold),
        queries=queries,
        methods=tuple(methods),
        drawings=Drawings(stages, _maps(queries, random)),
        estimates=(_estimate("ours", gallery, 0.9), _estimate("two-step", gallery, 0.733)),
        examples=() if pixels is None else _examples(pixels, queries, methods[0]),
    )


def _people(count: int, first: int) -> People:
    ancestry = ("African", "Asian", "European")
    ages = ("20-34", "35-49", "50-64", "65-80")
    return People(
        names=tuple(f"p{first + number:03}" for number in range(count)),
        traits={
            "ancestry": tuple(ancestry[number % 3] for number in range(count)),
            "gender": tuple("female" if number % 2 else "male" for number in range(count)),
            "age group": tuple(
                ages[number // 2 % 4] if number else None for number in range(count)
            ),
        },
    )


def _provenance(cutoffs: Sequence[int], fold: int, wishes: int) -> Provenance:
    return Provenance(
        command="mindseye bench studio-mini --out results/mini",
        created="2026-01-31T12:00:00+00:00",
        spec="studio-mini",
        protocol={
            "name": "papers",
            **({"wishes": wishes} if wishes > 1 else {}),
            "queries": 10_000,
            "seed": 0,
            "criteria": ["C1", "C2"],
            "cutoffs": list(cutoffs),
            "exclude_source": False,
        },
        hashes={"data": "d" * 64, "protocol": "e" * 64, "code": "c" * 64, f"fold-{fold}": "a" * 64},
        versions={"mindseye": "0.1.0", "python": "3.11.2", "numpy": "2.4.6", "torch": "2.13.0"},
        machine="two cores, no accelerator",
        seconds={"read": 1.5, "build": 20.25, "answer": 12.0},
    )


def _fold(number: int, people: int, gallery: int) -> Fold:
    return Fold(
        weights=f"pose-{number}",
        sha256="a" * 64,
        identities=people,
        gallery=gallery,
        dropped={"C1": 3, "C2": 7},
        problems=(("bad.png", "empty file (0 bytes)"),),
        duplicates=0,
        duplicates_note="SHA-256 of the pixels",
    )


def _maps(queries: QueryTable, random: np.random.Generator) -> tuple[ErrorMap, ...]:
    across = np.linspace(-1, 1, 24)
    ring = np.exp(-((np.hypot(across[:, None], 0.8 * across[None]) - 0.8) ** 2) / 0.03)
    maps = []
    for value in np.unique(queries.wished[:, 0]).tolist():
        count = int((queries.measured["C2"] & (queries.wished[:, 0] == value)).sum())
        lean = 1 + (value - 3) / 4 * across[None]
        total = count * (600 * ring * lean + random.gamma(4, 30, (24, 24)))
        maps.append(ErrorMap(attribute=0, value=value, total=total, count=count))
    return tuple(maps)


def _estimate(by: str, gallery: GalleryTable, accuracy: float) -> Estimate:
    attribute = gallery.space.attributes[0]
    count = len(attribute.values)
    wrong = (1 - accuracy) / (count - 1)
    shares = np.full((count, count), wrong) + np.eye(count) * (accuracy - wrong)
    confusion = np.rint(shares * len(gallery) / count).astype(np.int64)
    return Estimate(by=by, attribute=attribute.name, values=attribute.values, confusion=confusion)


def _pictures(gallery: GalleryTable) -> Callable[[int], np.ndarray]:
    faces = open_faces("studio-mini")
    aligner = Aligner(size=60, channels=3)
    space = gallery.space
    places = {
        f"{face.identity} {face.condition['pose']} {face.condition['illumination']}": face
        for face in reversed(faces.faces)
    }

    def picture(position: int) -> np.ndarray:
        values = gallery.values[position]
        who = faces.identities[int(gallery.identity[position]) % len(faces.identities)]
        named = [a.values[int(v)] for a, v in zip(space.attributes, values, strict=True)]
        face = places[" ".join([who, *named])]
        return aligner.align(faces.load(face), face.landmarks)

    return picture


def _examples(
    picture: Callable[[int], np.ndarray], queries: QueryTable, ours: MethodRecord
) -> tuple[Example, ...]:
    random = np.random.default_rng(0)
    made = []
    for query in example_queries(len(queries), seed=0, wanted=120).tolist():
        start, end = queries.right_starts[query : query + 2]
        strict = np.flatnonzero(queries.right_strict[start:end])
        target = picture(int(queries.right[start:end][strict[0] if len(strict) else 0]))
        blurred = (target.astype(float) + np.roll(target, 1, 0) + np.roll(target, 1, 1)) / 3
        drawn = np.clip(blurred + random.normal(0, 6, target.shape), 0, 255).astype(np.uint8)
        found = np.stack([picture(int(one)) for one in ours.top[query, :5]])
        source = picture(int(queries.source[query]))
        made.append(Example(query=query, source=source, drawn=drawn, target=target, found=found))
    return tuple(made)


def written(record: Record, out: Path) -> Path:
    """Write what a comparison reads of a benchmark."""
    out.mkdir()
    scores = score_all(record)
    side = write_per_query(record, scores, out)
    summary = {**summarise(record, scores), "files": {side.name: file_sha256(side)}}
    (out / "results.json").write_text(json.dumps(summary))
    return out
