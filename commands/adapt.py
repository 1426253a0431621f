"""Weights that go on with a user's own photographs: `mindseye adapt`."""

import os
from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.models import open_set
from commands.options import AlsoSpecs, AsJson, Device, LandmarksFile, Spec
from commands.progress import meter, tell
from gallery.json_files import spell

SHOWN = 10  # photographs that are left out


def adapt(
    spec: Spec,
    weights: Annotated[
        str, typer.Option(metavar="WEIGHTS", help="What goes on: packaged name, run or file.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run. The weights are called like it.")],
    also: AlsoSpecs = None,
    steps: Annotated[
        int, typer.Option(min=1, help="How many updates of drawing, and of the estimator.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Random seed: rooms, shots, batches.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many processes lift. Default: one for each core.")
    ] = None,
    landmarks: LandmarksFile = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train weights further on your own photographs, without labels.

    Frontal photographs become heads that are turned and lit, with exact labels. Training goes on
    with these for some minutes; scores and confidence are fitted on people left out. What went on
    is kept only where it finds more of these people than what it began with. A run that was stopped
    goes on when the same is said again. Needs the extras `faces` and `studio`.

    \b
    Example: mindseye adapt folder:photos --weights pose-mindseye-60 --out runs/mine
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with resumable("Run the same command again to go on."), meter("adapting") as shown:
        adapted = mindseye.adapt(
            open_set(spec, landmarks),
            weights,
            out,
            also=also or (),
            steps=steps,
            seed=seed,
            workers=workers or os.cpu_count() or 1,
            device=device,
            progress=shown.show,
        )
    for one in adapted.left_out[:SHOWN]:
        tell(f"not lifted: {one.name}: {one.reason}")
    if len(adapted.left_out) > SHOWN:
        tell(f"… and {len(adapted.left_out) - SHOWN} more; --json names all")
    if as_json:
        typer.echo(spell(adapted.to_json(), ascii_only=False))
        return
    typer.echo(f"On people left out: {adapted.measured}")
    if adapted.kept:
        typer.echo(f"Weights: {out}, of {adapted.people} people; fitted on {adapted.fitted}")
    else:
        typer.echo(
            f"Weights: {out}, which are {weights} as they were: those that went on with"
            f" {adapted.people} people find no more, as far as can be told"
        )
    tell(f"Next: mindseye index build {spec} --weights {out} --collection my-faces")
