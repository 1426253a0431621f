"""What was fitted for weights, told to people."""

from collections.abc import Mapping
from typing import Any

from generator.card import Card
from generator.reconstruction_error import usual_text
from retrieval.scoring.terms import DRAWING, FUSED


def to_text(card: Card) -> str:
    """Say what a card holds of a fit, for people."""
    fusion = card.fusion
    on: Mapping[str, Any] = fusion["fitted_on"]
    lines = [
        (
            f"{card.name}: fitted on {len(on['people'])} people of {on['spec']},"
            f" {on['images']} images, {on['queries']} queries"
        ),
        "hit rate @1, percent              C1     C2",
    ]
    for name, rates in fusion["hit_rate"].items():
        lines.append(f"  {_spelt(name, fusion):<28}{_cells(rates)}")
    for name, said in fusion.get("hypotheses", {}).items():
        lines += _tried(name, said)
    for name, one in card.calibration.items():
        error = one["expected_calibration_error"]
        lines.append(f"confidence of {name}: off by {100 * error:.1f} points in the mean")
    return "\n".join([*lines, usual_text(card)])


def _tried(name: str, said: Mapping[str, Any]) -> list[str]:
    """Say what second hypotheses reach with a score, and how many are taken."""
    lines = [f"{name}, gallery images with a second hypothesis where the margin is small:"]
    for spelling, one in said["tried"].items():
        weights = f"a {one['log_probability']:g}, w {one.get('identity', 0):g}"
        shown = f"{spelling}, {weights}"
        lines.append(f"  {shown:<28}{_cells(one['hit_rate'])}  {one['rows']:.2f} vectors an image")
    return [*lines, f"  taken: {said['chosen']}"]


def _cells(rates: Mapping[str, float | None]) -> str:
    return "".join("      -" if r is None else f"  {100 * r:5.1f}" for r in rates.values())


def _spelt(name: str, fusion: Mapping[str, Any]) -> str:
    if name == DRAWING:
        return name
    a, w = (
        (fusion if name == FUSED else fusion[name]).get(key, 0)
        for key in ("log_probability", "identity")
    )
    return f"{FUSED if name == FUSED else DRAWING}, a {a:g}, w {w:g}"
