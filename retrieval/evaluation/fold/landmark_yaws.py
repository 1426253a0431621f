"""Yaws of a fold's images, read off the landmarks of their portraits.

Shapes: N images.
"""

import numpy as np

from gallery.faces import FaceSet
from gallery.pixels import Aligned
from gallery.portraits import form_in
from generator.card import Card
from retrieval.estimation.landmark_pose import Mesh, yaws_of
from retrieval.estimation.pose_calibration import Yaws
from retrieval.evaluation.fold.fold import read_portraits
from retrieval.evaluation.fold.vector_store import Steps, Store
from retrieval.evaluation.records import BenchmarkProgress

AT_ONCE = 64  # portraits


def read_yaws(
    faces: FaceSet, aligned: Aligned, card: Card, mesh: Mesh, store: Store
) -> Steps[Yaws]:
    """Read the yaws of N images.

    Args:
        faces: The set that the images were read from.
        aligned: The images.
        card: Card of the weights, whose aligner cuts portraits.
        mesh: Finds landmarks; its fingerprint says in what form of portraits.
        store: Store of scratch files.
    """
    form = form_in(mesh.fingerprint)
    portraits = yield from read_portraits(faces, aligned, card.aligner, store, form)
    parts: list[Yaws] = []
    count = len(portraits.faces)
    for start in range(0, count, AT_ONCE):
        parts.append(yaws_of(mesh, np.asarray(portraits.pixels[start : start + AT_ONCE])))
        yield BenchmarkProgress("finding landmarks", min(start + AT_ONCE, count), count)
    degrees, presence = ([getattr(one, name) for one in parts] for name in ("degrees", "presence"))
    return Yaws(np.concatenate(degrees), np.concatenate(presence))
