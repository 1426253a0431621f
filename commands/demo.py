"""Seeing it work: `mindseye demo`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

import mindseye
from commands.interrupts import resumable
from commands.options import Device
from commands.progress import meter


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path(
        "mindseye-demo"
    ),
    full: Annotated[
        bool, typer.Option("--full", help="Take the whole packaged gallery, not a part of it.")
    ] = False,
    device: Device = "auto",
) -> None:
    """See it work: index a packaged gallery, ask it, measure it.

    \b
    Example: mindseye demo --out demo
    """
    from generator.freed_memory import keep_freed_memory

    keep_freed_memory()
    with resumable("Run the same command again to go on."), meter("demo") as shown:
        found = mindseye.demo(
            out, full=full, device=device, program=_program(), progress=shown.show
        )
    typer.echo(str(found))


def _program() -> str:
    """Return how this user called mindseye, as it can be typed again."""
    called = Path(sys.argv[0]).absolute()
    if called.name != "mindseye" or not called.is_relative_to(Path.cwd()):
        return "mindseye"
    return str(called.relative_to(Path.cwd()))
