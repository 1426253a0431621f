"""Changes: images are added, removed, labelled. All of them need the token."""

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Body, File, Form, Response, UploadFile

import mindseye
from service import stored
from service.galleries import ServedCollection
from service.jobs import Job
from service.problems import ProblemError, name_of, without_paths
from service.schemas import ChangedTold, JobTold, LabelChanges, RemovedTold, RemoveImages
from service.state import Changes, Collection, ServiceState, State
from service.uploads import decode, read_upload

DEMO_SPACES = 3  # pose, illumination, accessory
router = APIRouter(prefix="/v1", tags=["changes"], dependencies=[Changes])


@router.post("/images", status_code=202)
async def add(
    state: State,
    collection: Collection,
    response: Response,
    image: Annotated[list[UploadFile], File(description="Image files")],
    identity: Annotated[str | None, Form(max_length=255, description="Whose face")] = None,
    label: Annotated[
        list[str] | None, Form(max_length=32, description="Like pose=45; again for more")
    ] = None,
    find_faces: Annotated[
        bool, Form(description="Whether to look for faces, where those of the gallery were found")
    ] = True,
) -> JobTold:
    """Keep images and take them in: a job. They are on disk when this answers."""
    if collection.uploads is None:
        told = "This service takes no images; start it with --uploads DIR"
        raise ProblemError(403, "no_uploads", told)
    limits = state.settings.limits
    if len(image) > limits.files:
        raise ProblemError(413, "too_large", f"A request holds at most {limits.files} files")
    cells = stored.read_labels(identity, label or ())
    contents, sent_as = [], {}
    for one in image:
        content = await read_upload(one, limits)
        await to_thread.run_sync(decode, content, limits)
        contents.append(content)
        sent_as[stored.file_name(content)] = name_of(one.filename or "")
    keep = partial(stored.store, collection.uploads, secrets.token_hex(8), contents, cells)
    folder = await to_thread.run_sync(partial(keep, as_they_are=not find_faces))
    job = state.jobs.add(adding(collection, folder.name, sent_as))
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return JobTold(**job.to_json())


@router.delete("/images")
def remove(collection: Collection, what: Annotated[RemoveImages, Body()]) -> RemovedTold:
    """Remove images from every answer at once; files that were uploaded are deleted."""
    if (what.ids is None) == (what.where is None):
        raise ProblemError(422, "invalid", "Say either 'ids' or 'where'")

    def change(gallery: mindseye.Gallery) -> tuple[mindseye.Removed, set[str]]:
        ids, where, space = what.ids or (), what.where, what.space
        chosen = gallery.remove(ids=ids, where=where, space=space, dry_run=True)
        contents = {str(gallery.image(one)["sha256"]) for one in chosen}
        removed = chosen if what.dry_run else gallery.remove(ids=chosen) if chosen else chosen
        return removed, contents

    removed, contents = collection.ask(change)
    if not what.dry_run:
        stored.forget(collection.uploads, contents)
    return RemovedTold(removed=list(removed), notes=[without_paths(one) for one in removed.notes])


@router.patch("/images")
def label(collection: Collection, what: Annotated[LabelChanges, Body()]) -> ChangedTold:
    """Set labels of many images at once; what their files say then no longer counts."""
    named = "identity" in what.model_fields_set
    identity = (what.identity or "") if named else None
    changed = collection.ask(
        lambda gallery: gallery.label(what.ids, identity=identity, values=what.labels)
    )
    return ChangedTold(changed=changed)


def adding(
    collection: ServedCollection, name: str, sent_as: Mapping[str, str] | None = None
) -> Job:
    """Return the job that takes in what a request left.

    Args:
        collection: Which it joins.
        name: Of the folder of the request.
        sent_as: What who sent them calls the files, by their names here; None where nobody knows.
    """

    def run(job: Job) -> dict[str, object]:
        assert collection.uploads is not None  # noqa: S101  there is what was uploaded
        with collection.open() as gallery:
            told = stored.take_in(gallery, collection.uploads / name, job, collection.weights)
        for one in told["skipped"]:
            one["name"] = (sent_as or {}).get(one["name"]) or one["name"]
        return told

    return Job("add", collection.name, run)


def is_complete(demo: ServedCollection) -> bool:
    """Say whether the demonstration's gallery was made."""

    def is_made(gallery: mindseye.Gallery) -> bool:
        if len(gallery.spaces) != DEMO_SPACES:
            return False
        return all(one["generation"] for one in gallery.show()["spaces"])

    return demo.ask(is_made)


def making_demo(demo: ServedCollection) -> Job:
    """Return the job that makes the demonstration's gallery."""

    def run(job: Job) -> dict[str, object]:
        mindseye.demo_gallery(demo.path.parent, device=demo.device, progress=job)
        with demo.open() as gallery:
            return {"images": gallery.count()}

    return Job("demo", demo.name, run)


def resume(state: ServiceState) -> None:
    """Queue what was uploaded and not taken in before the service ended."""
    for collection in state.collections:
        if collection.uploads is not None:
            for folder in stored.unfinished(collection.uploads):
                state.jobs.add(adding(collection, folder.name))
