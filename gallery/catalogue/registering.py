"""Registering: which image each file holds, and what is known of it.

An image is known by its bytes. Of the paths that still hold it, landmarks count that come with the
one it was first found at, and labels with the first that says who is shown; where none says so,
with the first that says anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gallery.attributes import as_number
from gallery.catalogue.inserting import insert_rows
from gallery.catalogue.json_values import spell_landmarks
from gallery.catalogue.parts import parts
from gallery.catalogue.records import FileRecord
from gallery.catalogue.removal import leave_spaces
from gallery.catalogue.tables import File, Identity, Image, Value
from gallery.spelling import composed

CHANGED = "its file now holds another image"
Known = tuple[int, int | None, str | None]  # an image's id, identity and landmarks


def register(session: Session, offers: Sequence[FileRecord]) -> list[int | None]:
    """Record files, and the images that they hold; see `Images.register`."""
    identities = identities_of(session, [offer.identity for offer in offers if offer.identity])
    images = _images(session, offers, identities)
    files = _files(session, [offer.path for offer in offers])
    registered = [images[offer.sha256][0] if offer.sha256 else None for offer in offers]
    displaced: set[int] = set()
    recorded: dict[str, dict[str, Any]] = {}
    for offer, image_id in zip(offers, registered, strict=True):
        known = files.get(offer.path, {})
        before = known.get("image_id")
        if before is not None and before != image_id:
            displaced.add(before)
        recorded[offer.path] = _file_row(offer, image_id, known)
    _record_files(session, recorded, files)
    first = first_paths(session, [image_id for image_id, _, _ in images.values()])  # as it is now
    given = [(i, o) for o, i in zip(offers, registered, strict=True) if i is not None]
    places = {image_id: offer for image_id, offer in given if first[image_id] == offer.path}
    labels = _labels(session, given)
    for image_id in _by_hand(session, labels):
        del labels[image_id]
    _label(session, labels)
    _point_out(session, images.values(), labels, places, identities)
    still = first_paths(session, displaced)
    leave_spaces(session, [i for i in sorted(displaced) if i not in still], CHANGED)
    return registered


def first_paths(session: Session, image_ids: Iterable[int]) -> dict[int, str]:
    """Return the path at which each image was found first, of those that still hold it."""
    first: dict[int, str] = {}
    query = select(File.image_id, File.path).order_by(File.id)
    for part in parts(list(image_ids)):
        for image_id, path in session.execute(query.where(File.image_id.in_(part))):
            if image_id is not None:
                first.setdefault(image_id, path)
    return first


def labelling_paths(session: Session, image_ids: Iterable[int]) -> dict[int, str]:
    """Return the path whose labels count, of each image: the first that says who is shown.

    Where none says so, it is the path at which the image was found first.
    """
    found: dict[int, str] = {}
    query = select(File.image_id, File.path).order_by(File.identity.is_(None), File.id)
    for part in parts(list(image_ids)):
        for image_id, path in session.execute(query.where(File.image_id.in_(part))):
            if image_id is not None:
                found.setdefault(image_id, path)
    return found


def _by_hand(session: Session, image_ids: Iterable[int]) -> list[int]:
    """Return the images whose labels were set by hand: those of their files no longer count."""
    found: list[int] = []
    for part in parts(list(image_ids)):
        query = select(Image.id).where(Image.id.in_(part), Image.labelled_at.is_not(None))
        found += session.scalars(query)
    return found


def _labels(session: Session, given: Sequence[tuple[int, FileRecord]]) -> dict[int, FileRecord]:
    """Return the offer whose labels count, of each image of which one says anything."""
    counting = labelling_paths(session, {image_id for image_id, _ in given})
    said = [(i, offer) for i, offer in given if offer.identity or offer.condition]
    labels = {image_id: offer for image_id, offer in said if counting[image_id] == offer.path}
    silent = {i for i, offer in given if counting[i] == offer.path} - labels.keys()
    for image_id, offer in said:
        if image_id in silent:
            labels.setdefault(image_id, offer)
    return labels


def _images(
    session: Session, offers: Sequence[FileRecord], identities: Mapping[str, int]
) -> dict[str, Known]:
    """Return the images that are offered; new ones are recorded as their first offer says."""
    first: dict[str, FileRecord] = {}
    for offer in offers:
        if offer.sha256 is not None:
            first.setdefault(offer.sha256, offer)
    found: dict[str, Known] = {}
    query = select(Image.sha256, Image.id, Image.identity_id, Image.landmarks)
    for part in parts(list(first)):
        for known in session.execute(query.where(Image.sha256.in_(part))):
            found[known.sha256] = (known.id, known.identity_id, known.landmarks)
    new: list[dict[str, Any]] = [
        {
            "sha256": sha256,
            "identity_id": identities[offer.identity] if offer.identity else None,
            "landmarks": spell_landmarks(offer.landmarks),
        }
        for sha256, offer in first.items()
        if sha256 not in found
    ]
    for row, image_id in zip(new, insert_rows(session, Image, new), strict=True):
        found[str(row["sha256"])] = (image_id, row["identity_id"], row["landmarks"])
    return found


def identities_of(session: Session, labels: Sequence[str]) -> dict[str, int]:
    """Return the people of some labels, however these are composed; new ones are recorded."""
    keys = {label: composed(label) for label in labels}
    found: dict[str, int] = {}
    query = select(Identity.composed, Identity.id).order_by(Identity.id)
    for part in parts(list(dict.fromkeys(keys.values()))):
        for key, identity_id in session.execute(query.where(Identity.composed.in_(part))):
            found.setdefault(key, identity_id)
    new: dict[str, dict[str, str]] = {}
    for label, key in keys.items():
        if key not in found:
            new.setdefault(key, {"label": label, "composed": key})
    found.update(zip(new, insert_rows(session, Identity, list(new.values())), strict=True))
    return {label: found[key] for label, key in keys.items()}


def _files(session: Session, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = (
        *(File.id, File.path, File.image_id, File.reason, File.size_bytes, File.mtime_ns),
        *(File.landmarks, File.marked_sha256, File.identity),
    )
    found: dict[str, dict[str, Any]] = {}
    for part in parts(paths):
        for row in session.execute(select(*columns).where(File.path.in_(part))):
            found[row.path] = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's public name for it
    return found


def _file_row(offer: FileRecord, image_id: int | None, known: Mapping[str, Any]) -> dict[str, Any]:
    by_hand = spell_landmarks(offer.landmarks) if offer.by_hand else None
    first_used = None if by_hand is None else offer.sha256
    if offer.sha256 is None or (by_hand is not None and by_hand == known.get("landmarks")):
        by_hand, first_used = known.get("landmarks"), known.get("marked_sha256")
    return {
        "path": offer.path,
        "image_id": image_id,
        "reason": offer.reason,
        "size_bytes": offer.size_bytes,
        "mtime_ns": offer.mtime_ns,
        "landmarks": by_hand,
        "marked_sha256": first_used,
        "identity": composed(offer.identity) if offer.identity else None,
    }


def _record_files(
    session: Session, recorded: Mapping[str, dict[str, Any]], files: Mapping[str, dict[str, Any]]
) -> None:
    new = [row for path, row in recorded.items() if path not in files]
    known = [row | {"id": files[path]["id"]} for path, row in recorded.items() if path in files]
    changed = [row for row in known if row != files[row["path"]]]
    insert_rows(session, File, new, with_ids=False)
    if changed:
        session.execute(update(File), changed)


def _label(session: Session, labels: dict[int, FileRecord]) -> None:
    """Write down conditions, where they differ from those known."""
    known: dict[int, dict[str, str]] = defaultdict(dict)
    values = select(Value.image_id, Value.attribute, Value.value)
    for part in parts(list(labels)):
        for image_id, name, value in session.execute(values.where(Value.image_id.in_(part))):
            known[image_id][name] = value
    changed = [i for i, offer in labels.items() if known[i] != dict(offer.condition)]
    for part in parts([i for i in changed if known[i]]):
        session.execute(delete(Value).where(Value.image_id.in_(part)))
    rows = [
        {"image_id": i, "attribute": name, "value": value, "number": as_number(value)}
        for i in changed
        for name, value in labels[i].condition.items()
    ]
    insert_rows(session, Value, rows, with_ids=False)


def _point_out(
    session: Session,
    images: Iterable[Known],
    labels: Mapping[int, FileRecord],
    places: Mapping[int, FileRecord],
    identities: Mapping[str, int],
) -> None:
    """Write down who is shown, and where the face is, where that differs from what is known."""
    changed = []
    for image_id, identity_id, landmarks in images:
        who, where = identity_id, landmarks
        label, place = labels.get(image_id), places.get(image_id)
        if label is not None:
            who = identities[label.identity] if label.identity else None
        if place is not None and place.landmarks is not None:
            where = spell_landmarks(place.landmarks)
        if (who, where) != (identity_id, landmarks):
            changed.append({"id": image_id, "identity_id": who, "landmarks": where})
    if changed:
        session.execute(update(Image), changed)
