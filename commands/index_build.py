"""Making an index and adding to it: `mindseye index build` and `add`."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import mindseye
from commands.interrupts import last_batch, resumable
from commands.models import open_set, packaged_for
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Device,
    KeepFaceless,
    LandmarksFile,
    RayCluster,
    Restore,
    Spec,
    Split,
    Workers,
)
from commands.progress import meter, tell
from gallery.json_files import spell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gallery.faces import FaceSet


def build(
    spec: Spec,
    weights: Annotated[
        list[str],
        typer.Option(
            help="Folder, file or packaged name; say it again for more. Default: packaged ones."
        ),
    ] = [],  # noqa: B006  typer copies it
    attribute: Annotated[
        list[str], typer.Option(help="What you will wish for: chooses packaged weights.")
    ] = [],  # noqa: B006
    collection: CollectionDir = DEFAULT_COLLECTION,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Database for the catalogue of a new collection, if not SQLite."
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What searches a new collection, if not its folder: postgresql://me@host/faces,"
            " milvus://host:19530 or milvus:FILE.db (docs/engines.md).",
        ),
    ] = None,
    split: Split = "all",
    landmarks: LandmarksFile = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="exact, flat, ivf, hnsw, fp16, sq8, pq, rabitq, or auto (all but exact need"
            " FAISS); default: as before, or exact."
        ),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="The most that the index may hold in memory, for auto. Default: 2GB."),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(help="The share of the ten nearest that the index shall find. Default: 0.99."),
    ] = None,
    refine_best: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Refine only the N first drawings that come closest: faster. Default: as before.",
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="drawing, drawing+values or fused (docs/scoring.md); default: as before, or the"
            " fullest that was fitted for the weights and is installed."
        ),
    ] = None,
    hypotheses: Annotated[
        str | None,
        typer.Option(
            help="Values that an image is stored in: 1; 2; '2 within M', two where log p of the"
            " likeliest is at most M ahead; or auto, as fitted for the weights. Default: as before,"
            " or auto."
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="What scores and confidence were fitted on, of what the weights' card has: drawn"
            " faces, photographs. Default: as before, or what suits the images."
        ),
    ] = None,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a build; an error if there is none.")
    ] = False,
    restore: Restore = False,
    keep_faceless: KeepFaceless = None,
    workers: Workers = None,
    ray: RayCluster = None,
    canonical: Annotated[
        str | None,
        typer.Option(
            help="Who makes canonical views: drawn (the weights: the published method), student"
            " (theirs, much faster; docs/student.md), or auto (the student where it was measured to"
            " lose little). Default: as before, or drawn."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or update the index of a gallery.

    Each set of weights makes one embedding space.

    Images are known by their content: building again adds what is new and nothing twice.

    \b
    Example: mindseye index build folder:photos --attribute pose --collection my-faces
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with mindseye.open_gallery(
        collection, create=not resume, catalogue=catalogue, engine=engine, device=device
    ) as gallery:
        faces = open_set(spec, landmarks)
        with _building() as progress:
            added = gallery.add(
                faces,
                weights=weights or packaged_for(faces, attribute),
                split=split,
                kind=kind,
                memory=memory,
                accuracy=accuracy,
                refine_best=refine_best,
                score=score,
                hypotheses=hypotheses,
                profile=profile,
                restore=restore,
                keep_faceless=keep_faceless,
                workers=workers,
                ray=ray,
                canonical=canonical,
                progress=progress,
            )
    _print(added, faces, collection, as_json=as_json)


def add(
    spec: Spec,
    collection: CollectionDir = DEFAULT_COLLECTION,
    space: Annotated[
        list[str] | None, typer.Option(help="Add to this space only; say it again for others.")
    ] = None,
    split: Split = "all",
    landmarks: LandmarksFile = None,
    device: Device = "auto",
    restore: Restore = False,
    keep_faceless: KeepFaceless = None,
    workers: Workers = None,
    ray: RayCluster = None,
    as_json: AsJson = False,
) -> None:
    """Add images to every space, drawn with the weights it keeps.

    Only what is new is embedded: images are known by their content.

    \b
    Example: mindseye index add folder:more-photos --collection my-faces
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with mindseye.open_gallery(collection, device=device) as gallery:
        faces = open_set(spec, landmarks)
        with _building() as progress:
            added = gallery.add(
                faces,
                spaces=space or gallery.spaces,
                split=split,
                restore=restore,
                keep_faceless=keep_faceless,
                workers=workers,
                ray=ray,
                progress=progress,
            )
    _print(added, faces, collection, as_json=as_json)


@contextmanager
def _building() -> "Iterator[Callable[[mindseye.Progress], None]]":
    """Show how far a build is; Ctrl-C ends it after the batch in hand."""
    with (
        resumable("Run the same command again to go on."),
        meter("indexing") as shown,
        last_batch(shown.show) as progress,
    ):
        yield progress


def _print(
    added: "Sequence[mindseye.Added]", faces: "FaceSet", collection: Path, *, as_json: bool
) -> None:
    """Print what came of all spaces, for people or for programs."""
    from gallery.summary import remarks

    for one in added:
        if not as_json:
            typer.echo(_line(one))
        for note in _notes(one, collection):
            tell(note)
    if as_json:
        problems = [{"path": one.name, "reason": one.reason} for one in faces.problems]
        spaces = [_for_programs(one) for one in added]
        shown = {"spec": faces.spec, "spaces": spaces, "problems": problems, **remarks(faces)}
        typer.echo(spell(shown, ascii_only=False))


def _line(added: "mindseye.Added") -> str:
    """Say in a line what came of a space."""
    parts = [f"{added.indexed} images indexed", f"{added.known} known already"]
    parts += [f"{added.duplicates} duplicates"] if added.duplicates else []
    parts += [f"{added.removed} removed before"] if added.removed else []
    return f"{added.space}: {', '.join(parts)}, {added.skipped} files left out"


def _notes(added: "mindseye.Added", collection: Path) -> "Iterator[str]":
    """Say what else there is to know, and what to do."""
    if added.skipped:
        yield f"Reasons: mindseye index show --collection {collection}"
    if added.removed:
        yield "What was removed by hand stays out; --restore takes it in again"
    if added.lost:
        yield (
            f"{added.lost} images of other SPECs were in shards that are lost or damaged;"
            " build those SPECs again"
        )
    yield from (f"Warning: {warning}" for warning in added.warnings)


def _for_programs(added: "mindseye.Added") -> dict[str, Any]:
    """Return what came of a space as JSON."""
    counts = ("indexed", "known", "duplicates", "removed", "skipped", "lost")
    counted = {count: getattr(added, count) for count in counts}
    return {"name": added.space, **counted, "edited": list(added.edited)}
