"""What is served, and what can be wished for."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import APIRouter

import mindseye
from service.galleries import ServedCollection
from service.problems import without_paths
from service.schemas import (
    CollectionsTold,
    CollectionTold,
    LabelsTold,
    LimitsTold,
    SpaceTold,
    SystemTold,
)
from service.state import Collection, ServiceState, State

router = APIRouter(prefix="/v1", tags=["collections"])
KEPT = "Images that are asked about are not kept. Drawings are kept in memory until it stops."


@router.get("/system")
async def system(state: State) -> SystemTold:
    """Say what this service is, and what it refuses."""
    settings, limits = state.settings, state.settings.limits
    return SystemTold(
        version=_version(),
        read_only=settings.read_only,
        uploads=settings.uploads is not None and not settings.read_only,
        token_for_reading=settings.token_for_reading,
        demo=settings.demo,
        collections=state.collections.names,
        limits=LimitsTold(
            upload_bytes=limits.upload_bytes,
            request_bytes=limits.request_bytes,
            pixels=limits.pixels,
            files=limits.files,
            k=limits.k,
        ),
        kept=KEPT,
    )


@router.get("/collections")
def collections(state: State) -> CollectionsTold:
    """List the collections; the first one answers where none is named."""
    return CollectionsTold(collections=[_told(state, one) for one in state.collections])


@router.get("/collections/{name}")
def collection(state: State, name: str) -> CollectionTold:
    """Say what a collection holds, and what can be wished for."""
    return _told(state, state.collections.get(name))


@router.get("/labels")
def labels(collection: Collection) -> LabelsTold:
    """List the people and the values that images are labelled with."""
    return LabelsTold(**collection.ask(lambda gallery: gallery.labels()))


def _told(state: ServiceState, collection: ServedCollection) -> CollectionTold:
    shown, labels, several = collection.ask(_shown)
    spaces = [_space(one, one["name"] in several) for one in shown["spaces"]]
    attributes: dict[str, list[str]] = {}
    for space in spaces:
        for name, values in space.attributes.items():
            known = attributes.setdefault(name, [])
            known += [value for value in values if value not in known]
    return CollectionTold(
        name=collection.name,
        images=shown["images"],
        default=state.collections.names[0] == collection.name,
        uploads=collection.uploads is not None and not state.settings.read_only,
        attributes=attributes,
        labels=sorted(labels["attributes"]),
        spaces=spaces,
    )


def _shown(gallery: mindseye.Gallery) -> tuple[dict[str, Any], dict[str, Any], set[str]]:
    """Return what a gallery holds, its labels, and the spaces that take several images."""
    if not gallery.spaces:
        return {"images": 0, "spaces": []}, {"attributes": {}}, set()
    several = {name for name in gallery.spaces if gallery.takes_several(name)}
    return gallery.show(), gallery.labels(most=1), several


def _space(space: dict[str, Any], several: bool) -> SpaceTold:
    advice = space["advice"]
    return SpaceTold(
        name=space["name"],
        attributes=space["attributes"],
        score=space["score"],
        profile=space["profile"],
        images=space["states"].get("indexed", 0),
        generation=space["generation"],
        published_at=space["published_at"],
        confidence=space["confidence"],
        min_score=space["min_score"],
        strangers=space["strangers"],
        advice=None if advice is None else without_paths(advice),
        several_images=several,
    )


def _version() -> str:
    try:
        return version("mindseye")
    except PackageNotFoundError:
        return "unknown"
