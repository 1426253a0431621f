"""Does a network draw a strength that it is told, and is it found?

Of every person of a drawn set the image at rest is drawn with a smile from 0 to 1 in ten steps.
What the drawings show is told by the weights' own estimator, and by the width of the mouth between
468 points. Then the images of 0, 0.5 and 1 are a gallery, and both others ask for 0.5.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gallery import sheets
from gallery.align import Pixels
from gallery.arrays import Floats, normalise
from gallery.detection.face_mesh import FaceMesh
from gallery.detection.head_pose import openings
from gallery.detection.strengths import BATCH, SIDE
from gallery.faces import FaceSet
from gallery.readers.registry import open_faces
from generator.canonical import Rule, canonicalise
from generator.engine import Engine
from generator.values import SPREAD
from generator.weights_file import find_weights
from retrieval.scoring.strengths import lagrange_weights

LIGHT = {"illumination": "17"}
STEPS = np.linspace(0, 1, 11)
GALLERY = ("0", "0.5", "1")
SHOWN = 6  # people on a sheet
WEIGHTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def images(engine: Engine, faces: FaceSet, smile: str) -> Pixels:
    """Return the aligned image of each person with a smile, (P, S, S, C)."""
    wanted = {**LIGHT, "smile": smile}.items()
    some = [one for one in faces.faces if dict(one.condition).items() >= wanted]
    by_person = {one.identity: one for one in some}
    aligner = engine.card.aligner
    return np.stack([aligner.align(faces.load(by_person[who])) for who in faces.identities])


def strengths(engine: Engine, pixels: Pixels) -> Floats:
    """Return what the estimator of the weights sees, (N,): its parabola's middle."""
    log_p = engine.log_probabilities(pixels)
    return np.asarray((log_p[:, -1] - log_p[:, 0]) * SPREAD**2 + 0.5)


def widths(pixels: Pixels, mesh: FaceMesh) -> Floats:
    """Return how wide mouths are, (N,)."""
    large = [Image.fromarray(one.squeeze()).convert("RGB").resize((SIDE, SIDE)) for one in pixels]
    crops = np.stack([np.asarray(one) for one in large])
    starts = range(0, len(crops), BATCH)
    points = np.concatenate([mesh.look(crops[at : at + BATCH]).points for at in starts])
    return np.asarray(openings(points).mouth_width, dtype=np.float32)


def drawings(engine: Engine, sources: Pixels) -> Pixels:
    """Draw every source in every step, (P, 11, S, S, C), 0..255."""
    space = engine.card.space
    codes = np.stack([space.one_hot({"smile": f"{one:g}"}) for one in STEPS])
    drawn = [engine.draw(np.repeat(one[None], len(codes), 0), codes).refined for one in sources]
    return np.clip(np.stack(drawn), 0, 255).astype(np.uint8)


def tell(name: str, seen: Floats) -> None:
    """Say how what is seen rises with what was drawn, (P, 11)."""
    rises = np.diff(seen, axis=1)
    ranks = seen.argsort(axis=1).argsort(axis=1)
    spearman = [np.corrcoef(one, np.arange(len(STEPS)))[0, 1] for one in ranks]
    say(f"{name}: mean {' '.join(f'{one:.2f}' for one in seen.mean(axis=0))}")
    say(
        f"  rises at each of ten steps: {100 * (rises > 0).all(axis=1).mean():.0f} % of people;"
        f" {100 * (rises > 0).mean():.0f} % of steps; rank correlation {np.mean(spearman):.3f},"
        f" at least {np.min(spearman):.3f}"
    )


def found(engine: Engine, faces: FaceSet) -> None:
    """Say how often 0.5 is found first among 0, 0.5 and 1 of everybody."""
    pixels = [images(engine, faces, smile) for smile in GALLERY]
    together = np.concatenate(pixels)
    log_p = engine.log_probabilities(together)
    gallery = canonicalise(engine, together, Rule("estimator")).embeddings
    code = engine.card.space.one_hot({"smile": "0.5"})
    asks = lagrange_weights(engine.card.space["smile"].grid, 0.5)
    people = len(pixels[0])
    for a in WEIGHTS:
        first, right, value = [], [], []
        for source in (0, 2):
            drawn = engine.draw(pixels[source], np.stack([code] * people))
            scores = normalise(drawn.features) @ gallery.T + a * (log_p @ asks)
            best = scores.argmax(axis=1)
            first.append(best == people + np.arange(people))
            right.append(best % people == np.arange(people))
            value.append(best // people == 1)
        say(
            f"a = {a:g}: the middle picture first {100 * np.mean(first):.1f} %, the right person"
            f" {100 * np.mean(right):.1f} %, the right smile {100 * np.mean(value):.1f} %"
        )


def sheet(sources: Pixels, drawn: Pixels) -> Image.Image:
    """Show people and their drawings, a row for each."""
    rows = []
    for source, own in zip(sources, drawn, strict=True):
        tiles = [sheets.Tile(one, f"{step:g}") for step, one in zip(STEPS, own, strict=True)]
        rows.append([sheets.Tile(source, "source"), *tiles])
    return sheets.sheet(rows, tile_px=96)


def main() -> None:
    """Draw, look, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="Weights that draw a smile as a strength.")
    parser.add_argument("spec", help="A drawn set of people that they have not seen.")
    parser.add_argument("--sheet", type=Path, help="Picture of the first people's drawings.")
    given = parser.parse_args()
    engine = Engine.open(find_weights(given.weights), torch.device("cpu"))
    faces = open_faces(given.spec)
    sources = images(engine, faces, "0")
    drawn = drawings(engine, sources)
    say(f"{len(sources)} people; smiles drawn from 0 to 1 in ten steps")
    flat = drawn.reshape(-1, *drawn.shape[2:])
    tell("estimator", strengths(engine, flat).reshape(drawn.shape[:2]))
    tell("width of the mouth", widths(flat, FaceMesh()).reshape(drawn.shape[:2]))
    real = np.stack([images(engine, faces, one) for one in ("0", "0.25", "0.5", "0.75", "1")], 1)
    seen = strengths(engine, real.reshape(-1, *real.shape[2:])).reshape(real.shape[:2])
    say(f"estimator, of pictures themselves: {' '.join(f'{one:.2f}' for one in seen.mean(axis=0))}")
    found(engine, faces)
    if given.sheet is not None:
        sheets.save(sheet(sources[:SHOWN], drawn[:SHOWN]), given.sheet)


if __name__ == "__main__":
    main()
