"""Measuring a search: `mindseye bench`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.models import open_set, packaged_for
from commands.options import SPEC_HELP, AsJson, Device, LandmarksFile
from commands.progress import meter, tell
from gallery.errors import ConfigError
from gallery.json_files import spell


def bench(
    spec: Annotated[str | None, typer.Argument(metavar="SPEC", help=SPEC_HELP)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.json, table.md, report.html, …")
    ] = None,
    weights: Annotated[
        list[str],
        typer.Option(
            help="Folder, file or packaged name. Folds are pooled. Default: weights that fit SPEC."
        ),
    ] = [],  # noqa: B006  typer copies it
    attribute: Annotated[
        str | None,
        typer.Option(help="The wished attribute: chooses packaged weights. Default: pose."),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="A TOML file, or a shipped protocol such as cmu-faces (docs/benchmark.md).",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME", help='Names or patterns, "*" for all; or the protocol\'s.'
        ),
    ] = None,
    queries: Annotated[
        int | None, typer.Option(min=1, help="How many queries to draw. Default: 10,000.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed: which queries are drawn.")
    ] = None,
    exclude_source: Annotated[
        bool,
        typer.Option("--exclude-source", help="Leave the source image out of its own ranking."),
    ] = False,
    portraits: Annotated[
        bool,
        typer.Option("--portraits", help="Show recognisers portraits in colour, as a search does."),
    ] = False,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="SPEC of the weights' training images. Default: the same SPEC."
        ),
    ] = None,
    landmarks: LandmarksFile = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each trained rival is trained.")] = 1,
    trials: Annotated[
        int, typer.Option(min=0, max=4, help="How many settings are tried for each rival.")
    ] = 4,
    rival_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Updates of each rival. Default: as many as the weights had."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps rivals' embeddings and weights.")
    ] = None,
    editing: Annotated[
        bool,
        typer.Option("--editing", help="Also measure the drawings as edits (docs/editing.md)."),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            help="What was fitted for such faces, like photographs. Default: what suits the images."
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.json B.json", help="Compare two results; measure nothing."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measure how well wished images are found, against rivals.

    Queries show people that the weights have not seen.

    \b
    Example: mindseye bench cmu-faces:cmu-faces.tar.gz --weights runs/eyes --out results/eyes
    Example: mindseye bench --compare results/a/results.json results/b/results.json
    """
    if compare is not None:
        _compare(*compare, as_json=as_json)
        return
    if spec is None or out is None:
        raise ConfigError(
            "A benchmark needs a SPEC and --out DIR; or compare two with --compare A.json B.json"
        )
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    faces = open_set(spec, landmarks)
    training = open_set(train) if train else None
    found = weights or packaged_for(faces, [attribute] if attribute else [], most=1)
    again = "Run the same command again: finished embeddings and rivals are reused."
    with resumable(again), meter("benchmark") as shown:
        measured = mindseye.benchmark(
            faces,
            weights=found,
            protocol=protocol,
            methods=methods.split(",") if methods else (),
            queries=queries,
            seed=seed,
            exclude_source=exclude_source,
            portraits=portraits,
            train=training,
            seeds=seeds,
            trials=trials,
            rival_steps=rival_steps,
            cache=cache,
            editing=editing,
            profile=profile,
            device=device,
            command=_command(),
            progress=shown.show,
        )
        measured.write(out, progress=shown.show)
    typer.echo(spell(measured.summary) if as_json else measured.to_markdown())
    for note in measured.notes:
        tell(note)
    tell(f"Written: {out}/report.html, {out}/table.md, {out}/results.json")


def _compare(first: Path, second: Path, *, as_json: bool) -> None:
    """Print the paired differences of two benchmarks."""
    from retrieval.evaluation.statistics import comparison as compare

    found = compare.compare(first, second)
    typer.echo(spell(compare.to_json(found)) if as_json else compare.to_markdown(found))


def _command() -> str:
    """Return the command line, as it can be typed again."""
    return shlex.join(["mindseye", *sys.argv[1:]])
