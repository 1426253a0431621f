import numpy as np

from gallery.studio.curves import unit
from gallery.studio.lift.light import light_of, relative_light, unexplained


def test_light_from_one_side_is_divided_out() -> None:
    rng = np.random.default_rng(0)
    normals = unit(rng.normal(size=(4000, 3)) + np.array([0, 0, 2]))
    lamp = np.exp(0.5 * normals[:, :1] + 0.3 * normals[:, 2:])
    skin = np.array([0.5, 0.3, 0.2]) * np.exp(rng.normal(0, 0.05, (4000, 1)))
    found = light_of(skin * lamp, normals, np.ones(4000))
    left = (skin * lamp)[:, 0] / relative_light(found, normals)
    before = np.polyfit(normals[:, 0], np.log((skin * lamp)[:, 0]), 1)[0]
    after = np.polyfit(normals[:, 0], np.log(left), 1)[0]
    assert abs(after) < 0.25 * before
    assert np.std(np.log(left)) < 0.5 * np.std(np.log((skin * lamp)[:, 0]))


def test_what_is_darker_than_skin_does_not_change_the_light_and_is_told_from_it() -> None:
    rng = np.random.default_rng(1)
    normals = unit(rng.normal(size=(3000, 3)) + np.array([0, 0, 2]))
    skin = np.full((3000, 3), 0.4) * np.exp(0.4 * normals[:, 1:2])
    strands = rng.random(3000) < 0.1
    skin[strands] *= 0.15
    found = light_of(skin, normals, np.ones(3000))
    off = unexplained(skin, normals, found)
    assert (off[strands] < -1).all()
    assert np.abs(off[~strands]).max() < 0.3
