"""Measuring a search: `mindseye bench`."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from commands.interrupts import resumable
from commands.models import open_engine, open_set, packaged_for
from commands.options import SPEC_HELP, AsJson, Device, LandmarksFile
from commands.progress import result, tell
from gallery.errors import ConfigError
from gallery.json_files import spell


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
            metavar="FILE|NAME",
            help="TOML, or a shipped one, such as cmu-faces (docs/benchmark.md).",
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
    portraits: Annotated[
        bool,
        typer.Option("--portraits", help="Show recognisers portraits in colour, as a search does."),
    ] = False,
    train: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Where the weights' training images are; else in SPEC."),
    ] = None,
    landmarks: LandmarksFile = None,
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
    """
    if compare is not None:
        _compare(*compare, as_json=as_json)
        return
    if spec is None or out is None:
        raise ConfigError(
            "A benchmark needs a SPEC and --out DIR; or compare two with --compare A.json B.json"
        )
    from generator.device import keep_freed_memory
    from retrieval.evaluation import benchmark, report
    from retrieval.evaluation.fold import vector_store
    from retrieval.evaluation.fold.fold_cache import BaselineBudget
    from retrieval.evaluation.outputs import tables
    from retrieval.evaluation.protocol.files import find_protocol

    keep_freed_memory()
    chosen = find_protocol(protocol, spec)
    chosen = replace(
        chosen,
        queries=chosen.queries if queries is None else queries,
        seed=chosen.seed if seed is None else seed,
        exclude_source=exclude_source or chosen.exclude_source,
        portraits=portraits or chosen.portraits,
    )
    options = benchmark.BenchmarkOptions(
        methods=tuple(methods.split(",")) if methods else (),
        budget=BaselineBudget(steps=rival_steps, trials=trials, seeds=seeds),
        training=open_set(train) if train else None,
        cache=cache or vector_store.default_cache(),
        command=_command(),
        editing=editing,
    )
    faces = open_set(spec, landmarks)
    paths = weights or [str(packaged_for(faces, [attribute] if attribute else [], most=1)[0])]
    engines = [open_engine(one, device, images=len(faces)) for one in paths]
    with resumable("Run the same command again: finished embeddings and rivals are reused."):
        record = result(benchmark.run(faces, engines, chosen, options), "benchmark")
        written = result(report.write(record, out), "writing")
    shown = spell(written.summary) if as_json else tables.to_markdown(written.summary)
    typer.echo(shown)
    for note in written.notes:
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
