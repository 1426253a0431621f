import numpy as np
import pytest

from gallery.studio.lift.bake import fill


def test_what_is_known_stays_and_what_is_not_comes_from_around() -> None:
    colour = np.zeros((64, 64, 3), np.float32)
    weight = np.zeros((64, 64), np.float32)
    colour[:, :20], weight[:, :20] = (0.8, 0.2, 0.1), 1
    colour[:, 40:], weight[:, 40:] = (0.2, 0.2, 0.9), 1
    filled = fill(colour, weight)
    assert filled[:, :20] == pytest.approx(colour[:, :20], abs=1e-5)
    assert filled[32, 22, 0] > 0.6
    assert filled[32, 37, 2] > 0.7
    assert (filled >= 0.05).all()


def test_one_known_texel_colours_everything() -> None:
    weight = np.zeros((16, 16), np.float32)
    weight[3, 5] = 1
    colour = np.zeros((16, 16, 3), np.float32)
    colour[3, 5] = (0.5, 0.4, 0.3)
    assert fill(colour, weight) == pytest.approx(
        np.broadcast_to(np.array([0.5, 0.4, 0.3], np.float32), (16, 16, 3)), abs=1e-5
    )
