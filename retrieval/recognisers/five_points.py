"""Faces put where recognisers want them: by five points, with a similarity transform.

Shapes: N faces, P side of a portrait, T side of what a recogniser takes.

Sources: the template is that of ArcFace (Deng, Guo, Xue and Zafeiriou, CVPR 2019), which OpenCV's
`FaceRecognizerSF` uses for SFace, too: `insightface/utils/face_align.py` and
`opencv/modules/objdetect/src/face_recognize.cpp`. The transform is the least squares solution of
Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE
TPAMI 13(4), 1991, equations 40 to 43.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gallery.align import Pixels
from gallery.arrays import Doubles

SIDE = 112
# The eye on the picture's left, the other eye, the tip of the nose, the corners of the mouth.
TEMPLATE: Doubles = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
FINEST = 4  # samples of a pixel in each direction, at most


def similarity(points: Doubles, wanted: Doubles) -> Doubles:
    """Return the similarity that brings points nearest to others, (k, 2), (k, 2) -> (2, 3).

    Rotation, one scale and a shift, without reflection: wanted = A points + b, as [A | b].
    """
    middle, goal = points.mean(axis=0), wanted.mean(axis=0)
    centred, aims = points - middle, wanted - goal
    left, values, right = np.linalg.svd(aims.T @ centred / len(points))
    signs = np.array([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    turn = left @ np.diag(signs) @ right
    spread = np.square(centred).sum() / len(points)
    matrix = (values @ signs) / max(spread, np.finfo(float).tiny) * turn
    return np.column_stack([matrix, goal - matrix @ middle])


def template(side: int = SIDE, scale: float = 1.0) -> Doubles:
    """Return where the five points are wanted, around the middle scaled by a factor, (5, 2)."""
    return (TEMPLATE - SIDE / 2) * (scale * side / SIDE) + side / 2


def warped(portrait: NDArray[np.uint8], transform: Doubles, side: int = SIDE) -> Pixels:
    """Resample a portrait, (P, P, 3) -> (T, T, 3), bicubic; what lies beyond it repeats its edge.

    Where it shrinks, a pixel is the mean of as many samples as it covers pixels.

    Args:
        portrait: The portrait.
        transform: What brings its pixels to those of the result, [A | b].
        side: Side of the result, T.
    """
    back = np.linalg.inv(transform[:, :2])
    shift = -back @ transform[:, 2]
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back.T + shift
    reach = max(0.0, float(-corners.min()), float(corners.max()) - len(portrait))
    margin = min(int(np.ceil(reach)) + 2, 2 * len(portrait))
    pads = ((margin, margin), (margin, margin), (0, 0))
    image = Image.fromarray(np.pad(portrait, pads, mode="edge"))
    shift = shift + margin
    finer = min(max(1, round(float(np.sqrt(abs(np.linalg.det(back)))))), FINEST)
    step = back / finer
    numbers = (step[0, 0], step[0, 1], shift[0], step[1, 0], step[1, 1], shift[1])
    large = (side * finer, side * finer)
    made = image.transform(large, Image.Transform.AFFINE, numbers, Image.Resampling.BICUBIC)
    return np.asarray(made.reduce(finer))
