"""What `scale.py` measured, as Markdown."""

from pathlib import Path
from typing import Any

from index.kinds import KINDS

LAST = ("peak_bytes", "p50_ms", "remove_1000_s")  # what building, searching and changing tell


def table(results: dict[str, Any]) -> str:
    """Spell results as Markdown."""
    lines = [
        (
            "| N | kind | build s | peak MB | bytes/image | resident MB | of float32 | overlap @10"
            " | p50 ms | p99 ms | raw p50 ms | ratio | 1 % filter ms | after changes ms"
            " | first answer s | add 1,000 s | remove 1,000 s |"
        ),
        "|---:|---|" + "---:|" * 15,
    ]
    for entry in results["entries"]:
        if not is_whole(entry):
            continue
        floats = 4 * entry["n"] * entry["dimension"]
        raw = entry.get("raw_p50_ms")
        lines.append(
            f"| {entry['n']:,} | {entry['kind']} | {entry['build_s']:.0f}"
            f" | {entry['peak_bytes'] / 1e6:.0f} | {entry['index_bytes'] / entry['n']:.0f}"
            f" | {entry['resident_bytes'] / 1e6:.0f} | {entry['resident_bytes'] / floats:.2f}"
            f" | {entry['overlap_at_10']:.4f} | {entry['p50_ms']:.2f} | {entry['p99_ms']:.1f}"
            + (f" | {raw:.2f} | {entry['paired_ratio']:.2f}" if raw else " | - | -")
            + f" | {entry['filtered_1_percent_p50_ms']:.1f} | {entry['p50_ms_after_changes']:.2f}"
            f" | {entry['first_answer_s']:.2f} | {entry['add_1000_s']:.2f}"
            f" | {entry['remove_1000_s']:.2f} |"
        )
    return "\n".join(lines)


def short_table(results: dict[str, Any]) -> str:
    """Spell what docs/index.md tells: of each kind its entry of the largest N."""
    lines = [
        "| kind | N | build s | in memory, of float32 | overlap @10 | p50 ms | beside raw FAISS |",
        "|---|" + "---:|" * 6,
    ]
    for kind in KINDS:
        found = [e for e in results["entries"] if e["kind"] == kind and is_whole(e)]
        if not found:
            lines.append(f"| `{kind}` | not measured |" + " |" * 5)
            continue
        entry = max(found, key=lambda e: e["n"])
        share = entry["resident_bytes"] / (4 * entry["n"] * entry["dimension"])
        ratio = f"{entry['paired_ratio']:.2f}" if "paired_ratio" in entry else "-"
        lines.append(
            f"| `{kind}` | {entry['n']:,} | {entry['build_s']:.0f} | {share:.2f}"
            f" | {entry['overlap_at_10']:.4f} | {entry['p50_ms']:.2f} | {ratio} |"
        )
    return "\n".join(lines)


def is_whole(entry: dict[str, Any]) -> bool:
    """Say whether every part of an entry was measured."""
    return all(name in entry for name in LAST)


def fill(path: Path, text: str) -> None:
    """Put a table between the marks of a document."""
    before, mark, rest = path.read_text("utf-8").partition("<!-- measured -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not (mark and end):
        raise SystemExit(f"{path} has no place for a table")
    path.write_text(f"{before}{mark}{text}\n{end}{after}", "utf-8")
