"""Which of the package's face detectors misses least: the share of photographs scored 0.5 or more.

The four networks look at the same photographs as benchmarks/landmarks.py, each as one square. No
box is read: only how sure a network is that there is a face anywhere.

    PYTHONPATH=. python benchmarks/blaze_faces.py --portraits portraits.tar.gz --cmu cmu.tar.gz
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.landmarks import photographs
from gallery.detection.litert import LiteRtNetwork

# Name of the file, side of the input.
NETWORKS = {
    "short_range": 128,
    "full_range": 192,
    "full_range_sparse": 192,
    "back": 256,
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--cmu", type=Path, required=True)
    parser.add_argument("--each", type=int, default=12)
    given = parser.parse_args()
    networks = {name: LiteRtNetwork(f"face_detection_{name}.tflite") for name in NETWORKS}
    scores: dict[str, dict[str, list[float]]] = {}
    for kind, photo in photographs(given.portraits, given.cmu, given.each):
        square = letterboxed(photo.image)
        for name, network in networks.items():
            row = scores.setdefault(kind, {}).setdefault(name, [])
            row.append(best_score(network, square, NETWORKS[name]))
    print(f"| photographs | {' | '.join(NETWORKS)} |\n|---|{'---:|' * len(NETWORKS)}")
    for kind, rows in scores.items():
        found = (f"{sum(one >= 0.5 for one in row)} of {len(row)}" for row in rows.values())
        print(f"| {kind} | {' | '.join(found)} |")


def letterboxed(image: Image.Image) -> Image.Image:
    """Put an image into the middle of a black square."""
    side = max(image.size)
    square = Image.new("RGB", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def best_score(network: LiteRtNetwork, square: Image.Image, side: int) -> float:
    """Return how sure a network is of its surest anchor, 0..1."""
    small = square.resize((side, side), Image.Resampling.BILINEAR)
    outputs = network.run(np.asarray(small, np.float32)[None] / np.float32(127.5) - np.float32(1))
    logits = next(one for one in outputs if one.shape[-1] == 1)
    return float(1 / (1 + np.exp(-np.clip(logits.max(), -80, 80))))


if __name__ == "__main__":
    main()
