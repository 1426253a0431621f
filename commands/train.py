"""Training a generator: `mindseye train`."""

from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.models import open_set
from commands.options import AlsoSpecs, CropOption, Device, LandmarksFile, Spec
from commands.progress import meter


def train(
    spec: Spec,
    architecture: Annotated[
        str, typer.Option(help="Name of the network: mindseye-60, sargan, … All: docs/families.md.")
    ],
    attribute: Annotated[
        list[str], typer.Option(help="An attribute to learn; say it again for more.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run. The weights are called like it.")],
    also: AlsoSpecs = None,
    recipe: Annotated[
        str, typer.Option(help="fast; tuned (for retrieval); or paper (as published).")
    ] = "fast",
    config: Annotated[
        Path | None, typer.Option(help="A TOML file that changes the recipe.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="How many updates in stages 1 and 2.")
    ] = None,
    train_identities: Annotated[
        str | None, typer.Option(metavar="N|SHARE", help="The first N people, or a share of all.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(metavar="K/N", help="All people but the K-th of N runs.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed: initial weights, order of images.")
    ] = 0,
    device: Device = "auto",
    crop: CropOption = None,
    landmarks: LandmarksFile = None,
    start: Annotated[
        str | None, typer.Option(metavar="WEIGHTS", help="Go on from these weights.")
    ] = None,
    new_wishes: Annotated[
        bool,
        typer.Option(
            "--new-wishes", help="Attributes and values that --start does not know begin anew."
        ),
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME", help="A protocol: which images and people, what values are called."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in OUT.")] = False,
) -> None:
    """Train a generator.

    OUT gets its weights, their card, a log and sample pictures.

    \b
    Example: mindseye train cmu-faces:cmu-faces.tar.gz --architecture two-stage-32 \\
        --attribute eyes --train-identities 0.7 --out runs/eyes
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with resumable("Add --resume to the same command to go on."), meter("training") as shown:
        mindseye.train(
            [open_set(spec, landmarks), *map(open_set, also or ())],
            architecture=architecture,
            attributes=attribute,
            out=out,
            recipe=recipe,
            config=config,
            steps=steps,
            train_identities=train_identities,
            fold=fold,
            seed=seed,
            device=device,
            crop=crop,
            start=start,
            new_wishes=new_wishes,
            protocol=protocol,
            resume=resume,
            progress=shown.show,
        )
    typer.echo(f"Weights: {out}")
