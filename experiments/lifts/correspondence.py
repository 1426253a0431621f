"""Measure where the face mesh's 468 points lie on the studio's head.

python -m experiments.lifts.correspondence [OUT]     (gallery/studio/lift/points.json)

The mesh looks at bald people whom the studio draws, straight on; each point is where its ray meets
the skin. Of all people, the hit nearest to the median place on the unmorphed head is taken.

Shapes: N people, K 468 points, V vertices of the skin.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from gallery.detection.face_mesh import FaceMesh
from gallery.studio import assets
from gallery.studio.camera import SAMPLES, Shot, look
from gallery.studio.geometry import NEUTRAL
from gallery.studio.hair_styles import STYLES
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.meshes import Floats, Ints
from gallery.studio.rasteriser import Triangles, see
from gallery.studio.render import Seated
from gallery.studio.sitter import Sitters

SEED, PEOPLE, SIDE = 77, 12, 256
STANDARD_LIGHT = 17


def main() -> None:
    """Write the table: triangle, shares of its second and third corner, depth."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "gallery/studio/lift/points.json")
    library = Library(assets.require())
    sitters, mesh = Sitters(library, 512), FaceMesh()
    used, corners = np.unique(library.head.triangles, return_inverse=True)
    triangles = corners.reshape(-1, 3).astype(np.int32)
    hits, depths = [], []
    for number in range(PEOPLE):
        hit, depth = one(sitters, mesh, triangles, number)
        hits.append(hit)
        depths.append(depth)
    base = library.base[used]
    table = np.stack(hits)  # (N, K, 4)
    places = (base[triangles[table[..., 0].astype(int)]] * table[..., 1:, None]).sum(2)
    nearest = np.linalg.norm(places - np.median(places, axis=0), axis=2).argmin(0)
    best = table[nearest, np.arange(table.shape[1])]
    rows = [
        json.dumps([int(triangle), *(round(float(x), 4) for x in (second, third, depth))])
        for (triangle, _, second, third), depth in zip(best, np.median(depths, 0), strict=True)
    ]
    body = ",\n".join(rows)
    out.write_text(f'{{"format": "mindseye-lift-points/1", "points": [\n{body}\n]}}\n')


def one(sitters: Sitters, mesh: FaceMesh, triangles: Ints, number: int) -> tuple[Floats, Floats]:
    """Return triangle and shares of each point, (K, 4), and depth less the mesh's own, (K,)."""
    who = sample_identity(SEED, number)
    skin = replace(who.skin, beard=False, moustache=False, stubble=0.0)
    who = replace(who, hair=replace(who.hair, style=STYLES[0]), skin=skin)
    scene = sitters.seat(who, who.age_years, NEUTRAL, "none")
    (picture,) = Seated(scene, 0.3, (0, 0)).pictures(Shot(0.0), SIDE, [STANDARD_LIGHT])
    points = mesh.look(picture[None]).points[0]
    count = int(triangles.max()) + 1
    seen = see(
        np.ascontiguousarray(look(scene, Shot(0.0), SIDE).points[:count]),
        Triangles(
            triangles,
            np.zeros((len(triangles), 3, 2), np.float32),
            np.zeros(len(triangles), np.uint8),
            np.ones((4, 4), np.float32),
        ),
        SIDE * SAMPLES,
        SIDE * SAMPLES,
    )
    covered = np.argwhere(seen.triangle >= 0)
    samples = (points[:, 1::-1] * SAMPLES).astype(int)  # row, column
    # Beside the head the border is nearest.
    hits = [covered[((covered - sample) ** 2).sum(axis=1).argmin()] for sample in samples]
    rows, columns = np.stack(hits).T
    second, third = seen.second[rows, columns], seen.third[rows, columns]
    shares = np.stack([1 - second - third, second, third], axis=1)
    numbers = seen.triangle[rows, columns]
    places = (scene.points[triangles[numbers]] * shares[..., None]).sum(1)
    return np.column_stack([numbers, shares]), _less(places, points)


def _less(places: Floats, points: Floats) -> Floats:
    """Return how much nearer places are than the mesh says, decimetres, both from their mean."""
    here, there = places - places.mean(axis=0), points - points.mean(axis=0)
    flat = here[:, :2] * np.array([1, -1])
    scale = (there[:, :2] * flat).sum() / (flat * flat).sum()
    return np.asarray(here[:, 2] + there[:, 2] / scale)


if __name__ == "__main__":
    main()
