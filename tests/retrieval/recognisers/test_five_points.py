"""Faces are brought to five points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.recognisers.five_points import TEMPLATE, similarity, template, warped


def moved(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, x], [sine, cosine, y]])


def applied(transform: np.ndarray, points: np.ndarray) -> np.ndarray:
    result: np.ndarray = points @ transform[:, :2].T + transform[:, 2]
    return result


@given(
    angle=st.floats(-3, 3),
    scale=st.floats(0.1, 5),
    x=st.floats(-100, 100),
    y=st.floats(-100, 100),
)
def test_what_was_moved_is_moved_back(angle: float, scale: float, x: float, y: float) -> None:
    there = moved(angle, scale, x, y)
    assert similarity(TEMPLATE, applied(there, TEMPLATE)) == pytest.approx(there, abs=1e-6)


def test_no_other_similarity_comes_closer() -> None:
    random = np.random.default_rng(0)
    points = TEMPLATE + random.normal(scale=5, size=(5, 2))
    best = similarity(points, TEMPLATE)
    error = np.square(applied(best, points) - TEMPLATE).sum()
    scale, angle = np.hypot(best[0, 0], best[1, 0]), np.arctan2(best[1, 0], best[0, 0])
    for change in random.normal(scale=0.01, size=(200, 4)):
        near = moved(angle + change[0], scale * (1 + change[1]), *(best[:, 2] + change[2:]))
        assert np.square(applied(near, points) - TEMPLATE).sum() >= error


def test_a_face_is_not_mirrored() -> None:
    mirrored = TEMPLATE * (-1, 1)
    assert np.linalg.det(similarity(mirrored, TEMPLATE)[:, :2]) > 0


def test_points_that_fall_together_do_no_harm() -> None:
    transform = similarity(np.full((5, 2), 7.0), TEMPLATE)
    assert np.isfinite(transform).all()


def test_the_template_is_scaled_around_the_middle() -> None:
    assert template() == pytest.approx(TEMPLATE)
    assert template(224) == pytest.approx(2 * TEMPLATE)
    assert template(scale=0.5) == pytest.approx(28 + TEMPLATE / 2)


@pytest.mark.parametrize("size", [60, 192, 700])
@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_what_is_at_the_points_comes_to_the_template(size: int, angle: float) -> None:
    """Five blurred dots, drawn at a similarity of the template, lie at the template."""
    to_portrait = moved(angle, size / 160, size * 0.25, size * 0.02)
    points = applied(to_portrait, TEMPLATE)
    y, x = np.mgrid[:size, :size] + 0.5
    for point, wanted in zip(points, TEMPLATE, strict=True):
        away = np.square(x - point[0]) + np.square(y - point[1])
        dot = 255 * np.exp(-away / (2 * (size / 40) ** 2))
        portrait = np.repeat(dot.astype(np.uint8)[:, :, None], 3, axis=2)
        seen = warped(portrait, similarity(points, TEMPLATE))[:, :, 0].astype(float)
        rows, columns = np.mgrid[:112, :112] + 0.5
        middle = ((seen * columns).sum(), (seen * rows).sum()) / seen.sum()
        assert middle == pytest.approx(wanted, abs=0.3)


def test_beyond_a_portrait_its_edge_is_repeated() -> None:
    pixels = np.zeros((50, 50, 3), np.uint8)
    pixels[:, :25], pixels[:, 25:] = 60, 180
    far = np.array([[1.0, 0, 31], [0, 1.0, 31]])  # the portrait in the middle of 112
    seen = warped(pixels, far)
    assert (seen[:, :50] == 60).all()
    assert (seen[:, 62:] == 180).all()


def test_what_shrinks_is_smoothed() -> None:
    """A fine checkerboard becomes gray, not another pattern."""
    board = (np.indices((448, 448)).sum(axis=0) % 2 * 255).astype(np.uint8)
    portrait = np.asarray(Image.fromarray(board).convert("RGB"))
    seen = warped(portrait, np.array([[0.25, 0, 0], [0, 0.25, 0]]))
    assert np.abs(seen[4:-4, 4:-4].astype(int) - 127).max() <= 3
