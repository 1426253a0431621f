from dataclasses import replace

import numpy as np
import pytest

from retrieval.estimation.pose_calibration import Yaws
from retrieval.fitting.pose import PoseSamples, can_fit, fit_line, fit_pose

VALUES = (-45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0)


def simulated(people: int = 20, blunders: float = 0.0, network: float = 2.0) -> PoseSamples:
    """Yaws of a line of slope 0.9 and offset -2, of spread 2 at 0 and 4 at 45 degrees."""
    random = np.random.default_rng(0)
    truth = np.tile(np.arange(7), 2 * people)
    turned = np.array(VALUES)[truth]
    yaws = 0.9 * turned - 2 + 2 * (1 + np.abs(turned) / 45) * random.standard_normal(len(truth))
    wrong = random.random(len(truth)) < blunders
    yaws[wrong] = random.uniform(-90, 90, wrong.sum())
    scores = random.standard_normal((len(truth), 7))
    scores[np.arange(len(truth)), truth] += network
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    who = np.repeat(np.arange(people), 14)
    return PoseSamples(Yaws(yaws, np.ones(len(yaws))), truth, who, VALUES, log_p.astype(np.float32))


def test_the_line_is_found_again() -> None:
    found = fit_line(simulated(60), "m")
    assert found.slope == pytest.approx(0.9, abs=0.02)
    assert found.offset == pytest.approx(-2, abs=0.3)
    assert found.spread == pytest.approx(2, abs=0.4)
    assert 0.5 <= found.growth <= 1.5
    assert found.freedom >= 6


def test_blunders_fatten_the_tails_and_leave_the_line() -> None:
    found = fit_line(simulated(60, blunders=0.1), "m")
    assert found.slope == pytest.approx(0.9, abs=0.03)
    assert found.spread == pytest.approx(2, abs=0.6)
    assert found.freedom <= 3


def test_exponents_say_whom_to_trust() -> None:
    good = fit_pose(simulated(network=4.0), "m")
    silent = fit_pose(simulated(60, network=0.0), "m")
    assert good.calibration.network > 0.5
    assert silent.calibration.network <= 0.2
    assert silent.calibration.exponent >= 0.8
    assert silent.right > 0.9
    assert silent.network_right == pytest.approx(1 / 7, abs=0.1)
    assert good.right >= silent.right
    assert good.log_loss < silent.log_loss


def test_how_much_a_face_in_doubt_says_is_fitted_where_there_are_some() -> None:
    whole = simulated(60)
    assert fit_pose(whole, "m").calibration.doubt == 4  # nothing to fit it to
    random = np.random.default_rng(1)
    presence = np.where(random.random(len(whole.yaws)) < 0.3, 0.2, 1.0)
    apart = 2 * (1 + np.abs(whole.turned) / 45) * (presence < 0.5)
    for times in (1.0, 8.0):
        blurred = whole.yaws.degrees + np.sqrt(times**2 - 1) * apart * random.standard_normal(
            len(presence)
        )
        found = fit_pose(replace(whole, yaws=Yaws(blurred, presence), network=None), "m")
        assert times / 2 <= found.calibration.doubt <= times * 1.6
        assert found.sure == pytest.approx(0.7, abs=0.05)


def test_weights_without_an_estimator_are_fitted_by_landmarks_alone() -> None:
    found = fit_pose(replace(simulated(), network=None), "points 2")
    assert (found.calibration.network, found.calibration.mesh) == (0.0, "points 2")
    assert found.network_right is None
    assert found.right > 0.9
    assert "network_right" not in found.measured()


def test_a_student_is_asked_where_it_knows_something() -> None:
    whole = simulated(60, network=1.0)
    other = replace(simulated(60, network=3.0))
    random = np.random.default_rng(3)
    noise = random.standard_normal((len(whole.truth), 7)).astype(np.float32)
    knows = fit_pose(replace(whole, student=other.network), "m")
    silent = fit_pose(replace(whole, student=noise), "m")
    without = fit_pose(whole, "m")
    assert knows.calibration.student >= 0.5
    assert knows.log_loss < without.log_loss
    assert silent.calibration.student <= 0.25
    assert without.calibration.student == 0


def test_too_few_images_people_or_values_are_not_fitted() -> None:
    whole = simulated(4)
    assert can_fit(whole)
    assert not can_fit(whole.chosen(whole.people == 0))
    assert not can_fit(whole.chosen(whole.truth == 3))
    nobody = Yaws(whole.yaws.degrees, np.zeros(len(whole.yaws)))
    assert not can_fit(replace(whole, yaws=nobody))
