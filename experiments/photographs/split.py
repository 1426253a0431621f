"""Part the portraits: who may be trained on, and who is kept for testing.

python -m experiments.photographs.split PORTRAITS OUT     (PORTRAITS: the folder of labels.csv)

OUT/train: Canada and the official portraits, but for the people of held_out.txt.
OUT/held-out: these.
OUT/london: the Face Research Lab London Set.
"""

import csv
import io
import shutil
import sys
from pathlib import Path

from gallery.files import write_whole

HELD_OUT = Path(__file__).parent / "held_out.txt"
Row = dict[str, str]


def main(portraits: str, out: str) -> None:
    """Copy photographs and labels into three folders."""
    text = (Path(portraits) / "labels.csv").read_text("utf-8")
    kept = set(HELD_OUT.read_text("utf-8").split())
    parts: dict[str, list[Row]] = {"train": [], "held-out": [], "london": []}
    for row in csv.DictReader(io.StringIO(text)):
        parts[_part(row, kept)].append(row)
    for name, rows in parts.items():
        _write(Path(portraits), Path(out) / name, rows)


def _part(row: Row, kept: set[str]) -> str:
    if row["path"].startswith("london/"):
        return "london"
    return "held-out" if row["identity"] in kept else "train"


def _write(portraits: Path, folder: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    lines = csv.DictWriter(text, ["path", "identity", "expression"], lineterminator="\n")
    lines.writeheader()
    for row in rows:
        target = folder / row["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(portraits / row["path"], target)
        lines.writerow({name: row[name] for name in lines.fieldnames})
    write_whole(folder / "labels.csv", text.getvalue().encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
