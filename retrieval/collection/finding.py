"""What a check of a collection found, for people and programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

REPAIR = "mindseye index verify --repair, then index build of the SPEC it came from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: What was found, such as "shard-missing"; the list is in docs/collections.md.
        what: What is wrong, with names and numbers.
        todo: What to do.
        space: Where, or None for the whole collection.
        number: Number of the shard or generation, or None.
        is_problem: Whether answers may be wrong or lacking; otherwise it is only good to know.
    """

    kind: str
    what: str
    todo: str
    space: str | None = None
    number: int | None = None
    is_problem: bool = True


@dataclass(frozen=True, slots=True)
class Checking:
    """How far a check is.

    Attributes:
        phase: What is being looked at.
        done: Parts looked at.
        total: Parts of it.
    """

    phase: str
    done: int
    total: int


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as JSON: "ok", "problems", "notes"."""
    told = [asdict(one) for one in findings]
    for one in told:
        del one["is_problem"]
    pairs = list(zip(findings, told, strict=True))
    return {
        "ok": not any(one.is_problem for one in findings),
        "problems": [text for one, text in pairs if one.is_problem],
        "notes": [text for one, text in pairs if not one.is_problem],
    }


def to_text(findings: Sequence[Finding]) -> str:
    """Return findings as lines, problems first."""
    ordered = sorted(findings, key=lambda one: not one.is_problem)
    lines = [
        f"{'problem' if one.is_problem else 'note'}: {_where(one)}{one.what}\n  do: {one.todo}"
        for one in ordered
    ]
    problems = sum(one.is_problem for one in findings)
    lines.append(f"{problems} problems" if problems else "Everything is as it should be.")
    return "\n".join(lines)


def _where(finding: Finding) -> str:
    return f"space {finding.space}: " if finding.space else ""
