"""Measures of pairs: against slow definitions, and where the answer is known."""

from math import exp, inf, sqrt

import numpy as np
import pytest

from retrieval.evaluation.editing import measures


def photographs(count: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, side, side, channels)).astype(np.uint8)


def slow_similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, equations 13 to 16, place by place, of one channel, (S, S)."""
    weights = np.array(
        [[exp(-(x * x + y * y) / (2 * 1.5**2)) for x in range(-5, 6)] for y in range(-5, 6)]
    )
    weights /= weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for top in range(len(a) - 10):
        for left in range(len(a) - 10):
            x = a[top : top + 11, left : left + 11].astype(float)
            y = b[top : top + 11, left : left + 11].astype(float)
            mean_x, mean_y = (weights * x).sum(), (weights * y).sum()
            variance_x = (weights * (x - mean_x) ** 2).sum()
            variance_y = (weights * (y - mean_y) ** 2).sum()
            shared = (weights * (x - mean_x) * (y - mean_y)).sum()
            found.append(
                (2 * mean_x * mean_y + c1)
                * (2 * shared + c2)
                / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
            )
    return float(np.mean(found))


def test_ssim_is_what_the_authors_define() -> None:
    a, noise = photographs(2, 14, 3), photographs(2, 14, 3, seed=1)
    b = (0.7 * a + 0.3 * noise).astype(np.uint8)
    expected = [
        np.mean([slow_similarity(a[n, ..., c], b[n, ..., c]) for c in range(3)]) for n in range(2)
    ]
    assert measures.structural_similarity(a, b) == pytest.approx(expected, abs=1e-12)
    assert measures.structural_similarity(b, a) == pytest.approx(expected, abs=1e-12)
    assert 0.5 < min(expected) < max(expected) < 0.99


def test_ssim_of_flat_images_is_the_term_of_their_means() -> None:
    dark, light = (np.full((1, 11, 11, 1), level, dtype=np.uint8) for level in (100, 150))
    c1 = 2.55**2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert measures.structural_similarity(dark, light)[0] == pytest.approx(expected, abs=1e-12)


def test_equal_images_are_at_distance_0_infinitely_clear_and_alike() -> None:
    images = photographs(3, 12, 3)
    assert measures.peak_signal_to_noise(np.zeros(3)).tolist() == [inf] * 3
    assert measures.structural_similarity(images, images) == pytest.approx(np.ones(3))
    colours = measures.colour_histograms(images)
    assert measures.hellinger(colours, colours).tolist() == [0.0] * 3
    vectors = colours / np.linalg.norm(colours, axis=1, keepdims=True)
    assert measures.euclidean(vectors, vectors).tolist() == [0.0] * 3
    assert measures.cosine(vectors, vectors) == pytest.approx(np.ones(3))


def test_ssim_refuses_what_is_smaller_than_its_window_or_of_two_shapes() -> None:
    with pytest.raises(ValueError, match="S >= 11, got"):
        measures.structural_similarity(photographs(1, 10, 1), photographs(1, 10, 1))
    with pytest.raises(ValueError, match="share a shape"):
        measures.structural_similarity(photographs(1, 12, 1), photographs(1, 12, 3))


def test_psnr_of_one_grey_level_squared_is_48_decibels() -> None:
    found = measures.peak_signal_to_noise(np.array([1.0, 255.0**2, np.nan]))
    assert found[:2] == pytest.approx([48.1308036, 0.0])
    assert np.isnan(found[2])


def test_histograms_count_every_pixel_once() -> None:
    for channels, bins in ((1, 64), (3, 512)):
        images = photographs(2, 9, channels)
        found = measures.colour_histograms(images)
        assert found.shape == (2, bins)
        slow = np.zeros((2, bins))
        for number, image in enumerate(images):
            for pixel in image.reshape(-1, channels):
                levels = 64 if channels == 1 else 8
                place = 0
                for level in pixel:
                    place = place * levels + int(level) * levels // 256
                slow[number, place] += 1 / 81
        assert found == pytest.approx(slow)


def test_images_without_a_common_colour_are_at_distance_1() -> None:
    colours = np.zeros((3, 4, 4, 3), dtype=np.uint8)
    colours[1] = 255
    colours[2, :2] = 255  # half of the pixels
    shares = measures.colour_histograms(colours)
    assert measures.hellinger(shares[:1], shares[1:2]) == pytest.approx([1])
    half = sqrt(((1 - sqrt(0.5)) ** 2 + 0.5) / 2)
    assert measures.hellinger(shares[:1], shares[2:]) == pytest.approx([half])


def test_vectors_are_compared_pair_by_pair() -> None:
    a = np.array([[3.0, 0.0], [0.6, 0.8]], np.float32)
    b = np.array([[0.0, 4.0], [0.8, 0.6]], np.float32)
    assert measures.euclidean(a, b) == pytest.approx([5, sqrt(0.08)], abs=1e-6)
    assert measures.cosine(a, b) == pytest.approx([0, 0.96], abs=1e-6)
