"""Numbers and names as tables, plots and the page print them."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

Json = Mapping[str, Any]
NONE = "-"
EDITING = (
    "MSE, MAE, PSNR and SSIM compare with the true target, where all else is as in the source;"
    " ACD, verification and the histogram with the source; docs/editing.md defines them."
)
KINDS = {
    "right": "right",
    "other_attribute": "right person and wish, another attribute changed",
    "wrong_value": "right person, wrong value",
    "wrong_identity": "right value, wrong person",
    "else": "neither",
    "nothing": "no image left",
}


def percent(value: float | None, digits: int = 1) -> str:
    """Print a share in percent, without the sign."""
    return NONE if value is None else f"{100 * value:.{digits}f}"


def change(value: float | None, digits: int = 1) -> str:
    """Print a difference of shares in percentage points, with its sign."""
    return NONE if value is None else f"{100 * value:+z.{digits}f}"


def ends(interval: Sequence[float] | None, digits: int = 1) -> str:
    """Print an interval of shares in percent; nothing if there is none, or it is one number."""
    printed = [percent(end, digits) for end in interval or ()]
    return ", ".join(printed) if len(set(printed)) > 1 else ""


def figure(value: float, interval: Sequence[float] | None) -> str:
    """Print a share in percent with its interval in brackets, if it has one."""
    between = f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else ""
    return f"{100 * value:.1f}{between}"


def changes(interval: Sequence[float] | None) -> str:
    """Print an interval of differences in percentage points."""
    return "" if interval is None else f"{change(interval[0])}, {change(interval[1])}"


def level(value: float | None) -> str:
    """Print a mean squared error."""
    return NONE if value is None else f"{value:,.1f}"


def levels(interval: Sequence[float] | None) -> str:
    """Print an interval of mean squared errors."""
    return "" if interval is None else f"{level(interval[0])}, {level(interval[1])}"


def duration(seconds: float | None) -> str:
    """Print a time with its unit."""
    if seconds is None:
        return NONE
    for unit, length in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{1000 * seconds:.3g} ms"


def size(count: float | None) -> str:
    """Print a number of bytes with its unit."""
    if count is None:
        return NONE
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} B"


def title(summary: Json) -> str:
    """Name a benchmark: what was searched, without the folders it lies in, and the weights."""
    reader, colon, place = summary["spec"].partition(":")
    weights = ", ".join(fold["weights"] for fold in summary["folds"])
    return f"{reader}{colon}{PurePath(place).name}: {weights}"


def asked(summary: Json) -> str:
    """Say in a sentence what was asked of what."""
    queries, dropped = summary["queries"], summary["queries_dropped"]
    protocol = summary["protocol"]
    gone = protocol.get("exclude_source") or protocol.get("sources")
    source = "left out of" if gone else "kept in"
    at_once = protocol.get("wishes", 1)
    several = f", each for {at_once} attributes at once," if at_once > 1 else ""
    shown = (
        " Face recognisers are shown portraits in colour, as in a search."
        if protocol.get("portraits")
        else ""
    )
    if protocol.get("sources"):
        named = "; ".join(f"{n}: {', '.join(v)}" for n, v in protocol["sources"].items())
        shown += f" Images with {named} are asked about, and are not in the gallery."
    profiles = sorted({fold["profile"] for fold in summary["folds"] if "profile" in fold})
    fitted = f" Scores are those of the profile {' and '.join(profiles)}." if profiles else ""
    notes = dict.fromkeys(fold["poses_note"] for fold in summary["folds"] if "poses_note" in fold)
    fitted += "".join(f" Poses are estimated {note}." for note in notes)
    return (
        f"{queries['C1']:,} queries{several} under C1 and, under C2, {queries['C2']:,} of these"
        f" (seed {protocol.get('seed', 0)}; left out before the draw, because nothing in the"
        f" gallery answers them or their source cannot be read: {dropped['C1']:,} under C1,"
        f" {dropped['C2']:,} under C2); gallery: {summary['gallery']:,} images, with"
        f" {summary['identities']} known people{_pooled(summary)}; the source image is {source} the"
        f" gallery.{_copies(summary)}{shown}{fitted}"
    )


def _copies(summary: Json) -> str:
    """Say what became of images that are, byte for byte, the source of a query."""
    count = sum(fold.get("copies", 0) for fold in summary["folds"])
    if not count:
        return ""
    gone = "; it goes out with it" if summary["protocol"].get("exclude_source") else ""
    return (
        f" {count:,} of the images are byte-identical copies of others: a copy of the source is"
        f" never a right answer{gone}."
    )


def intervals(summary: Json) -> str:
    """Say in a sentence how the intervals were made."""
    made = summary["bootstrap"]
    return (
        f"Intervals hold {100 * made['level']:.0f} %: bootstrap over the {made['people']}"
        f" identities asked about ({made['draws']:,} draws, seed {made['seed']}), percentile"
        " intervals widened for few people; differences are paired, on the same draws."
    )


def _pooled(summary: Json) -> str:
    folds = summary["folds"]
    if len(folds) == 1:
        return ""
    sizes = ", ".join(f"{fold['gallery']:,}" for fold in folds)
    return f" in {len(folds)} folds of {sizes}, each searched by itself"
