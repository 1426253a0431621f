import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gallery.studio.curves import blur, noise, smooth, unit


@given(st.floats(-10, 10), st.floats(0.1, 10), st.floats(-30, 30))
def test_a_smooth_step_goes_from_0_to_1_and_falls_the_other_way_round(
    low: float, width: float, x: float
) -> None:
    step = smooth(low, low + width, x)
    assert 0 <= step <= 1
    assert np.isclose(step + smooth(low + width, low, x), 1)


def test_noise_is_decided_by_its_generator_and_lies_around_0() -> None:
    one, same = (noise(np.random.default_rng(3), 64, ((8, 0.5), (20, 0.5))) for _ in range(2))
    assert (one == same).all()
    assert abs(one.mean()) < 0.2
    assert one.std() > 0.2


def test_a_blur_keeps_the_mean_and_loses_details() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    assert np.allclose(blur(board, 8), 0.5, atol=1e-3)


def test_unit_vectors_have_length_1_and_no_vector_stays_none() -> None:
    vectors = unit(np.array([[3, 4, 0], [0, 0, 0]], np.float32))
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 0])
