"""Making an index and adding to it: `mindseye index build` and `add`."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.interrupts import last_batch, resumable
from commands.models import NAMED, open_engine, open_set, packaged_for
from commands.options import (
    DEFAULT_COLLECTION,
    AsJson,
    CollectionDir,
    Device,
    KeepFaceless,
    LandmarksFile,
    Restore,
    Spec,
    Split,
    require_one_of,
)
from commands.progress import bar, tell
from gallery.json_files import spell

if TYPE_CHECKING:
    from gallery.faces import FaceSet
    from retrieval.collection.build import BuildProgress
    from retrieval.collection.collection import Collection


def build(
    spec: Spec,
    weights: Annotated[
        list[str],
        typer.Option(help="Folder, file or packaged name; repeatable. Default: packaged that fit."),
    ] = [],  # noqa: B006  typer copies it
    attribute: Annotated[
        list[str], typer.Option(help="What will be wished for: chooses packaged weights.")
    ] = [],  # noqa: B006
    collection: CollectionDir = DEFAULT_COLLECTION,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Database for the catalogue of a new collection, if not SQLite."
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
        str | None, typer.Option(help="What the index may hold in memory, for auto; 2GB.")
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(help="Share of the ten nearest that an approximate kind shall find; 0.99."),
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
            help="drawing, drawing+values or fused (docs/fusion.md); default: as before, or the"
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
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on; an error if there is nothing yet.")
    ] = False,
    restore: Restore = False,
    keep_faceless: KeepFaceless = False,
    as_json: AsJson = False,
) -> None:
    """Make or update the index of a gallery: one embedding space for each set of weights.

    Images are known by their content: building again adds what is new and nothing twice.

    \b
    Example: mindseye index build folder:photos --attribute pose --collection my-faces
    """
    from generator.checkpoint import find_weights
    from generator.device import keep_freed_memory
    from index.kinds import request_for
    from retrieval.collection.build import build as build_space
    from retrieval.collection.collection import Collection
    from retrieval.scoring.choice import choose_score, refuse_score
    from retrieval.splits import SPLITS, part_of

    require_one_of("--split", split, SPLITS)
    request = request_for(kind, memory, accuracy)
    keep_freed_memory()
    faces = open_set(spec, landmarks)
    paths = [find_weights(given) for given in weights] or packaged_for(faces, attribute)
    engines = [open_engine(str(path), device, images=len(faces)) for path in paths]
    refuse_score(score, hypotheses, engines, is_new=not collection.exists())
    if resume:
        Collection.open(collection).close()
    opened = Collection.open_or_create(collection, catalogue)
    told = []
    with closing(opened), opened.writing(), resumable("Run the same command again to go on."):
        for engine, path in zip(engines, paths, strict=True):
            part = part_of(faces, engine.card, split)
            known = {space.name for space in opened.catalogue.spaces.all()}
            is_new = engine.card.name not in known
            choice = choose_score(score, hypotheses, engine, is_new=is_new)
            if choice.why:
                tell(f"Score: {choice.why}")
            steps = build_space(
                opened,
                part,
                engine,
                path,
                request,
                refine_best=refine_best,
                restore=restore,
                score=choice.score,
                hypotheses=hypotheses,
                keep_faceless=keep_faceless,
            )
            told.append(_follow_build(steps, engine.card.name, opened, len(part), as_json=as_json))
    _print(told, faces, as_json=as_json)


def add(
    spec: Spec,
    collection: CollectionDir = DEFAULT_COLLECTION,
    space: Annotated[
        list[str] | None, typer.Option(help="Instead of every space; repeatable.")
    ] = None,
    split: Split = "all",
    landmarks: LandmarksFile = None,
    device: Device = "auto",
    restore: Restore = False,
    keep_faceless: KeepFaceless = False,
    as_json: AsJson = False,
) -> None:
    """Add images to the spaces there are, drawn with the weights that each keeps.

    Only what is new is embedded: images are known by their content.

    \b
    Example: mindseye index add folder:more-photos --collection my-faces
    """
    from generator.device import keep_freed_memory
    from retrieval.collection.build import build as build_space
    from retrieval.collection.collection import Collection
    from retrieval.splits import SPLITS, part_of

    require_one_of("--split", split, SPLITS)
    keep_freed_memory()
    faces = open_set(spec, landmarks)
    opened = Collection.open(collection)
    told = []
    with closing(opened), opened.writing(), resumable("Run the same command again to go on."):
        for name in space or opened.space_names():
            known = opened.catalogue.spaces.get(name)
            path = opened.weights_path(known.name)
            engine = open_engine(str(path), device, images=len(faces))
            part = part_of(faces, engine.card, split)
            steps = build_space(
                opened,
                part,
                engine,
                path,
                restore=restore,
                keep_faceless=keep_faceless,
            )
            told.append(_follow_build(steps, name, opened, len(part), as_json=as_json))
    _print(told, faces, as_json=as_json)


def _print(told: list[dict[str, Any]], faces: "FaceSet", *, as_json: bool) -> None:
    """Print what came of all spaces, for programs."""
    from gallery.summary import remarks

    if as_json:
        problems = [{"path": one.name, "reason": one.reason} for one in faces.problems]
        shown = {"spec": faces.spec, "spaces": told, "problems": problems, **remarks(faces)}
        typer.echo(spell(shown, ascii_only=False))


def _follow_build(
    steps: "Iterator[BuildProgress]",
    name: str,
    collection: "Collection",
    total: int,
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Show a build's progress, and say what came of it; for people, if not for programs."""
    from retrieval.collection.domain_check import misfit, strangers_in

    with last_batch(steps) as stoppable:
        last = list(bar(stoppable, f"indexing with {name}", total))[-1]
    parts = [f"{last.indexed} images indexed", f"{last.known} known already"]
    parts += [f"{last.duplicates} duplicates"] if last.duplicates else []
    parts += [f"{last.removed} removed before"] if last.removed else []
    if not as_json:
        typer.echo(f"{name}: {', '.join(parts)}, {last.skipped} files left out")
    if last.skipped:
        tell(f"Reasons: mindseye index show --collection {collection.root}")
    if last.removed:
        tell("What was removed by hand stays out; --restore takes it in again")
    if last.lost:
        tell(
            f"{last.lost} images of other SPECs were in shards that are lost or damaged;"
            " build those SPECs again"
        )
    if last.edited:
        named = ", ".join(last.edited[:NAMED]) + (", …" if len(last.edited) > NAMED else "")
        tell(
            f"Warning: {len(last.edited)} photographs have changed since landmarks were written"
            f" for them by hand, and are cut by these: {named}. Check their lines"
        )
    _tell_contradictions(collection)
    strangers = strangers_in(collection, collection.catalogue.spaces.get(name))
    if strangers is not None and not strangers.fit:
        tell(f"Warning: {misfit(name, strangers)}")
    counts = ("indexed", "known", "duplicates", "removed", "skipped", "lost")
    return {
        "name": name,
        **{count: getattr(last, count) for count in counts},
        "edited": list(last.edited),
    }


def _tell_contradictions(collection: "Collection") -> None:
    """Name a file whose label names somebody else than that of an equal file."""
    found = collection.catalogue.images.contradictions()
    if found:
        tell(
            f"Warning: labels that do not count, as equal files are labelled otherwise:"
            f" {len(found)}. {found[0]}. All: mindseye index show --collection {collection.root}"
        )
