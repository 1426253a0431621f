"""Seeing it work, from Python and from the command line."""

from dataclasses import dataclass
from pathlib import Path

from generator.device import pick_device
from retrieval import demo as showing
from retrieval.api.progress import Callback, Progress, follow, follow_each


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demonstration left; `str` of it says what was found, and what to try next.

    Attributes:
        folder: Where all lies that it made: answers.png, answers.md, benchmark/report.html,
            collection/; in photographs/ the same of photographs.
        text: What was found.
    """

    folder: Path
    text: str

    def __str__(self) -> str:
        return self.text


def demo(
    out: str | Path = "mindseye-demo",
    *,
    full: bool = False,
    device: str = "auto",
    program: str = "mindseye",
    progress: Callback | None = None,
) -> Demonstration:
    """See it work: index a packaged gallery, ask, measure.

    Args:
        out: Folder for all that it makes. What is there from an earlier call is gone on with.
        full: Take the whole packaged gallery, not a part of it.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        program: What the commands that it suggests begin with.
        progress: Told how far it is. What it raises ends it; what was finished is kept.

    Raises:
        UserError: The folder cannot be written, or there is no such device.
    """
    drawn = showing.plan(Path(out), pick_device(device), full=full)
    plans = [plan for plan in (drawn, drawn.photographs) if plan is not None]
    _say(progress, "indexing", f"1/3  Indexing {'; and '.join(map(_counts, plans))}")
    for plan in plans:
        for weights in plan.weights:
            phase = f"indexing with {weights.card.name}"
            follow_each(showing.index(plan, weights), progress, phase, len(plan.part(weights)))
    _say(progress, "asking", "2/3  Asking")
    asked = [showing.ask(plan) for plan in plans]
    _say(progress, "benchmark", "3/3  Measuring")
    outcomes = [
        showing.DemoOutcome(plan, answers, follow(showing.measure(plan), progress, "benchmark"))
        for plan, answers in zip(plans, asked, strict=True)
    ]
    return Demonstration(Path(out), showing.conclude(outcomes[0], outcomes[1], program))


def demo_gallery(
    out: str | Path = "mindseye-demo",
    *,
    device: str = "auto",
    progress: Callback | None = None,
) -> Path:
    """Index the packaged gallery, as `demo` does, and nothing more.

    Args:
        out: Folder of the demonstration; what is there from an earlier call is gone on with.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told how far it is. What it raises ends it; what was finished is kept.

    Returns:
        Folder of the collection.

    Raises:
        UserError: The folder cannot be written, or there is no such device.
    """
    plan = showing.plan(Path(out), pick_device(device))
    for weights in plan.weights:
        phase = f"indexing with {weights.card.name}"
        follow_each(showing.index(plan, weights), progress, phase, len(plan.part(weights)))
    return plan.collection


def _counts(plan: showing.DemoPlan) -> str:
    counts = ", ".join(f"{len(plan.part(w))} with {w.card.name}" for w in plan.weights)
    kind = "drawn people" if plan.photographs else "people on photographs"
    return f"images of {len(plan.faces.identities)} {kind}: {counts}"


def _say(progress: Callback | None, phase: str, note: str) -> None:
    if progress is not None:
        progress(Progress(phase=phase, done=0, total=1, note=note))
