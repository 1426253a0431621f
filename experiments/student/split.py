"""Part the portraits whose lifts may be learnt from: who is set aside by the weights is left out.

python -m experiments.student.split PHOTOGRAPHS OUT WEIGHTS

PHOTOGRAPHS is the folder `train` that `experiments.photographs.split` made. OUT/learn: all of it
but the people of WEIGHTS' validation. OUT/aside: these, on whom students are measured.
"""

import csv
import shutil
import sys
from pathlib import Path

from gallery.files import write_whole
from generator.weights_file import find_weights, load_card


def main(photographs: str, out: str, weights: str) -> None:
    """Copy photographs and labels into two folders."""
    aside = set(load_card(find_weights(weights)).data.get("validation", ()))
    with (Path(photographs) / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name, is_aside in (("learn", False), ("aside", True)):
        folder = Path(out) / name
        mine = [row for row in rows if (row["identity"] in aside) == is_aside]
        lines = ["path,identity,expression"]
        for row in mine:
            target = folder / row["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(photographs) / row["path"], target)
            lines.append(f"{row['path']},{row['identity']},{row['expression']}")
        write_whole(folder / "labels.csv", ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
