"""Training a generator: `mindseye train`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.interrupts import resumable
from commands.models import open_set
from commands.options import CropOption, Device, LandmarksFile, Spec, parse_crop
from commands.progress import bar, tell


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
    landmarks: LandmarksFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="WEIGHTS", help="Begin with these, not at random.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME", help="Which images and people, and what values are called."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped run.")] = False,
) -> None:
    """Train a generator; leave its weights, their card, a log and sample pictures in OUT.

    \b
    Example: mindseye train cmu-faces:cmu-faces.tar.gz --architecture two-stage-32 \\
        --attribute eyes --train-identities 0.7 --out runs/eyes
    """
    from generator.device import keep_freed_memory, pick_device
    from generator.runs.request import make_request
    from generator.runs.run import train as run

    keep_freed_memory()
    faces = open_set(spec, landmarks)
    said: dict[str, Any] = {}
    if protocol is not None:
        from retrieval.evaluation.protocol.files import find_protocol
        from retrieval.evaluation.protocol.query_table import about

        chosen = find_protocol(protocol, spec)
        faces = about(faces, chosen)
        said = {key: chosen.to_json()[key] for key in ("names", "gallery")}
        if train_identities is None and fold is None and chosen.train_identities:
            train_identities = chosen.train_identities
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
        crop=parse_crop(crop),
        start=start,
        about=said,
    )
    with resumable("Add --resume to the same command to go on."):
        for progress in bar(run(request, resume=resume), "training", 1):
            if progress.problem is not None:
                tell(f"Skipped {progress.problem.name}: {progress.problem.reason}")
    typer.echo(f"Weights: {out}")
