"""Seeing it work: `mindseye demo`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from commands.interrupts import resumable
from commands.options import Device
from commands.progress import bar, result, tell


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path(
        "mindseye-demo"
    ),
    full: Annotated[
        bool, typer.Option("--full", help="Take the whole packaged gallery, not a part of it.")
    ] = False,
    device: Device = "auto",
) -> None:
    """See it work: index a packaged gallery, ask, measure, and look at the answers.

    \b
    Example: mindseye demo --out demo
    """
    from generator.device import keep_freed_memory, pick_device
    from retrieval import demo as show

    keep_freed_memory()
    plan = show.plan(out, pick_device(device), full=full)
    with resumable("Run the same command again to go on."):
        counts = ", ".join(f"{len(plan.part(w))} with {w.card.name}" for w in plan.weights)
        tell(f"1/3  Indexing images of {len(plan.faces.identities)} people: {counts}")
        for weights in plan.weights:
            steps = show.index(plan, weights)
            for _ in bar(steps, f"indexing with {weights.card.name}", len(plan.part(weights))):
                pass
        tell("2/3  Asking")
        answers = show.ask(plan)
        tell("3/3  Measuring")
        results = result(show.measure(plan), "benchmark")
    typer.echo(show.conclude(plan, answers, results, _program()))


def _program() -> str:
    """Return how this user called mindseye, as it can be typed again."""
    called = Path(sys.argv[0]).absolute()
    if called.name != "mindseye" or not called.is_relative_to(Path.cwd()):
        return "mindseye"
    return str(called.relative_to(Path.cwd()))
