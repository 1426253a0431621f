import numpy as np
import pytest

from gallery.studio.geometry import eyes, head_shape
from gallery.studio.glasses import GLASSES, glasses_meshes
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library

PERSON = sample_identity(0, 11)


@pytest.mark.parametrize("name", GLASSES)
def test_glasses_stand_before_the_eyes_and_reach_the_ears(library: Library, name: str) -> None:
    body = head_shape(library, PERSON, 30)
    frame, lenses = glasses_meshes(name, body)
    for eye in eyes(body):
        near = np.linalg.norm(lenses.vertices[:, :2] - eye[:2], axis=1) < 0.1
        assert (lenses.vertices[near, 2] > eye[2]).all()
    assert frame.vertices[:, 2].min() < 0.5
    assert np.abs(frame.vertices[:, 0]).max() > 0.6
