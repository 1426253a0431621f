"""Photographs under the same wishes, drawn by several weights: one picture (docs/transfer.md).

Example: python -m experiments.transfer.sheet cmu-faces:PATH few.png "drawn faces=runs/few/few-0" \
    "+ 4 people=runs/few/few-4"
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery import sheets
from gallery.align import Pixels
from gallery.errors import ConfigError, UserError
from gallery.faces import FaceSet
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.device import pick_device
from generator.engine import Engine
from generator.weights_file import find_weights
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.query_table import about

WISHES = ("-45", "0", "45")


def some(faces: FaceSet, people: int) -> FaceSet:
    """Return a photograph of each of the last people, in turn of the poses."""
    chosen = []
    for number, who in enumerate(faces.identities[-people:]):
        value = WISHES[number % len(WISHES)]
        shown = [f for f in faces.of([who]).faces if f.condition["pose"] == value and f.landmarks]
        chosen += shown[:1]
    return replace(faces, faces=tuple(chosen))


def rows_of(name: str, engine: Engine, faces: FaceSet) -> list[list[sheets.Tile]]:
    """Return a row of drawings for each wish."""
    pixels = cut_out(faces, engine)
    rows = []
    for wish in WISHES:
        code = engine.card.space.one_hot({"pose": wish})
        drawn = engine.draw(pixels, np.tile(code, (len(pixels), 1))).refined
        rows.append(row_of(f"{name}\n{wish}°", drawn))
    return rows


def row_of(caption: str, images: NDArray[Any]) -> list[sheets.Tile]:
    """Return a row of which the first image has the caption."""
    return [sheets.Tile(one, "\n" if at else caption) for at, one in enumerate(images)]


def cut_out(faces: FaceSet, engine: Engine) -> Pixels:
    """Return the photographs as weights see them."""
    return align_all(list(align_each(faces, engine.card.aligner)), faces.spec).pixels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("out", type=Path)
    parser.add_argument("weights", nargs="+", metavar="NAME=WEIGHTS")
    parser.add_argument("--protocol", default="cmu-few")
    parser.add_argument("--people", type=int, default=8)
    given = parser.parse_args()
    try:
        shown = some(
            about(open_faces(given.spec), find_protocol(given.protocol, given.spec)), given.people
        )
        rows: list[list[sheets.Tile]] = []
        for text in given.weights:
            name, sign, path = text.partition("=")
            if not sign:
                raise ConfigError(f"{text!r} is no weights with a name; write NAME=WEIGHTS")
            engine = Engine.open(find_weights(path), pick_device("auto"))
            if not rows:
                rows.append(row_of("photograph\n", cut_out(shown, engine)))
            rows += rows_of(name, engine, shown)
    except UserError as error:
        sys.exit(f"Error: {error}")
    sheets.save(sheets.sheet(rows, tile_px=72), given.out)
