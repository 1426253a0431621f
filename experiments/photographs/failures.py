r"""Draw a sheet of first answers among CMU heads, by what is wrong with them.

Every STEP-th head is asked for in the two other poses. Of each kind of mistake the first EACH are
shown: source, drawing, the first images found; green frames are right (person and pose).

Example: python -m experiments.photographs.failures runs/cmu docs/results/failures.png
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import mindseye  # noqa: TID251  another program
from gallery.align import Aligner
from gallery.provenance import PART, mark
from gallery.sheets import GREEN, RED, Tile, save, sheet
from generator.weights_file import load_card
from retrieval.search.result import Found
from retrieval.search.sheets import hit_tile

POSES = {"left": "-45", "straight": "0", "right": "45"}
STEP, EACH, SHOWN = 5, 2, 5
KINDS = {
    (False, False): "both wrong",
    (True, False): "pose wrong",
    (False, True): "person wrong",
    (True, True): "right",
}


def is_right(hit: Found, who: str, wished: str) -> tuple[bool, bool]:
    """Say whether the person is right, and the pose."""
    return hit.identity == who, POSES.get(hit.condition.get("pose", "")) == wished


def answers(gallery: mindseye.Gallery) -> Iterator[tuple[str, str, mindseye.Answer]]:
    """Ask; yield whom about, what was wished for, and the answer."""
    turned = f"pose in ({', '.join(POSES)})"  # "up" is no yaw
    heads = list(gallery.images(turned))
    for head in sorted(heads, key=lambda one: str(one["path"]))[::STEP]:
        for wished in sorted(set(POSES.values()) - {POSES[head["condition"]["pose"]]}):
            yield (
                head["identity"],
                wished,
                gallery.search(head["path"], {"pose": wished}, k=SHOWN, where=turned),
            )


def row(said: str, who: str, wished: str, answer: mindseye.Answer, aligner: Aligner) -> list[Tile]:
    """Show one answer."""
    tiles = [
        Tile(np.asarray(answer.source), f"{said}\nsource: {who}"),
        Tile(np.asarray(answer.drawn), f"drawn:\npose={wished}"),
    ]
    for hit in answer:
        colour = GREEN if all(is_right(hit, who, wished)) else RED
        tiles.append(hit_tile(hit, aligner, colour))
    return tiles


def main() -> None:
    """Ask, count, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    found: dict[str, list[list[Tile]]] = defaultdict(list)
    with mindseye.open_gallery(given.collection) as gallery:
        (space,) = gallery.show()["spaces"]
        aligner = load_card(
            given.collection / "spaces" / space["name"] / "weights.safetensors"
        ).aligner
        for who, wished, answer in answers(gallery):
            said = KINDS[is_right(answer[0], who, wished)]
            found[said].append(row(said, who, wished, answer, aligner))
    asked = sum(map(len, found.values()))
    for said in KINDS.values():
        sys.stdout.write(f"{said}: {len(found[said])} of {asked}\n")
    rows = [one for said in KINDS.values() if said != "right" for one in found[said][:EACH]]
    title = "CMU heads, first answers that are wrong: green frames are right"
    save(mark(sheet(rows, tile_px=96, title=title).quantize(256).convert("RGB"), PART), given.out)


if __name__ == "__main__":
    main()
