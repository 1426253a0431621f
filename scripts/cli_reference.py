"""Write docs/cli.md from the help texts, so that it is never typed twice. Run from the root."""

import sys
from pathlib import Path

from typer.testing import CliRunner

from cli import app  # noqa: TID251  the one reader of the command line

COMMANDS = (
    (),
    ("data", "show"),
    ("data", "find-faces"),
    ("data", "strengths"),
    ("train",),
    ("adapt",),
    ("index", "build"),
    *(
        ("index", name)
        for name in ("add", "remove", "verify", "compact", "export", "import", "move")
    ),
    ("index", "show"),
    ("query",),
    ("bench",),
    ("weights", "list"),
    ("weights", "show"),
    ("weights", "fit"),
    ("weights", "distil"),
    ("weights", "agree"),
    ("studio", "assets"),
    ("studio", "draw"),
    ("studio", "lift"),
    ("demo",),
    ("serve",),
)
TARGET = Path("docs/cli.md")


def reference() -> str:
    """Return the reference in Markdown."""
    parts = ["# Command line\n\nWritten by `scripts/cli_reference.py`; do not edit.\n"]
    for command in COMMANDS:
        help_text = CliRunner().invoke(
            app, [*command, "--help"], prog_name="mindseye", env={"COLUMNS": "100"}
        )
        title = " ".join(("mindseye", *command))
        parts.append(f"## {title}\n\n```\n{help_text.stdout.rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    text = reference()
    if sys.argv[1:] == ["--check"]:
        sys.exit(TARGET.read_text("utf-8") != text)
    TARGET.write_text(text, "utf-8")
