"""Measures of pairs of images and of vectors. Pure functions of arrays.

Shapes: n pairs, S side, C channels, D dimensions, B colours of a histogram.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Values = NDArray[np.float64]
PEAK = 255.0
WINDOW = 11  # of SSIM, pixels
SIGMA = 1.5
LEVELS = {1: 64, 3: 8}  # of a histogram, by channel, for gray and for coloured images


def peak_signal_to_noise(squared_errors: Values) -> Values:
    """Peak signal-to-noise ratio of mean squared errors: 10 log10(255^2 / MSE).

    Args:
        squared_errors: Squared grey levels, (n,).

    Returns:
        Decibels, (n,); infinite where the images are equal.
    """
    with np.errstate(divide="ignore"):
        ratios: Values = 10 * np.log10(PEAK**2 / squared_errors)
    return ratios


def structural_similarity(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """SSIM of each pair: a Gaussian window of 11 x 11, sigma 1.5, K1 0.01, K2 0.03.

    The index of every place where the window lies inside the image is averaged, and so are the
    channels, each taken by itself; the authors speak of gray images only.

    Args:
        a: Images of grey levels in 0..255, (n, S, S, C).
        b: Images of the same shape.

    Returns:
        Similarities, (n,), at most 1.

    Raises:
        ValueError: The shapes differ, or the images are smaller than the window.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE Transactions on Image Processing 13, 2004, section III.
    """
    if a.shape != b.shape or a.ndim != 4 or min(a.shape[1:3]) < WINDOW:
        raise ValueError(
            f"images must share a shape (n, S, S, C), S >= {WINDOW}, got {a.shape} and {b.shape}"
        )
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _smoothed(x), _smoothed(y)
    square_x, square_y, product = mean_x**2, mean_y**2, mean_x * mean_y
    variance_x, variance_y = _smoothed(x * x) - square_x, _smoothed(y * y) - square_y
    covariance = _smoothed(x * y) - product
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    index = ((2 * product + c1) * (2 * covariance + c2)) / (
        (square_x + square_y + c1) * (variance_x + variance_y + c2)
    )
    similarities: Values = index.mean(axis=(1, 2, 3))
    return similarities


def colour_histograms(images: NDArray[np.uint8]) -> Values:
    """Share of each image's pixels in every colour.

    Args:
        images: Grey levels, (n, S, S, C); C is 1, cut into 64 levels, or 3, cut into 8 levels of
            red by 8 of green by 8 of blue.

    Returns:
        Shares, (n, B), that sum to 1.
    """
    count, channels = len(images), images.shape[3]
    levels = LEVELS[channels]
    cut = images.astype(np.int64) * levels // 256
    colour = cut @ levels ** np.arange(channels)[::-1]  # (n, S, S)
    colours = levels**channels
    place = colour.reshape(count, -1) + colours * np.arange(count)[:, None]
    counted = np.bincount(place.ravel(), minlength=count * colours).reshape(count, colours)
    shares: Values = counted / place.shape[1]
    return shares


def hellinger(a: Values, b: Values) -> Values:
    """Hellinger distance of each pair of histograms: |sqrt(a) - sqrt(b)| / sqrt(2).

    Args:
        a: Shares that sum to 1, (n, B).
        b: The shares that they are compared with, (n, B).

    Returns:
        Distances, (n,): 0 of equal histograms, 1 of those that share no colour.

    Source: Afifi, Brubaker, Brown, "HistoGAN", CVPR 2021, whose loss compares histograms of other
    colour coordinates by it.
    """
    distances: Values = np.sqrt(np.square(np.sqrt(a) - np.sqrt(b)).sum(axis=1) / 2)
    return distances


def euclidean(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """l2 distance of each pair of vectors, (n, D) -> (n,)."""
    distances: Values = np.linalg.norm(a.astype(np.float64) - b, axis=1)
    return distances


def cosine(a: NDArray[Any], b: NDArray[Any]) -> Values:
    """Cosine of each pair of vectors of unit length, (n, D) -> (n,)."""
    cosines: Values = (a.astype(np.float64) * b).sum(axis=1)
    return cosines


def _smoothed(maps: Values) -> Values:
    """Weight by the Gaussian window wherever it fits: (n, S, S, C) -> (n, S - 10, S - 10, C)."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        maps = sliding_window_view(maps, WINDOW, axis=axis) @ weights
    return maps
