"""The command line: read arguments, call one function, print what it returned.

Heavy modules are imported inside commands: `mindseye --help` must not wait for torch.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gallery.errors import ConfigError, UserError

if TYPE_CHECKING:
    from PIL.Image import Image

    from gallery.align import Crop
    from gallery.faces import FaceSet
    from generator.engine import Engine
    from generator.request import TrainRequest
    from index.kinds import Request
    from retrieval.build import BuildProgress
    from retrieval.collection import Collection
    from retrieval.search import Among, Answer, Searcher

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
data_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
index_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
studio_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
weights_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(weights_app, name="weights", help="Look at the weights that ship, and at others.")
app.add_typer(studio_app, name="studio", help="Draw synthetic faces with exact labels.")
app.add_typer(data_app, name="data", help="Look at collections of images.")
app.add_typer(index_app, name="index", help="Build and inspect the index of a gallery.")

SPEC_HELP = "READER:PATH (cmu-faces, folder, multipie, studio), or studio-mini."
Spec = Annotated[str, typer.Argument(metavar="SPEC", help=SPEC_HELP)]
CollectionDir = Annotated[
    Path,
    typer.Option("--collection", envvar="MINDSEYE_COLLECTION", help="Folder of the collection."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CropOption = Annotated[
    str | None,
    typer.Option(metavar="X,Y,W,H", help="Where the face is: pixels, or shares up to 1."),
]
Split = Annotated[str, typer.Option(help="all, train (people on the card) or test (the others).")]
SPLITS = ("all", "train", "test")
Restore = Annotated[bool, typer.Option("--restore", help="Take in again what was removed by hand.")]
Where = Annotated[
    str | None,
    typer.Option(metavar="EXPR", help='Like "pose=45 and identity!=ann"; see docs/collections.md.'),
]
FIND = "face"  # as --crop: look for it
DEFAULT_COLLECTION = Path("mindseye-collection")
T = TypeVar("T")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Picture what you are looking for, then find it.

    Draw a wished image ("this face, with sunglasses") and find what comes closest in a gallery.

    \b
    Example: mindseye query me.jpg --wish eyes=sunglasses --collection my-faces
    """  # noqa: D301  \b keeps the example's lines
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"mindseye {installed('mindseye')}")
        raise typer.Exit


@data_app.command("show")
def data_show(
    spec: Spec,
    sheet: Annotated[Path | None, typer.Option(help="Draw a contact sheet there.")] = None,
    crop: CropOption = None,
    check: Annotated[bool, typer.Option("--check", help="Decode every image.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count a collection by identity and attribute, and name the holes in its grid.

    \b
    Example: mindseye data show cmu-faces:cmu-faces.tar.gz --sheet faces.png
    """  # noqa: D301
    from gallery import sheets
    from gallery.align import Aligner
    from gallery.faces import Problem
    from gallery.pixels import align_each
    from gallery.readers.registry import open_faces
    from gallery.summary import contact_sheet, summarise, to_text

    faces = open_faces(spec)
    faces = replace(faces, crop=_crop(crop) or faces.crop)
    if check:
        aligner = Aligner(size=32, channels=1, crop=faces.crop)
        checked = _bar(align_each(faces, aligner), "checking", len(faces))
        bad = [found for _, found in checked if isinstance(found, Problem)]
        faces = replace(faces, problems=(*faces.problems, *bad))
    if sheet is not None:
        sheets.save(contact_sheet(faces), sheet)
        _note(f"Contact sheet: {sheet}")
    summary = summarise(faces)
    typer.echo(json.dumps(summary, ensure_ascii=False) if as_json else to_text(summary))


@data_app.command("find-faces")
def data_find_faces(
    spec: Spec,
    out: Annotated[
        Path | None, typer.Option(help="CSV file; default: where the reader takes it up.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw the faces there, cut out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the face in every image, and write down where its eyes and chin are.

    What the file holds already stays; run it again for new images. Needs the extra "faces".

    \b
    Example: mindseye data find-faces folder:photos --sheet found.png
    """  # noqa: D301
    from gallery import locating, sheets
    from gallery.dlib_detector import DlibDetector
    from gallery.readers.registry import open_faces
    from gallery.summary import contact_sheet

    faces = open_faces(spec)
    target = out or faces.landmarks_file
    with _resumable("Run the same command again to go on."):
        outcome = _result(locating.locate(faces, DlibDetector(), target), "finding faces")
    found = {"spec": spec, "out": str(target), **locating.to_json(outcome)}
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else locating.to_text(outcome))
    if target is None or not target.is_file():
        _note("Nothing written: no new face was found; mark faces by hand instead (docs/data.md)")
        return
    _note(f"Landmarks: {target}")
    if sheet is not None and (shown := locating.located(faces, target)).faces:
        sheets.save(contact_sheet(shown), sheet)
        _note(f"Sheet: {sheet}")


@app.command()
def train(
    spec: Spec,
    architecture: Annotated[
        str, typer.Option(help="two-stage-60, sargan, …; see docs/families.md.")
    ],
    attribute: Annotated[list[str], typer.Option(help="What can be wished for; repeatable.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; its name becomes the weights'.")],
    recipe: Annotated[
        str, typer.Option(help="fast, tuned for retrieval, or paper: as published.")
    ] = "fast",
    config: Annotated[Path | None, typer.Option(help="TOML that changes the recipe.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="Updates of stages 1 and 2.")] = None,
    train_identities: Annotated[
        str | None, typer.Option(metavar="N|SHARE", help="The first N people, or a share of all.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(metavar="K/N", help="All people but the K-th of N runs.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of initial weights and order.")] = 0,
    device: Device = "auto",
    crop: CropOption = None,
    start: Annotated[
        str | None, typer.Option(metavar="WEIGHTS", help="Begin with these, not at random.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="Which images, and how their values are called."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
) -> None:
    """Train a generator; leave its weights, their card, a log and sample pictures in OUT.

    \b
    Example: mindseye train cmu-faces:cmu-faces.tar.gz --architecture two-stage-32 \\
        --attribute eyes --train-identities 0.7 --out runs/eyes
    """  # noqa: D301
    from gallery.readers.registry import open_faces
    from generator.machine import keep_freed_memory, pick_device
    from generator.request import make_request
    from retrieval.evaluation.asking import about
    from retrieval.evaluation.protocol_files import find_protocol

    keep_freed_memory()
    faces = open_faces(spec)
    if protocol is not None:
        faces = about(faces, find_protocol(protocol, spec))
    request = make_request(
        faces,
        architecture_name=architecture,
        attributes=tuple(attribute),
        recipe_name=recipe,
        config=config,
        steps=steps,
        train_identities=train_identities,
        fold=fold,
        out=out,
        seed=seed,
        device=pick_device(device),
        crop=_crop(crop),
        start=start,
    )
    with _resumable("Add --resume to the same command to go on."):
        _train(request, resume=resume)
    typer.echo(f"Weights: {out}")


@studio_app.command("assets")
def studio_assets(
    folder: Annotated[Path | None, typer.Option(help="Instead of the user's cache.")] = None,
) -> None:
    """Fetch what the studio draws with, by pip and npm: 137 MB of downloads, 31 MB kept.

    \b
    Example: mindseye studio assets
    """  # noqa: D301
    from gallery.studio import assets

    for _ in _bar(assets.fetch(folder), "fetching", 1):
        pass
    typer.echo(f"Assets: {assets.require(folder)}")


@studio_app.command("draw")
def studio_draw(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the set.")],
    identities: Annotated[int, typer.Option(min=1, help="How many people.")],
    attributes: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="What varies; the rest stays standard.")
    ] = "pose,illumination",
    value: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=V,V", help="Values of an attribute; repeatable."),
    ] = None,
    size: Annotated[int, typer.Option(help="Side of the images, pixels, 32 to 256.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Another seed has other people.")] = 0,
    first_identity: Annotated[int, typer.Option(min=0, help="Number of the first one.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores.")] = None,
    assets: Annotated[Path | None, typer.Option(help="Folder of the assets.")] = None,
) -> None:
    """Draw a set of synthetic faces; a set that was stopped goes on.

    \b
    Example: mindseye studio draw my-set --identities 30 --attributes pose,illumination
    """  # noqa: D301
    import os

    from gallery.attributes import parse_wishes
    from gallery.studio import writer
    from gallery.studio.request import DrawRequest
    from gallery.studio.shards import read_manifest

    given = parse_wishes(value) if value else {}
    values = {name: tuple(text.split(",")) for name, text in given.items()}
    request = DrawRequest(
        identities=identities,
        first_identity=first_identity,
        attributes=tuple(attributes.split(",")),
        values=values,
        size=size,
        seed=seed,
    )
    with _resumable("Run the same command again to go on."):
        steps = writer.draw(out, request, workers=workers or os.cpu_count() or 1, assets=assets)
        for _ in _bar(steps, "drawing people", identities):
            pass
    for name, counts in read_manifest(out).balance.items():
        _note(f"{name}: {', '.join(f'{what} {count}' for what, count in counts.items())}")
    typer.echo(f"{request.images} images: studio:{out}")


@weights_app.command("list")
def weights_list(as_json: AsJson = False) -> None:
    """List the weights that ship: what each draws, how well, and under which licence.

    \b
    Example: mindseye weights list
    """  # noqa: D301
    from generator.packaging import packaged, to_table

    shipped = packaged()
    if as_json:
        typer.echo(json.dumps([one.describe() for one in shipped], ensure_ascii=False))
    else:
        typer.echo(to_table(shipped))


@weights_app.command("show")
def weights_show(
    name: Annotated[str, typer.Argument(help="Packaged name, folder of a run, or file.")],
    sheet: Annotated[
        Path | None, typer.Option(help="Draw source, stage 1, stage 2 and target there.")
    ] = None,
    faces: Annotated[
        str, typer.Option(metavar="SPEC", help="Labelled faces to draw for the sheet.")
    ] = "studio-mini",
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of faces.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show the card of weights: attribute and values, data, training, measures, licence, hash.

    \b
    Example: mindseye weights show pose-60 --sheet drawings.png
    """  # noqa: D301
    from gallery import sheets
    from gallery.readers.registry import open_faces
    from generator.checkpoint import find_weights
    from generator.packaging import Weights, to_text
    from generator.samples import showcase

    shown = Weights.at(find_weights(name))
    if sheet is not None:
        drawn = showcase(_engine(name, "auto"), open_faces(faces), seed)
        sheets.save(drawn, sheet)
        _note(f"Sheet: {sheet}")
    typer.echo(json.dumps(shown.describe(), ensure_ascii=False) if as_json else to_text(shown))


@weights_app.command("fit")
def weights_fit(
    name: Annotated[str, typer.Argument(help="Packaged name, folder of a run, or file.")],
    spec: Spec,
    people: Annotated[
        str | None,
        typer.Option(
            help="validation (those of the card that only choices were made with) or unseen (who"
            " is not on the card); default: the former, where SPEC shows some."
        ),
    ] = None,
    identities: Annotated[
        str | None, typer.Option(metavar="N|SHARE", help="The first N of these people, or a share.")
    ] = None,
    queries: Annotated[int, typer.Option(min=1, help="Drawn without replacement.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of queries.")] = 0,
    protocol: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="Which images, and what is asked; see bench."),
    ] = None,
    redrawing_only: Annotated[
        bool,
        typer.Option(
            "--redrawing-only", help="Measure the usual errors of redrawings; keep all else."
        ),
    ] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Fit what log p and identity weigh in a search, and how sure its answers are.

    On people that the weights were not trained on; the card keeps what was fitted, and their names.
    Also how far redrawings of such people usually are: photographs far beyond get no confidence.

    \b
    Example: mindseye weights fit runs/pose-60 studio:more-people
    """  # noqa: D301
    from gallery.readers.registry import open_faces
    from generator.checkpoint import find_weights, save_card
    from generator.machine import keep_freed_memory
    from generator.usual import usual_text
    from retrieval.evaluation import fitting
    from retrieval.evaluation.fitted import to_text
    from retrieval.evaluation.protocol_files import find_protocol
    from retrieval.evaluation.redrawing import measure_redrawing

    if people is not None:
        _one_of("--people", people, fitting.PEOPLE)
    keep_freed_memory()
    chosen = replace(find_protocol(protocol, spec), queries=queries, seed=seed)
    options = fitting.Options(people=people, identities=identities, protocol=chosen)
    faces, path = open_faces(spec), find_weights(name)
    engine = _engine(str(path), device, images=len(faces))
    with _resumable("Run the same command again; nothing was changed."):
        fit = measure_redrawing if redrawing_only else fitting.fit
        fitted = _result(fit(engine, faces, options), "fitting")
    save_card(path, fitted.card)
    for note in fitted.notes:
        _note(f"Left out {note}")
    card = fitted.card
    shown = {
        "fusion": card.fusion,
        "calibration": card.calibration,
        "redrawing": card.redrawing,
    }
    told = usual_text(card) if redrawing_only else to_text(card)
    typer.echo(json.dumps(shown, ensure_ascii=False) if as_json else told)
    _note(f"Card: {path.with_suffix('.json')}. Spaces take it over with their next `index build`")


@index_app.command("build")
def index_build(
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
        typer.Option(min=1, help="Refine only the N first drawings that come closest: faster."),
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
) -> None:
    """Make or update the index of a gallery: one embedding space for each set of weights.

    Images are known by their content: building again adds what is new and nothing twice.

    \b
    Example: mindseye index build folder:photos --attribute pose --collection my-faces
    """  # noqa: D301
    from gallery.readers.registry import open_faces
    from generator.checkpoint import find_weights
    from generator.machine import keep_freed_memory
    from retrieval.build import build
    from retrieval.collection import Collection

    _one_of("--split", split, SPLITS)
    request = _index_request(kind, memory, accuracy)
    keep_freed_memory()
    faces = open_faces(spec)
    paths = [find_weights(given) for given in weights] or _packaged_for(faces, attribute)
    engines = [_engine(str(path), device, images=len(faces)) for path in paths]
    _check_score(score, hypotheses, engines, is_new=not collection.exists())
    if resume:
        Collection.open(collection).close()
    opened = Collection.open_or_create(collection, catalogue)
    with _closing(opened), opened.writing(), _resumable("Run the same command again to go on."):
        for engine, path in zip(engines, paths, strict=True):
            part = _split(faces, engine, split)
            steps = build(
                opened,
                part,
                engine,
                path,
                request,
                refine_best=refine_best,
                restore=restore,
                score=_score(score, hypotheses, opened, engine),
                hypotheses=hypotheses,
            )
            _follow_build(steps, engine.card.name, opened, len(part))


@index_app.command("add")
def index_add(
    spec: Spec,
    collection: CollectionDir = DEFAULT_COLLECTION,
    space: Annotated[
        list[str] | None, typer.Option(help="Instead of every space; repeatable.")
    ] = None,
    split: Split = "all",
    device: Device = "auto",
    restore: Restore = False,
) -> None:
    """Add images to the spaces there are, drawn with the weights that each keeps.

    Only what is new is embedded: images are known by their content.

    \b
    Example: mindseye index add folder:more-photos --collection my-faces
    """  # noqa: D301
    from gallery.readers.registry import open_faces
    from generator.machine import keep_freed_memory
    from index.store import read_contract
    from retrieval.build import build
    from retrieval.canonical import Rule
    from retrieval.collection import Collection

    _one_of("--split", split, SPLITS)
    keep_freed_memory()
    faces = open_faces(spec)
    opened = Collection.open(collection)
    with _closing(opened), opened.writing(), _resumable("Run the same command again to go on."):
        for name in space or opened.space_names():
            path = opened.weights_path(opened.catalogue.spaces.get(name).name)
            engine = _engine(str(path), device, images=len(faces))
            part = _split(faces, engine, split)
            rule = Rule.parse(read_contract(opened.space_dir(name)).canonicalisation)
            steps = build(opened, part, engine, path, refine_best=rule.refine_best, restore=restore)
            _follow_build(steps, name, opened, len(part))


@index_app.command("remove")
def index_remove(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Files, or whole folders.")
    ] = None,
    collection: CollectionDir = DEFAULT_COLLECTION,
    identity: Annotated[list[str] | None, typer.Option(help="Of this person; repeatable.")] = None,
    image_id: Annotated[list[int] | None, typer.Option("--id", help="By id; repeatable.")] = None,
    where: Where = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Images whose files are no longer on disk.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove images: from every answer at once, from disk with `index compact`.

    What any of the options names is removed, in every space. No build takes it in again, unless it
    says --restore.

    \b
    Example: mindseye index remove --identity ann --collection my-faces
    """  # noqa: D301
    from retrieval.collection import Collection
    from retrieval.selecting import Selection, select

    selection = Selection(
        paths=paths or (),
        identities=identity or (),
        ids=image_id or (),
        where=where,
        missing=missing,
    )
    opened = Collection.open(collection)
    with _closing(opened), opened.writing():
        chosen = select(opened, selection).tolist()
        removed = chosen if dry_run else opened.catalogue.images.remove(chosen)
    if as_json:
        typer.echo(json.dumps({"removed": removed, "dry_run": dry_run}))
        return
    typer.echo(f"{len(removed)} images {'would be ' if dry_run else ''}removed")
    if removed and not dry_run:
        _note(f"To take them from disk: mindseye index compact --collection {collection}")


@index_app.command("verify")
def index_verify(
    collection: CollectionDir = DEFAULT_COLLECTION,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let go of what is damaged; a build makes it again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every file, hash, count and vector against the catalogue, and say what to do.

    The exit status is 1 if there is a problem; with --repair, if one is left.

    \b
    Example: mindseye index verify --collection my-faces
    """  # noqa: D301
    from contextlib import nullcontext

    from retrieval import findings
    from retrieval.collection import Collection
    from retrieval.repair import repair as mend
    from retrieval.verify import verify

    opened = Collection.open(collection)
    with _closing(opened), opened.writing() if repair else nullcontext():
        found = _result(verify(opened), "checking")
        pending = mend(opened, found) if repair else 0
        again = _result(verify(opened), "checking again") if repair else found
    told = findings.to_json(found)
    typer.echo(json.dumps(told, ensure_ascii=False) if as_json else findings.to_text(found))
    left = [one for one in again if one.is_problem]
    if repair:
        waiting = f" {pending} images wait to be built again" if pending else ""
        _note(f"{f'{len(left)} problems are left.' if left else 'Repaired.'}{waiting}")
        for one in left:
            _note(f"left: {one.what}\n  do: {one.todo}")
    if left:
        raise typer.Exit(1)


@index_app.command("compact")
def index_compact(collection: CollectionDir = DEFAULT_COLLECTION, as_json: AsJson = False) -> None:
    """Take from disk what was removed, and make large shards of small ones.

    \b
    Example: mindseye index compact --collection my-faces
    """  # noqa: D301
    from dataclasses import asdict

    from retrieval.collection import Collection
    from retrieval.compact import compact

    opened = Collection.open(collection)
    with _closing(opened), opened.writing(), _resumable("Run the same command again to go on."):
        done = _result(compact(opened), "compacting")
    if as_json:
        typer.echo(json.dumps(asdict(done)))
        return
    typer.echo(
        f"{done.rows_dropped} vectors taken from disk, {done.shards_before} shards are now"
        f" {done.shards_after}, {done.files_removed} needless files removed"
    )


@index_app.command("export")
def index_export(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="Where to.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Pack a collection into one file, to be searched on another machine without the images.

    \b
    Example: mindseye index export my-faces.tar --collection my-faces
    """  # noqa: D301
    from retrieval.archive import export
    from retrieval.collection import Collection

    opened = Collection.open(collection)
    with _closing(opened), opened.writing():
        for _ in _bar(export(opened, archive), "packing", 1):
            pass
    typer.echo(f"Archive: {archive}")


@index_app.command("import")
def index_import(
    archive: Annotated[Path, typer.Argument(metavar="FILE.tar", help="From index export.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
) -> None:
    """Make a collection of an exported one; every file is checked, and it appears complete.

    \b
    Example: mindseye index import my-faces.tar --collection my-faces
    """  # noqa: D301
    from retrieval.archive import import_archive

    for _ in _bar(import_archive(archive, collection), "unpacking", 1):
        pass
    typer.echo(f"Collection: {collection}")


@index_app.command("show")
def index_show(
    collection: CollectionDir = DEFAULT_COLLECTION,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Say what a collection holds: spaces, states of the images, files left out and why.

    With --where, list the images of which that is true.

    \b
    Example: mindseye index show --collection my-faces --json
    """  # noqa: D301
    from retrieval import show
    from retrieval.collection import Collection

    opened = Collection.open(collection)
    with _closing(opened):
        if where is not None:
            for row in show.images_where(opened, where):
                line = json.dumps(row, ensure_ascii=False) if as_json else show.image_line(row)
                typer.echo(line)
            return
        shown = show.describe(opened)
    typer.echo(json.dumps(shown, ensure_ascii=False) if as_json else show.to_text(shown))


@app.command()
def query(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="The source image; several of one person for weights that fuse them.",
        ),
    ],
    wish: Annotated[list[str], typer.Option(metavar="NAME=VALUE", help="Repeatable.")],
    collection: CollectionDir = DEFAULT_COLLECTION,
    k: Annotated[int, typer.Option("-k", min=1, help="How many images.")] = 10,
    space: Annotated[str | None, typer.Option(help="Instead of the most recent.")] = None,
    weights: Annotated[str | None, typer.Option(help="Refuse a space not made with these.")] = None,
    crop: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,W,H|face",
            help='Where the face is: pixels, or shares up to 1; "face" finds it (extra "faces").',
        ),
    ] = None,
    exclude_source: Annotated[
        bool, typer.Option("--exclude-source", help="Leave out the query images themselves.")
    ] = False,
    where: Where = None,
    min_score: Annotated[
        float | None, typer.Option(help="Leave out what scores lower; of drawings, 1 is the same.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw source, drawing, hits there.")] = None,
    drawn: Annotated[Path | None, typer.Option(help="Save the drawing there.")] = None,
    explain: Annotated[
        Path | None,
        typer.Option(help="Folder for the drawing of every value, and what each finds."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Find the images of a gallery that come closest to a wished one.

    \b
    Example: mindseye query me.jpg --wish eyes=sunglasses --collection my-faces --sheet found.png
    Example: mindseye query a.jpg b.jpg c.jpg --wish pose=0 --collection my-faces
    """  # noqa: D301
    from gallery.sheets import save
    from generator.machine import pick_device
    from retrieval.answers import to_json, to_text
    from retrieval.collection import Collection
    from retrieval.search import Among, open_searcher
    from retrieval.sheets import answer_sheet

    face = None if crop == FIND else _crop(crop)
    if explain is not None and len(images) > 1:
        raise ConfigError("--explain tells of one image; leave the others out")
    among = Among(where=where, exclude=tuple(images) if exclude_source else (), min_score=min_score)
    opened = Collection.open(collection)
    with _closing(opened):
        source, *others = map(_photograph, images)
        searcher = open_searcher(
            opened,
            wish,
            pick_device(device),
            space=space,
            weights=weights,
            together=bool(others),
        )
        if crop == FIND:
            crops = _found_faces(searcher, images, [source, *others])
        else:
            if face is None:
                _warn_of_guesses(searcher, images)
            crops = [face or searcher.crop_of(path) for path in images]
        with _asking_for_crops(images):
            answer = searcher.query(source, wish, k, crops, among=among, others=others)
    if sheet is not None:
        save(answer_sheet([answer], searcher.card.aligner, shown=k), sheet)
        _note(f"Sheet: {sheet}")
    if explain is not None:
        _explain(searcher, source, wish, k, crops[0], among, explain)
    shown = _save_drawing(answer, drawn)
    typer.echo(json.dumps(to_json(answer, shown)) if as_json else to_text(answer))


@app.command()
def bench(
    spec: Annotated[str | None, typer.Argument(metavar="SPEC", help=SPEC_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json, table.md, report.html, …")
    ] = None,
    weights: Annotated[
        list[str],
        typer.Option(help="Folder, file or packaged name; folds are pooled. Default: that fits."),
    ] = [],  # noqa: B006  typer copies it
    attribute: Annotated[
        str | None, typer.Option(help="What is wished for: chooses packaged weights; or pose.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME", help="TOML, or studio-mini, studio-249, cmu-faces, cmu-pose."
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME", help='Names or patterns, "*" for all; or the protocol\'s.'
        ),
    ] = None,
    queries: Annotated[
        int | None, typer.Option(min=1, help="Drawn without replacement; 10,000.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the choice of queries.")] = None,
    exclude_source: Annotated[
        bool, typer.Option("--exclude-source", help="Take the source out of its ranking.")
    ] = False,
    train: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Where the weights' training images are; else in SPEC."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each trained rival.")] = 1,
    trials: Annotated[int, typer.Option(min=0, max=4, help="Settings tried for each.")] = 4,
    rival_steps: Annotated[
        int | None, typer.Option(min=1, help="Updates of each; as many as the weights had.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of rivals' embeddings and weights.")
    ] = None,
    editing: Annotated[
        bool,
        typer.Option("--editing", help="Measure the drawings as edits, too (docs/editing.md)."),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.json B.json", help="Only compare two results."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure recall against rivals, on the people that the weights have not seen.

    \b
    Example: mindseye bench cmu-faces:cmu-faces.tar.gz --weights runs/eyes --out results/eyes
    Example: mindseye bench --compare results/a/results.json results/b/results.json
    """  # noqa: D301
    if compare is not None:
        _compare(*compare, as_json=as_json)
        return
    if spec is None or out is None:
        raise ConfigError(
            "A benchmark needs a SPEC and --out DIR; or compare two with --compare A.json B.json"
        )
    from dataclasses import replace

    from gallery.readers.registry import open_faces
    from generator.machine import keep_freed_memory
    from retrieval.evaluation import benchmark, report, store
    from retrieval.evaluation.outputs import tables
    from retrieval.evaluation.protocol_files import find_protocol
    from retrieval.evaluation.workbench import Budget

    keep_freed_memory()
    chosen = find_protocol(protocol, spec)
    chosen = replace(
        chosen,
        queries=chosen.queries if queries is None else queries,
        seed=chosen.seed if seed is None else seed,
        exclude_source=exclude_source or chosen.exclude_source,
    )
    options = benchmark.Options(
        methods=tuple(methods.split(",")) if methods else (),
        budget=Budget(steps=rival_steps, trials=trials, seeds=seeds),
        training=open_faces(train) if train else None,
        cache=cache or store.default_cache(),
        command=_command(),
        editing=editing,
    )
    faces = open_faces(spec)
    paths = weights or [str(_packaged_for(faces, [attribute] if attribute else [], most=1)[0])]
    engines = [_engine(one, device, images=len(faces)) for one in paths]
    with _resumable("Run the same command again: finished embeddings and rivals are reused."):
        record = _result(benchmark.run(faces, engines, chosen, options), "benchmark")
        written = _result(report.write(record, out), "writing")
    shown = json.dumps(written.summary) if as_json else tables.to_markdown(written.summary)
    typer.echo(shown)
    for note in written.notes:
        _note(note)
    _note(f"Written: {out}/report.html, {out}/table.md, {out}/results.json")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path(
        "mindseye-demo"
    ),
    full: Annotated[
        bool, typer.Option("--full", help="The whole packaged gallery, not a part of it.")
    ] = False,
    device: Device = "auto",
) -> None:
    """See it work: index a packaged gallery, ask, measure, and look at the answers.

    \b
    Example: mindseye demo --out demo
    """  # noqa: D301
    from generator.machine import keep_freed_memory, pick_device
    from retrieval import demo as show

    keep_freed_memory()
    plan = show.plan(out, pick_device(device), full=full)
    with _resumable("Run the same command again to go on."):
        _note(f"1/3  Indexing {len(plan.faces)} images of {len(plan.faces.identities)} people")
        for weights in plan.weights:
            steps = show.index(plan, weights)
            for _ in _bar(steps, f"indexing with {weights.card.name}", len(plan.faces)):
                pass
        _note("2/3  Asking")
        answers = show.ask(plan)
        _note("3/3  Measuring")
        results = _result(show.measure(plan), "benchmark")
    typer.echo(show.conclude(plan, answers, results, _program()))


def main() -> None:
    """Run a command; show what the user can put right in one line, without a traceback."""
    try:
        status = app(standalone_mode=False)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        message = _explained(error)
        if message is None:
            raise
        _fail(message)
    sys.exit(status if isinstance(status, int) else 0)


def _explained(error: Exception) -> str | None:
    """Say in one line what the user can put right; None of a mistake that is ours."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error}. What was finished is kept; put this right and run the command again"
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "memory" in str(error).lower()
    ):
        return "Out of memory. Say --device cpu, a smaller batch_size in --config, or fewer images"
    return _usage(error)


def _usage(error: Exception) -> str | None:
    """Say what typer says of a wrong command line; its exceptions share no public class."""
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(str(error))
        sys.exit(2)
    if not hasattr(error, "format_message"):
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mindseye"
    return f"{error.format_message().rstrip('.')}. See `{path} --help`"


def _compare(first: Path, second: Path, *, as_json: bool) -> None:
    """Print the paired differences of two benchmarks."""
    from retrieval.evaluation import compare

    found = compare.compare(first, second)
    typer.echo(json.dumps(compare.to_json(found)) if as_json else compare.to_markdown(found))


def _command() -> str:
    """Return the command line, as it can be typed again."""
    import shlex

    return shlex.join(["mindseye", *sys.argv[1:]])


def _program() -> str:
    """Return how this user called mindseye, as it can be typed again."""
    called = Path(sys.argv[0]).absolute()
    if called.name != "mindseye" or not called.is_relative_to(Path.cwd()):
        return "mindseye"
    return str(called.relative_to(Path.cwd()))


def _fail(message: str) -> None:
    typer.echo(f"Error: {' '.join(message.split())}", err=True)
    sys.exit(1)


def _note(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def _resumable(advice: str) -> Iterator[None]:
    """Turn Ctrl-C into advice and the usual exit status."""
    try:
        yield
    except KeyboardInterrupt:
        _note(f"\nStopped; what was finished is kept. {advice}")
        raise typer.Exit(130) from None


@contextmanager
def _closing(collection: "Collection") -> Iterator[None]:
    try:
        yield
    finally:
        collection.close()


def _bar(steps: Iterator[T], what: str, total: int) -> Iterator[T]:
    """Show progress on stderr: a bar on a terminal, else a line every ten seconds.

    A step may say more by its attributes `phase`, `done`, `total`, `loss`, `note`.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    console = Console(stderr=True)
    phase, before, started, said = "", 0, time.monotonic(), time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=total, rate="")
        for number, step in enumerate(steps, start=1):
            now = time.monotonic()
            done = getattr(step, "done", number)
            of = getattr(step, "total", total)
            name = getattr(step, "phase", None) or what
            if (note := getattr(step, "note", None)) is not None:
                _note(note)
            if name != phase:
                phase, started, before = name, now, done - 1
                shown.reset(task, description=name, total=of)
            loss = getattr(step, "loss", None)
            rate = f"{(done - before) / max(now - started, 1e-3):.1f}/s"
            rate += "" if loss is None else f"  loss {loss:.4f}"
            shown.update(task, completed=done, total=of, rate=rate)
            if not console.is_terminal and now - said > 10:
                said = now
                left = (of - done) * (now - started) / max(done - before, 1)
                _note(f"{name}: {done} of {of}, {rate}, {_duration(left)} left")
            yield step


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _result(steps: Any, what: str) -> Any:  # noqa: ANN401  a generator of any kind
    """Show a generator's progress and return what it returns."""
    kept: list[Any] = []

    def following() -> Iterator[Any]:
        kept.append((yield from steps))

    for _ in _bar(following(), what, 1):
        pass
    return kept[0]


def _train(request: "TrainRequest", *, resume: bool) -> None:
    from generator.run import train as run

    for progress in _bar(run(request, resume=resume), "training", 1):
        if progress.problem is not None:
            _note(f"Skipped {progress.problem.name}: {progress.problem.reason}")


def _engine(given: str, device: str, images: int = 1) -> "Engine":
    """Open weights to draw so many images."""
    from generator.checkpoint import find_weights
    from generator.engine import Engine
    from generator.machine import pick_device, worth_compiling

    chosen = pick_device(device)
    return Engine.open(find_weights(given), chosen, compiled=worth_compiling(chosen, images))


def _packaged_for(faces: "FaceSet", attributes: list[str], most: int | None = None) -> list[Path]:
    """Choose packaged weights, those for pose before others, and say which."""
    from generator.packaging import fitting

    fit = fitting(faces.space, attributes)
    chosen = sorted(fit, key=lambda one: one.card.space.names != ("pose",))[:most]
    _note(f"Weights: {', '.join(one.card.name for one in chosen)} (packaged)")
    return [one.path for one in chosen]


def _index_request(
    kind: str | None, memory: str | None, accuracy: float | None
) -> "Request | None":
    """Return what is asked of an index, or None for what was asked of it before."""
    from index.kinds import ASKED, Request, parse_bytes

    if kind is None:
        if memory is not None or accuracy is not None:
            raise ConfigError("--memory and --accuracy belong to a kind of index; add --kind auto")
        return None
    _one_of("--kind", kind, ASKED)
    request = Request(kind=kind)
    return replace(
        request,
        memory=request.memory if memory is None else parse_bytes(memory),
        accuracy=request.accuracy if accuracy is None else accuracy,
    )


def _check_score(
    given: str | None, hypotheses: str | None, engines: "list[Engine]", *, is_new: bool
) -> None:
    """Refuse a score that cannot be had, before anything is made."""
    from retrieval.fusion import SCORES
    from retrieval.hypotheses import AUTO, ONE, Hypotheses
    from retrieval.scoring import default_score, make_scoring

    many = ONE if hypotheses in (None, AUTO) else Hypotheses.parse(hypotheses or "")
    if given is not None:
        _one_of("--score", given, SCORES)
    for engine in engines:
        if given is not None or (is_new and not many.single):
            make_scoring(engine, given or default_score(engine), many)


def _score(
    given: str | None, hypotheses: str | None, collection: "Collection", engine: "Engine"
) -> str | None:
    """Return the score of a space: what is asked for, None for that of one there is, or a choice.

    A choice of more than the drawing, or of more than one hypothesis, is told.
    """
    from retrieval.fusion import DRAWING, chosen_hypotheses
    from retrieval.hypotheses import AUTO
    from retrieval.scoring import default_score

    known = {space.name for space in collection.catalogue.spaces.all()}
    if given is not None or engine.card.name in known:
        return given
    chosen = default_score(engine)
    if chosen != DRAWING:
        many = chosen_hypotheses(engine.card, chosen)
        two = not many.single and hypotheses in (None, AUTO)
        told = f" with hypotheses {many}" if two else ""
        _note(
            f"Score: {chosen}{told}, as fitted for {engine.card.name}; --score {DRAWING} for less"
        )
    return chosen


def _split(faces: "FaceSet", engine: "Engine", split: str) -> "FaceSet":
    people = engine.card.seen
    part = faces
    if split != "all":
        part = faces.of(people) if split == "train" else faces.without(people)
    if not part.faces and not part.problems:
        raise ConfigError(
            f"--split {split} leaves no image of {faces.spec}: {engine.card.name} was trained on"
            f" {'nobody' if split == 'train' else 'everybody'} there; say --split all"
        )
    return part


def _follow_build(
    steps: "Iterator[BuildProgress]", name: str, collection: "Collection", total: int
) -> None:
    """Show a build's progress, and say what came of it."""
    from retrieval.doubts import misfit, strangers_in

    with _last_batch(steps) as stoppable:
        last = list(_bar(stoppable, f"indexing with {name}", total))[-1]
    parts = [f"{last.indexed} images indexed", f"{last.known} known already"]
    parts += [f"{last.duplicates} duplicates"] if last.duplicates else []
    parts += [f"{last.removed} removed before"] if last.removed else []
    typer.echo(f"{name}: {', '.join(parts)}, {last.skipped} files left out")
    if last.skipped:
        _note(f"Reasons: mindseye index show --collection {collection.root}")
    if last.removed:
        _note("What was removed by hand stays out; --restore takes it in again")
    if last.lost:
        _note(
            f"{last.lost} images of other SPECs were in shards that are lost or damaged;"
            " build those SPECs again"
        )
    strangers = strangers_in(collection, collection.catalogue.spaces.get(name))
    if strangers is not None and not strangers.fit:
        _note(f"Warning: {misfit(name, strangers)}")


@contextmanager
def _last_batch(steps: Iterator[T]) -> Iterator[Iterator[T]]:
    """Let the first Ctrl-C end the steps after the one in hand, the second one at once."""
    import signal

    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        _note("\nFinishing the batch in hand; Ctrl-C again stops at once.")

    def until_asked() -> Iterator[T]:
        for step in steps:
            yield step
            if asked:
                raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield until_asked()
    finally:
        signal.signal(signal.SIGINT, before)
        getattr(steps, "close", lambda: None)()


def _photograph(path: Path) -> "Image":
    from gallery.errors import ImageError
    from gallery.readers.registry import load_image

    try:
        return load_image(path.absolute())
    except ImageError as error:
        raise ImageError(f"{path}: {error}. Give a photograph, such as a JPEG") from error


def _explain(
    searcher: "Searcher",
    source: "Image",
    wish: list[str],
    k: int,
    face: "Crop | None",
    among: "Among",
    folder: Path,
) -> None:
    from retrieval.explain import explain, write

    reasons = explain(searcher, source, wish, k, face, among=among)
    told = write(reasons, folder, searcher.card.aligner)
    _note(f"Explained: {', '.join(str(path) for path in told if path.parent == folder)}")


def _found_faces(
    searcher: "Searcher", paths: list[Path], photographs: "list[Image]"
) -> "list[Crop | None]":
    """Find the face in each photograph; say where there were several."""
    from gallery.dlib_detector import DlibDetector
    from gallery.finding import find_face

    detector = DlibDetector()
    if searcher.cuts_by_own_crop():
        _note(
            "Warning: faces of this gallery are cut by the weights' own crop, and --crop face cuts"
            " by eyes and chin; leave it out, or find the faces of the gallery, too: mindseye data"
            " find-faces, then mindseye index build"
        )
    crops: list[Crop | None] = []
    for path, photograph in zip(paths, photographs, strict=True):
        with _asking_for_crops([path]):
            found = find_face(photograph, detector)
        if found.faces > 1:
            _note(f"{path}: {found.faces} faces; the largest is taken, or say --crop X,Y,W,H")
        crops.append(searcher.card.aligner.crop_by(found.landmarks))
    return crops


@contextmanager
def _asking_for_crops(images: list[Path]) -> Iterator[None]:
    """Say of images in which no face can be cut out what to do."""
    from gallery.errors import ImageError

    try:
        yield
    except ImageError as error:
        names = " or ".join(map(str, images))
        raise ImageError(f"{names}: {error}. Say where the face is: --crop X,Y,W,H") from error


def _warn_of_guesses(searcher: "Searcher", images: list[Path]) -> None:
    for path in images:
        if not searcher.knows_where_the_face_is(path):
            _note(
                f"Warning: {path} is taken to show a face that fills it, eyes at two fifths of its"
                " height; if it does not, say where the face is: --crop X,Y,W,H, or --crop face"
                " to find it"
            )
        elif searcher.cuts_otherwise(path):
            _note(
                f"Warning: {path} is cut by the weights' own crop, but faces of this gallery by"
                " eyes and chin; --crop face cuts it so, too"
            )


def _crop(text: str | None) -> "Crop | None":
    from gallery.align import Crop

    return Crop.parse(text) if text is not None else None


def _one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    from gallery.errors import did_you_mean

    if given not in known:
        raise ConfigError(f"{option} cannot be {given!r}; {did_you_mean(given, known)}")


def _save_drawing(answer: "Answer", path: Path | None) -> str:
    """Return where the drawing is: the file asked for, or a data URI that holds it."""
    import base64
    import io

    from gallery import sheets

    picture = sheets.to_image(answer.drawn)
    if path is not None:
        sheets.save(picture, path)
        return str(path)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


if __name__ == "__main__":
    main()
