"""Weights: listed, shown and fitted: `mindseye weights`."""

from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.models import open_set
from commands.options import AlsoSpecs, AsJson, Device, LandmarksFile, Spec
from commands.progress import meter, tell
from gallery.json_files import spell

# What both `fit` and `agree` ask by.
Queries = Annotated[int, typer.Option(min=1, help="How many queries to draw.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed: which queries are drawn.")]
ProtocolOption = Annotated[
    str | None,
    typer.Option(metavar="FILE|NAME", help="A protocol: which images, which questions; see bench."),
]


def list_packaged(as_json: AsJson = False) -> None:
    """List the weights that ship: what they draw, and how well.

    Their licences are told, too.

    \b
    Example: mindseye weights list
    """
    shipped = mindseye.list_weights()
    typer.echo(spell(shipped.to_json(), ascii_only=False) if as_json else str(shipped))


def show(
    name: Annotated[str, typer.Argument(help="Packaged name, folder of a run, or file.")],
    sheet: Annotated[
        Path | None, typer.Option(help="Save a picture: source, stage 1, stage 2, target.")
    ] = None,
    faces: Annotated[
        str, typer.Option(metavar="SPEC", help="SPEC of labelled faces to draw in the picture.")
    ] = "studio-mini",
    seed: Annotated[int, typer.Option(min=0, help="Random seed: which faces are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show the card of weights: values, data, training, licence.

    Measures and hash stand there, too.

    \b
    Example: mindseye weights show pose-60 --sheet drawings.png
    """
    shown = mindseye.show_weights(name)
    if sheet is not None:
        from gallery.sheets import save

        save(shown.sheet(faces, seed=seed), sheet)
        tell(f"Sheet: {sheet}")
    typer.echo(spell(shown.to_json(), ascii_only=False) if as_json else str(shown))


def distil(
    name: Annotated[str, typer.Argument(help="Packaged name, folder of a run, or file.")],
    spec: Spec,
    out: Annotated[Path, typer.Option(help="Folder of lessons and checkpoint.")],
    also: AlsoSpecs = None,
    steps: Annotated[int | None, typer.Option(help="How many updates. Default: 4000.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed: lessons, order.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a student of some weights.

    It makes canonical views many times faster than they are drawn.

    It is written beside the weights, and their card tells of it (docs/student.md). A run that was
    stopped goes on.

    \b
    Example: mindseye weights distil runs/pose-60 studio:many-people --out runs/student
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with resumable("Run the same command again to go on."), meter("teaching") as shown:
        taught = mindseye.distil(
            name, [spec, *(also or [])], out, steps=steps, seed=seed, progress=shown.show
        )
    _tell_of(taught, as_json=as_json)


def agree(
    name: Annotated[str, typer.Argument(help="Packaged name, folder of a run, or file.")],
    spec: Spec,
    kind: Annotated[
        str, typer.Option(help="What kind of faces these are: the card keeps the result by it.")
    ],
    bound: Annotated[
        float, typer.Option(help="Points of C2 R@1 that `index build --canonical auto` may lose.")
    ] = 1.0,
    people: Annotated[
        str | None, typer.Option(help="validation or unseen, as in `weights fit`.")
    ] = None,
    queries: Queries = 2_000,
    seed: Seed = 0,
    protocol: ProtocolOption = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Profile of the card that weighs the fused score. Default: what suits."),
    ] = None,
    landmarks: LandmarksFile = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure what a search loses with the student of some weights.

    The student then makes the canonical views of the gallery.

    On people that neither has learnt from; the card keeps it.

    \b
    Example: mindseye weights agree runs/pose-60 studio:more-people --kind "drawn people"
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    faces = open_set(spec, landmarks)
    with resumable("Run the same command again.", keeps=False), meter("comparing") as shown:
        measured = mindseye.measure_student(
            name,
            faces,
            kind=kind,
            bound=bound,
            people=people,
            queries=queries,
            seed=seed,
            protocol=protocol,
            profile=profile,
            device=device,
            progress=shown.show,
        )
    _tell_of(measured, as_json=as_json)


def _tell_of(student: "mindseye.StudentReport", *, as_json: bool) -> None:
    """Print what is known of a student."""
    for note in student.notes:
        tell(f"Left out {note}")
    typer.echo(spell(student.to_json(), ascii_only=False) if as_json else str(student))
    tell(f"Card: {student.weights.with_suffix('.json')}")


def fit(
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
        str | None,
        typer.Option(
            metavar="N|SHARE", help="Take the first N of these people, or a share of them."
        ),
    ] = None,
    queries: Queries = 2_000,
    seed: Seed = 0,
    protocol: ProtocolOption = None,
    recogniser: Annotated[
        str | None,
        typer.Option(
            help="Tells whose face it is, now and in searches: sface5 (faces brought to five"
            " points), sface or dlib. Default: sface5 where landmarks can be found, else sface."
        ),
    ] = None,
    redrawing_only: Annotated[
        bool,
        typer.Option(
            "--redrawing-only", help="Measure how far redrawings usually are; fit nothing."
        ),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Keep what is fitted under this name, such as photographs, beside what was fitted"
            " for other faces. Default: in place of the card's first."
        ),
    ] = None,
    landmarks: LandmarksFile = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Fit what the parts of a score weigh, and how sure answers are.

    The parts are log p and identity, beside the drawing.

    On people that the weights were not trained on; the card keeps what was fitted, and their names.
    Also how far redrawings of such people usually are: photographs far beyond get no confidence.

    \b
    Example: mindseye weights fit runs/pose-60 studio:more-people
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    faces = open_set(spec, landmarks)
    with resumable("Run the same command again.", keeps=False), meter("fitting") as shown:
        fitted = mindseye.fit(
            name,
            faces,
            people=people,
            identities=identities,
            queries=queries,
            seed=seed,
            protocol=protocol,
            redrawing_only=redrawing_only,
            profile=profile,
            recogniser=recogniser,
            device=device,
            progress=shown.show,
        )
    for note in fitted.notes:
        tell(f"Left out {note}")
    typer.echo(spell(fitted.to_json(), ascii_only=False) if as_json else str(fitted))
    card = fitted.weights.with_suffix(".json")
    tell(f"Card: {card}. Spaces take it over with their next `index build`")
