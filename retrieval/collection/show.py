"""What a collection holds, for people and programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from gallery.catalogue.contradictions import Contradiction
from gallery.catalogue.records import ImageRow, SpaceRow
from gallery.errors import MissingImageError
from generator.canonical import Rule
from generator.card import DEFAULT_PROFILE, Card
from generator.runtime import expected
from generator.weights_file import load_card
from index.kinds import spell_bytes
from index.store import read_manifest
from retrieval.collection import milvus_copy
from retrieval.collection.collection import Collection
from retrieval.collection.domain_check import Strangers, misfit, strangers_in
from retrieval.collection.query_shape import advice
from retrieval.collection.selection import matching
from retrieval.scoring.confidence import LeastScore
from retrieval.scoring.profile import ScoreProfile
from retrieval.scoring.terms import DRAWING, Score

PAGE = 1000
ALL = "id >= 0"
LARGEST_ID = 2**31 - 1
UNPUBLISHED = "nothing published yet: run the same `mindseye index build` again to go on"


def describe(collection: Collection, runtime: str | None = None) -> dict[str, Any]:
    """Describe a collection and its spaces.

    Args:
        collection: Which.
        runtime: What shall draw; see `generator.runtime.open_drawer`.

    Returns:
        "collection", "engine" (where its vectors are searched, or null for its folder), "images",
        "duplicates" (files whose image was found before), "contradictions" (those of them whose
        label names somebody else), and "spaces": for each its name, weights, attributes, score,
        "confidence" (whether answers can say how sure they are), "hypotheses" (how many values an
        image is redrawn in), "canonical" ("drawn", or "student" and the first digits of its hash),
        "landmarks" (how poses are read off them, or null), "min_score" (what answers about
        strangers seldom score, or null where nobody measured), "runtime" (what draws for questions
        on this machine's processor: "torch" or "openvino"; null where the first question will
        measure it), "advice" (what building it anew
        would bring, or null), generation, kind of index, vectors, "index" (what its manifest says
        of what FAISS holds, or null), "strangers" (how many images are unlike those the weights
        know, or null where nobody knows), count of images in every state, and "skipped": every file
        left out, with its reason.

    Raises:
        WeightsError: A space's copy of its weights is missing or damaged.
        IndexFileError: A manifest or contract is missing or damaged.
        ConfigError: There is no such runtime, or OpenVINO is asked for and is not installed.
    """
    catalogue = collection.catalogue
    unreadable = catalogue.images.unreadable()
    return {
        "collection": str(collection.root),
        "engine": None if collection.engine is None else collection.engine.text,
        "images": catalogue.images.count(),
        "unreadable_files": len(unreadable),
        "duplicates": [
            {"path": path, "same_as": first} for path, first in catalogue.images.duplicates()
        ],
        "contradictions": [asdict(one) for one in catalogue.images.contradictions()],
        "spaces": [
            _space(collection, space, unreadable, runtime) for space in catalogue.spaces.all()
        ],
    }


def _space(
    collection: Collection,
    space: SpaceRow,
    unreadable: list[tuple[str, str]],
    runtime: str | None,
) -> dict[str, Any]:
    weights = collection.weights_path(space.name)
    card = load_card(weights)
    contract = collection.contract(space)
    rule = Rule.parse(contract.canonicalisation)
    published: dict[str, Any] = {"kind": None, "vectors": 0, "dimension": None, "index": None}
    if space.generation is not None:
        published = _published(collection, space)
    skipped = collection.catalogue.spaces.skipped(space.id) + unreadable
    return {
        "name": space.name,
        "weights_sha256": card.sha256,
        "architecture": card.architecture,
        "attributes": {a.name: list(a.values) for a in card.space.attributes},
        "score": Score.of(contract).name,
        "confidence": _calibrated(card, Score.of(contract).name, rule),
        "profile": card.profile,
        "advice": advice(contract),
        "hypotheses": str(rule.hypotheses),
        "canonical": f"student {rule.student}" if rule.student else "drawn",
        "landmarks": rule.landmarks or None,
        "min_score": _least(card, Score.of(contract).name, rule),
        "runtime": expected(weights, runtime),
        "generation": space.generation,
        "published_at": space.published_at,
        **published,
        "strangers": _strangers(collection, space),
        "states": collection.catalogue.spaces.state_counts(space.id),
        "skipped": [{"path": path, "reason": reason} for path, reason in sorted(skipped)],
    }


def _least(card: Card, score: str, rule: Rule) -> dict[str, float] | None:
    """Return the score that answers about strangers seldom reach, if it was fitted."""
    calibration = ScoreProfile.of(card).calibration(score, rule.hypotheses)
    if calibration is None or calibration.least is None:
        return None
    return calibration.least.to_json()


def _calibrated(card: Card, score: str, rule: Rule) -> bool:
    """Say whether answers can say how sure they are."""
    return ScoreProfile.of(card).calibration(score, rule.hypotheses) is not None


def _strangers(collection: Collection, space: SpaceRow) -> dict[str, Any] | None:
    found = strangers_in(collection, space)
    return None if found is None else {**asdict(found), "fit": found.fit}


def _published(collection: Collection, space: SpaceRow) -> dict[str, Any]:
    """Say what answers the searches of a space: its kind, what it holds, how well it does."""
    if collection.in_postgres:
        return collection.vectors(space).described()
    if collection.in_milvus:
        return milvus_copy.described(collection, space)
    manifest = read_manifest(collection.space_dir(space.name), space.generation or 0)
    return {
        "kind": manifest.kind,
        "vectors": manifest.vectors,
        "dimension": manifest.dimension,
        "index": None if manifest.main is None else asdict(manifest.main),
    }


def images_where(
    collection: Collection,
    where: str | None,
    space: str | None = None,
    *,
    after: int = 0,
    limit: int | None = None,
    one_each: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the images of which an expression is true, by id; removed ones if it asks for states.

    Estimates and states are those of a space; None for the one published last.

    Args:
        collection: Whose images.
        where: The expression; None for all that were not removed.
        space: Name of the space.
        after: Only images of higher ids.
        limit: At most so many; None for all.
        one_each: Of each person the first image alone; those that nobody named are all kept.

    Raises:
        ConfigError: It is no expression, or names what the catalogue does not know.
        CatalogueError: There is no such space.
    """
    images = collection.catalogue.images
    asked = ALL if where is None else where
    space_id, matched = matching(collection, asked, space, one_each=one_each)
    found = matched[np.searchsorted(matched, after, side="right") :][:limit].tolist()
    for start in range(0, len(found), PAGE):
        for row in images.rows(space_id, found[start : start + PAGE]).values():
            yield _image(row)


def image_row(collection: Collection, image_id: int, space: str | None = None) -> dict[str, Any]:
    """Return what `images_where` yields of one image.

    Raises:
        MissingImageError: There is no such image, or it was removed by hand.
        CatalogueError: There is no such space.
    """
    return _image(known_row(collection, image_id, space))


def known_row(collection: Collection, image_id: int, space: str | None = None) -> ImageRow:
    """Return one image, with its estimate in a space; see `image_row`."""
    images, spaces = collection.catalogue.images, collection.catalogue.spaces
    some = spaces.get(space) if space is not None else next(iter(spaces.all()), None)
    known = 0 < image_id <= LARGEST_ID
    rows = images.rows(0 if some is None else some.id, [image_id]) if known else {}
    if image_id not in rows or images.removed_by_hand([image_id]):
        raise MissingImageError(
            f"There is no image {image_id} in {collection.root}; `mindseye index show --where EXPR`"
            " lists those there are"
        )
    return rows[image_id]


def _image(row: ImageRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "path": row.path,
        "identity": row.identity,
        "condition": dict(row.condition),
        "estimate": dict(row.estimate),
        "sha256": row.sha256,
    }


def image_line(row: dict[str, Any]) -> str:
    """Say what `images_where` yields, for people."""
    values = " ".join(f"{name}={value}" for name, value in row["condition"].items())
    return f"{row['id']:>7}  {row['identity'] or '-':<12} {values}  {row['path']}"


def to_text(shown: dict[str, Any]) -> str:
    """Say what `describe` found, for people."""
    where = "" if shown["engine"] is None else f", searched in {shown['engine']}"
    lines = [f"{shown['collection']}: {shown['images']} images{where}"]
    for space in shown["spaces"]:
        lines += _space_lines(space)
    lines += [f"duplicate {d['path']}: same as {d['same_as']}" for d in shown["duplicates"]]
    lines += [f"contradiction {Contradiction(**one)}" for one in shown["contradictions"]]
    return "\n".join(lines)


def _space_lines(space: dict[str, Any]) -> list[str]:
    wishes = ", ".join(f"{n}={'|'.join(v)}" for n, v in space["attributes"].items())
    states = ", ".join(f"{count} {state}" for state, count in space["states"].items())
    lines = [
        f"space {space['name']}: {space['architecture']}, wishes {wishes}",
        f"  {states}; {space['kind'] or UNPUBLISHED}{_scored(space)}",
    ]
    if space["runtime"] != "torch":
        lines.append(f"  {_drawn_by(space['runtime'])}")
    if space["index"] is not None:
        lines.append(f"  {_index(space['index'])}")
    if space["min_score"] is not None:
        lines.append(f"  suggested {LeastScore(**space['min_score'])}")
    if space["advice"] is not None:
        lines.append(f"  {space['advice']}")
    if space["strangers"] is not None:
        told = Strangers(**{n: v for n, v in space["strangers"].items() if n != "fit"})
        lines.append(f"  {told if told.fit else misfit(space['name'], told)}")
    return lines + [f"  skipped {one['path']}: {one['reason']}" for one in space["skipped"]]


def _scored(space: dict[str, Any]) -> str:
    """Say how a space scores, as far as it is not by drawings alone as ever."""
    said = "" if space["score"] == DRAWING else f", scored by {space['score']}"
    if space["profile"] != DEFAULT_PROFILE:
        said += f", profile {space['profile']}"
    if space["canonical"] != "drawn":
        said += f", canonical views by the {space['canonical']}"
    if space["landmarks"] is not None:
        said += ", poses by landmarks"
    if space["hypotheses"] != "1":
        said += f", hypotheses {space['hypotheses']}: {space['vectors']} vectors"
    return said


def _drawn_by(runtime: str | None) -> str:
    """Say what draws for questions, where it is not torch as ever."""
    if runtime is None:
        return "the first question will measure whether torch or OpenVINO draws faster here"
    return "questions are drawn by OpenVINO, which starts faster here; --runtime torch is the other"


def _index(main: dict[str, Any]) -> str:
    """Say how well an index does, and what it holds."""
    measured = main["measured"]
    said = f"{main['rows']} rows in {spell_bytes(main['bytes'])}"
    if measured["probes"]:
        reached = "" if measured["reached"] else ", less than was asked for"
        said += f", overlap @10 with exact search {measured['overlap']:.4f}{reached}"
    return said
