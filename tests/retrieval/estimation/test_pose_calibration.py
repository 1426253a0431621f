from dataclasses import replace

import numpy as np
import pytest

from gallery.attributes import Attribute, AttributeSpace
from gallery.errors import IndexFileError
from generator.canonical import Rule
from retrieval.estimation.landmark_pose import estimate_of
from retrieval.estimation.pose_calibration import PoseCalibration, Yaws, log_normalised, pose_of

VALUES = (-45.0, -15.0, 0.0, 15.0, 45.0)
POSE = Attribute("pose", ("-45", "-15", "0", "15", "45"), unit="degree")
LIGHT = Attribute("light", ("left", "right"))


def sure(*degrees: float) -> Yaws:
    return Yaws(np.array(degrees), np.ones(len(degrees)))


LINE = PoseCalibration(slope=0.9, offset=2.0, spread=3.0, growth=1.0, freedom=4.0, mesh="points 1")


def test_a_yaw_is_as_likely_as_students_distribution_says() -> None:
    (row,) = LINE.log_likelihoods(sure(-10.0), VALUES)
    for value, found in zip(VALUES, row, strict=True):
        scale = 3.0 * (1 + abs(value) / 45)
        away = (-10.0 - (0.9 * value + 2.0)) / scale
        density = (1 + away**2 / 4.0) ** (-5 / 2) / scale
        assert found == pytest.approx(np.log(density))


def test_the_nearest_value_is_the_likeliest_and_beyond_all_it_is_the_furthest() -> None:
    found = LINE.combined(sure(-89.0, -11.0, 2.0, 89.0), None, VALUES)
    assert found.argmax(axis=1).tolist() == [0, 1, 2, 4]
    edge = LINE.combined(sure(0.9 * 45 + 2), None, VALUES)
    assert found[3] == pytest.approx(edge[0])
    assert np.exp(found).sum(axis=1) == pytest.approx(1)


def test_experts_are_multiplied_with_their_exponents() -> None:
    shared = PoseCalibration(spread=5.0, exponent=0.5, network=0.25, mesh="m")
    network = log_normalised(np.array([[3.0, 1, 0, 0, 0]])).astype(np.float32)
    both = 0.5 * shared.log_likelihoods(sure(10.0), VALUES) + 0.25 * network.astype(float)
    found = shared.combined(sure(10.0), network, VALUES)
    assert found == pytest.approx(log_normalised(both), abs=1e-5)


def test_the_student_is_a_third_expert() -> None:
    seer = "0123456789abcdef"
    three = PoseCalibration(
        spread=5.0, exponent=0.5, network=0.25, student=0.75, seer=seer, mesh="m"
    )
    network = log_normalised(np.array([[3.0, 1, 0, 0, 0]])).astype(np.float32)
    student = log_normalised(np.array([[0.0, 0, 2, 1, 0]])).astype(np.float32)
    whole = (
        0.5 * three.log_likelihoods(sure(10.0), VALUES)
        + 0.25 * network.astype(float)
        + 0.75 * student.astype(float)
    )
    found = three.combined(sure(10.0), network, VALUES, student)
    assert found == pytest.approx(log_normalised(whole), abs=1e-5)
    assert PoseCalibration.parse(three.spell()) == three
    assert Rule.parse(str(Rule("expected", landmarks=three.spell()))).asks_student == seer
    alone = replace(three, student=0.0, seer="")
    assert PoseCalibration.parse(alone.spell()) == alone
    assert "student" not in alone.spell()  # as ever
    assert "student" not in alone.to_json()
    assert Rule("expected", landmarks=alone.spell()).asks_student == ""


def test_where_a_face_is_in_doubt_a_yaw_says_less() -> None:
    yaws = Yaws(np.array([40.0, 40.0]), np.array([0.9, 0.1]))
    doubting = replace(LINE, doubt=4.0)
    found = np.exp(doubting.combined(yaws, None, VALUES))
    assert found.argmax(axis=1).tolist() == [4, 4]
    assert found[0, 4] > 0.9
    assert found[1, 4] < 0.7
    wider = replace(LINE, spread=12.0)
    assert found[1] == pytest.approx(np.exp(wider.combined(sure(40.0), None, VALUES))[0], rel=1e-5)


def test_other_attributes_stay_as_the_network_says() -> None:
    space = AttributeSpace((LIGHT, POSE))
    light = log_normalised(np.array([[0.0, 2.0]]))
    pose = log_normalised(np.array([[5.0, 0, 0, 0, 0]]))
    network = np.concatenate([light, pose], axis=1).astype(np.float32)
    found = estimate_of(LINE, sure(44.0), network, space)
    assert found[0, :2].tolist() == network[0, :2].tolist()
    assert found[:, 2:] == pytest.approx(LINE.combined(sure(44.0), network[:, 2:], VALUES))
    alone = estimate_of(LINE, sure(44.0), None, space)
    assert alone[0, :2] == pytest.approx(np.log(0.5))
    assert alone[0, 2:].argmax() == 4


def test_only_a_pose_in_degrees_is_one() -> None:
    named = Attribute("pose", ("left", "right"))
    assert pose_of(AttributeSpace((LIGHT, POSE))) == POSE
    assert pose_of(AttributeSpace((named,))) is None
    assert pose_of(AttributeSpace((LIGHT,))) is None
    assert pose_of(AttributeSpace((Attribute("pose", ("0",), unit="degree"),))) is None
    with pytest.raises(ValueError, match="hold no pose in degrees"):
        estimate_of(LINE, sure(0.0), None, AttributeSpace((LIGHT,)))


def test_what_a_contract_says_is_read_back() -> None:
    assert PoseCalibration.parse(LINE.spell()) == LINE
    for broken in ("pose by landmarks", "pose by landmarks 1,2 m", f"{LINE.spell()[:-9]}"):
        with pytest.raises(IndexFileError, match="which this version does not know"):
            PoseCalibration.parse(broken)
