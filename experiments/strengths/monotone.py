"""Does a network draw a strength that it is told, and is it found?

Of every person of a drawn set the image at rest is drawn with a strength from 0 to 1 in ten steps.
What the drawings show is told by the weights' own estimator, and by the mouth between 468 points.
Then the images of 0, 0.5 and 1 are a gallery, and both others ask for 0.5.
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
from gallery.detection.strengths import BATCH, LINES, SIDE
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


def images(engine: Engine, faces: FaceSet, value: str) -> Pixels:
    """Return the aligned image of each person with a strength, (P, S, S, C)."""
    wanted = {**LIGHT, engine.card.space.names[0]: value}.items()
    some = [one for one in faces.faces if dict(one.condition).items() >= wanted]
    by_person = {one.identity: one for one in some}
    aligner = engine.card.aligner
    return np.stack([aligner.align(faces.load(by_person[who])) for who in faces.identities])


def strengths(engine: Engine, pixels: Pixels) -> Floats:
    """Return what the estimator of the weights sees, (N,): its parabola's middle."""
    log_p = engine.log_probabilities(pixels)
    return np.asarray((log_p[:, -1] - log_p[:, 0]) * SPREAD**2 + 0.5)


def measured(name: str, pixels: Pixels, mesh: FaceMesh) -> Floats:
    """Return what landmarks measure of a strength, (N,)."""
    large = [Image.fromarray(one.squeeze()).convert("RGB").resize((SIDE, SIDE)) for one in pixels]
    crops = np.stack([np.asarray(one) for one in large])
    starts = range(0, len(crops), BATCH)
    points = np.concatenate([mesh.look(crops[at : at + BATCH]).points for at in starts])
    return np.asarray(LINES[name].measure(openings(points)), dtype=np.float32)


def drawings(engine: Engine, sources: Pixels) -> Pixels:
    """Draw every source in every step, (P, 11, S, S, C), 0..255."""
    space = engine.card.space
    codes = np.stack([space.one_hot({space.names[0]: f"{one:g}"}) for one in STEPS])
    drawn = [engine.draw(np.repeat(one[None], len(codes), 0), codes).refined for one in sources]
    return np.clip(np.stack(drawn), 0, 255).astype(np.uint8)


def tell(name: str, seen: Floats) -> None:
    """Say how what is seen rises with what was drawn, (P, 11)."""
    rises = np.diff(seen, axis=1)
    together = np.array([np.corrcoef(one, STEPS)[0, 1] for one in seen])
    say(f"{name}: mean {' '.join(f'{one:.2f}' for one in seen.mean(axis=0))}")
    say(
        f"  rises at each of ten steps: {100 * (rises > 0).all(axis=1).mean():.0f} % of people;"
        f" {100 * (rises > 0).mean():.0f} % of steps; correlation {together.mean():.3f}, at"
        f" least {together.min():.3f}"
    )


def found(engine: Engine, faces: FaceSet) -> None:
    """Say how often 0.5 is found first among 0, 0.5 and 1 of everybody."""
    pixels = [images(engine, faces, value) for value in GALLERY]
    together = np.concatenate(pixels)
    log_p = engine.log_probabilities(together)
    gallery = canonicalise(engine, together, Rule("estimator")).embeddings
    (attribute,) = engine.card.space
    code = engine.card.space.one_hot({attribute.name: "0.5"})
    asks = lagrange_weights(attribute.grid, 0.5)
    people = len(pixels[0])
    for a in WEIGHTS:
        first, right, shown = [], [], []
        for source in (0, 2):
            drawn = engine.draw(pixels[source], np.stack([code] * people))
            scores = normalise(drawn.features) @ gallery.T + a * (log_p @ asks)
            best = scores.argmax(axis=1)
            first.append(best == people + np.arange(people))
            right.append(best % people == np.arange(people))
            shown.append(best // people == 1)
        say(
            f"a = {a:g}: the middle picture first {100 * np.mean(first):.1f} %, the right person"
            f" {100 * np.mean(right):.1f} %, the right strength {100 * np.mean(shown):.1f} %"
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
    parser.add_argument("weights", help="Weights that draw one strength.")
    parser.add_argument("spec", help="A drawn set of people that they have not seen.")
    parser.add_argument("--sheet", type=Path, help="Picture of the first people's drawings.")
    given = parser.parse_args()
    engine = Engine.open(find_weights(given.weights), torch.device("cpu"))
    faces = open_faces(given.spec)
    sources = images(engine, faces, "0")
    drawn = drawings(engine, sources)
    (attribute,) = engine.card.space
    say(f"{len(sources)} people; {attribute.name} drawn from 0 to 1 in ten steps")
    flat = drawn.reshape(-1, *drawn.shape[2:])
    tell("estimator", strengths(engine, flat).reshape(drawn.shape[:2]))
    tell("landmarks", measured(attribute.name, flat, FaceMesh()).reshape(drawn.shape[:2]))
    real = np.stack([images(engine, faces, one) for one in GALLERY], 1)
    seen = strengths(engine, real.reshape(-1, *real.shape[2:])).reshape(real.shape[:2])
    say(f"estimator, of pictures themselves: {' '.join(f'{one:.2f}' for one in seen.mean(axis=0))}")
    found(engine, faces)
    if given.sheet is not None:
        sheets.save(sheet(sources[:SHOWN], drawn[:SHOWN]), given.sheet)


if __name__ == "__main__":
    main()
