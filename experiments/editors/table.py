"""Write editors.md and editors.png from the benchmarks that experiments/editors/compare.sh ran."""

import argparse
import json
import sys
from pathlib import Path

import torch

from experiments.editors.comparison import compare_editors
from experiments.editors.sheet import choose_edits, draw_sheet
from gallery import sheets
from gallery.errors import ConfigError, UserError
from gallery.files import write_whole
from gallery.readers.registry import open_faces
from generator.engine import Engine
from generator.weights_file import find_weights
from retrieval.evaluation.protocol.files import find_protocol


def write_comparison(spec: str, out: Path, weights: list[str], protocol: str | None) -> None:
    """Write the table and the picture.

    Args:
        spec: The collection.
        out: Folder that holds a folder with the results of each set of weights, by its name.
        weights: Folders, or packaged names.
        protocol: File or name; None for the collection's own.

    Raises:
        UserError: Results or weights are missing, or do not belong together.
    """
    names = [Path(one).name for one in weights]
    results = {}
    for name in names:
        path = out / name / "results.json"
        if not path.is_file():
            raise ConfigError(
                f"There is no {path}; run experiments/editors/compare.sh, which makes it"
            )
        results[name] = json.loads(path.read_text("utf-8"))
    table = compare_editors(results)
    faces = open_faces(spec)
    cpu = torch.device("cpu")
    engines = {
        name: Engine.open(find_weights(one), cpu) for name, one in zip(names, weights, strict=True)
    }
    cards = [engine.card for engine in engines.values()]
    edits = choose_edits(faces, cards, find_protocol(protocol, spec))
    sheets.save(draw_sheet(faces, engines, edits), out / "editors.png")
    picture = "![source, true target, and every editor on the same faces](editors.png)"
    write_whole(out / "editors.md", f"# Editors\n\n{picture}\n\n{table}".encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("out", type=Path)
    parser.add_argument("--protocol")
    parser.add_argument("weights", nargs="+")
    given = parser.parse_args()
    try:
        write_comparison(given.spec, given.out, given.weights, given.protocol)
    except UserError as error:
        sys.exit(str(error))
