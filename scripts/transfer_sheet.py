"""Photographs under the same wishes, drawn by several weights: one picture (docs/transfer.md).

Example: scripts/transfer_sheet.py cmu-faces:PATH few.png "drawn faces=runs/few/few-0" \
    "+ 4 people=runs/few/few-4"
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from gallery import sheets
from gallery.errors import ConfigError, UserError
from gallery.faces import FaceSet
from gallery.pixels import align_all, align_each
from gallery.readers.registry import open_faces
from generator.checkpoint import find_weights
from generator.engine import Engine
from generator.machine import pick_device
from retrieval.evaluation.asking import about
from retrieval.evaluation.protocol_files import find_protocol

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
    pixels = align_all(list(align_each(faces, engine.card.aligner)), faces.spec).pixels
    pose = engine.card.space["pose"]
    rows = []
    for wish in WISHES:
        codes = np.zeros((len(pixels), len(pose.values)), dtype=np.float32)
        codes[:, pose.index(wish)] = 1
        drawn = engine.draw(pixels, codes).refined
        rows.append(
            [
                sheets.Tile(one, f"{name}\n{wish}°" if not at else "\n")
                for at, one in enumerate(drawn)
            ]
        )
    return rows


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
                sources = align_all(list(align_each(shown, engine.card.aligner)), shown.spec).pixels
                rows.append(
                    [
                        sheets.Tile(one, "photograph\n" if not at else "\n")
                        for at, one in enumerate(sources)
                    ]
                )
            rows += rows_of(name, engine, shown)
    except UserError as error:
        sys.exit(f"Error: {error}")
    sheets.save(sheets.sheet(rows, tile_px=72), given.out)
