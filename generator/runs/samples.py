"""Looking at a generator: its errors on pairs of images, and a sheet of its drawings."""

from typing import Any

import numpy as np
from PIL import Image

from gallery.errors import DatasetError
from gallery.faces import FaceSet
from gallery.pixels import Aligned, align_all, align_each
from gallery.provenance import PART, mark
from gallery.sheets import Tile, sheet
from generator.drawer import Drawer
from generator.training.pairs import Pairs, make_pairs

MEASURED_PAIRS = 2_000
SAMPLED_PAIRS = 8
SHOWN_PEOPLE = 20


def measure(engine: Drawer, part: Aligned, seed: int) -> dict[str, Any] | None:
    """Return the mean squared error of both stages on pairs of different values.

    Args:
        engine: Draws.
        part: Images to pair up.
        seed: Seed of the choice of pairs, if there are more than 2,000.

    Returns:
        {"pairs", "mse_stage_1", "mse_stage_2"}, errors in squared grey levels, or None where no
        person is shown twice.
    """
    pairs = _some_pairs(engine, part, MEASURED_PAIRS, seed)
    if pairs is None:
        return None
    drawn = engine.draw(part.pixels[pairs.sources], pairs.codes[pairs.targets])
    target = part.pixels[pairs.targets].astype(np.float32)
    return {
        "pairs": len(pairs),
        "mse_stage_1": round(float(np.square(drawn.first - target).mean()), 2),
        "mse_stage_2": round(float(np.square(drawn.refined - target).mean()), 2),
    }


def showcase(engine: Drawer, faces: FaceSet, seed: int) -> Image.Image:
    """Draw people the weights have not seen: rows of source, stage 1, stage 2, target.

    Args:
        engine: Draws.
        faces: Labelled faces; of people it was trained on none is taken.
        seed: Seed of the choice of pairs.

    Raises:
        DatasetError: Nobody unseen is shown twice, under conditions that differ in what the
            weights draw alone.
    """
    card = engine.card
    unseen = faces.labelled(card.space.names).without(card.train_identities)
    known = unseen.where(
        lambda face: all(a.knows(face.condition[a.name]) for a in card.space.attributes)
    )
    if not known.faces:
        raise DatasetError(
            f"{card.name} has seen everybody in {faces.spec}, or draws none of its values; name"
            " other faces with --faces SPEC"
        )
    people = known.of(known.identities[:SHOWN_PEOPLE])
    aligned = align_all(list(align_each(people, card.aligner)), faces.spec)
    pairs = _some(make_pairs(aligned.faces, card.space, same_pairs=False), SAMPLED_PAIRS, seed)
    return _rows(engine, aligned, pairs, refined=engine.refines, title=f"{card.name}: {faces.spec}")


def sample_sheet(
    engine: Drawer, part: Aligned, seed: int, *, refined: bool, title: str
) -> Image.Image:
    """Draw rows of source, stage 1, stage 2, target.

    Args:
        engine: Draws.
        part: Images to pair up; where nobody is shown twice, each is drawn as itself.
        seed: Seed of the choice of pairs.
        refined: Whether the second stage is worth showing.
        title: Above the sheet.
    """
    pairs = _some_pairs(engine, part, SAMPLED_PAIRS, seed)
    if pairs is None:
        alone = np.arange(min(SAMPLED_PAIRS, len(part.faces)))
        space = engine.card.space
        codes = np.stack([space.one_hot(f.condition.only(space.names)) for f in part.faces])
        pairs = Pairs(alone, alone, codes)
    return _rows(engine, part, pairs, refined=refined, title=title)


def _rows(engine: Drawer, part: Aligned, pairs: Pairs, *, refined: bool, title: str) -> Image.Image:
    drawn = engine.draw(part.pixels[pairs.sources], pairs.codes[pairs.targets])
    drawing = "stage 1" if engine.refines else "drawing"
    rows = []
    for row, (source, target) in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        wish = part.faces[target].condition.only(engine.card.space.names)
        rows.append(
            [
                Tile(part.pixels[source], "source"),
                Tile(drawn.first[row], f"{drawing}: {wish}"),
                Tile(drawn.refined[row] if refined else None, "stage 2" if refined else ""),
                Tile(part.pixels[target], "target"),
            ]
        )
    return mark(sheet(rows, title=title, tile_px=128), PART)


def _some_pairs(engine: Drawer, part: Aligned, most: int, seed: int) -> Pairs | None:
    """Choose pairs of different values, without replacement; None if there are none."""
    try:
        pairs = make_pairs(part.faces, engine.card.space, same_pairs=False)
    except DatasetError:
        return None
    return _some(pairs, most, seed)


def _some(pairs: Pairs, most: int, seed: int) -> Pairs:
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:most]
    return Pairs(pairs.sources[chosen], pairs.targets[chosen], pairs.codes)
