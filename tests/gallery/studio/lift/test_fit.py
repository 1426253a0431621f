import numpy as np
import pytest

from gallery.studio.curves import unit
from gallery.studio.lift.fit import PhotoCamera, fit_head
from gallery.studio.lift.head_model import HeadModel
from gallery.studio.lights import towards
from tests.gallery.studio.lift.conftest import Portrait


def camera(yaw_deg: float, pitch_deg: float) -> PhotoCamera:
    ahead = towards(yaw_deg, pitch_deg)
    right = unit(np.cross(np.array([0, 1, 0], np.float32), ahead))
    turn = np.stack([right, np.cross(ahead, right), ahead])
    return PhotoCamera(turn, np.array([0, 7, 1.2]), np.array([120.0, 130.0]), 90.0)


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(0, 0), (7, -4), (-9, 6)])
def test_a_head_of_the_model_is_found_again_with_its_camera(
    model: HeadModel, yaw_deg: float, pitch_deg: float
) -> None:
    coefficients = np.zeros(len(model.modes), np.float32)
    coefficients[:6] = (1.0, -0.8, 0.6, 0.5, -0.7, 0.4)
    places = model.points(model.shape(coefficients))
    seen = camera(yaw_deg, pitch_deg).project(places)
    seen[:, 2] = -(seen[:, 2] - model.depth) * 90.0
    head, found = fit_head(model, seen)
    assert found.yaw_deg == pytest.approx(yaw_deg, abs=0.6)
    assert found.pitch_deg == pytest.approx(0.5 * pitch_deg, abs=1.5)  # half of it is believed
    drawn = found.project(model.points(head))
    off = np.linalg.norm(drawn[:, :2] - seen[:, :2], axis=1) / found.scale
    assert np.median(off) < 0.01  # a millimetre


def test_a_face_that_is_drawn_straight_on_is_not_turned(sitter: Portrait, model: HeadModel) -> None:
    assert fit_head(model, sitter.points)[1].yaw_deg == pytest.approx(0, abs=1.5)


def test_the_fit_follows_a_face_that_no_mode_explains(model: HeadModel) -> None:
    places = model.points(model.mean).copy()
    nose = np.linalg.norm(places - places[1], axis=1) < 0.2
    places[nose, 0] += 0.15  # a crooked nose
    seen = camera(0, 0).project(places)
    seen[:, 2] = -(seen[:, 2] - model.depth) * 90.0
    head, found = fit_head(model, seen)
    drawn = found.project(model.points(head))[nose, 0]
    straight = found.project(model.points(model.mean))[nose, 0]
    assert (drawn - straight).mean() > 0.6 * 0.15 * found.scale
