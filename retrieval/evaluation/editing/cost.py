"""What drawing takes: the size of the network, and the time of an image."""

import time
from statistics import median

import numpy as np
import torch

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.attributes import Condition
from gallery.errors import ConfigError
from generator.card import Card
from generator.drawer import Drawer
from generator.networks.registry import architecture
from retrieval.evaluation.edit_records import Cost

AT_ONCE = (1, 64)
REPEATS = 5


def measure_cost(engine: Drawer, pixels: Pixels) -> Cost:
    """Draw some images several times, and take the median time.

    Args:
        engine: Draws.
        pixels: Aligned images, at least one, (N, S, S, C).
    """
    space = engine.card.space
    code = space.one_hot(Condition({one.name: one.values[0] for one in space}))
    draw_ms = {}
    for count in AT_ONCE:
        images = pixels[np.arange(count) % len(pixels)]
        codes = np.repeat(code[None], count, axis=0)
        draw_ms[count] = 1_000 * _seconds(engine, images, codes) / count
    return Cost(engine.card.name, count_parameters(engine.card), draw_ms)


def count_parameters(card: Card) -> int | None:
    """Count the numbers of a network with all its heads; None of an unknown architecture."""
    try:
        with torch.device("meta"):  # shapes alone
            network = architecture(card.architecture).build(card.space.size, card.network)
    except ConfigError:
        return None
    return sum(parameter.numel() for parameter in network.parameters())


def _seconds(engine: Drawer, pixels: Pixels, codes: Floats) -> float:
    taken = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        engine.draw(pixels, codes)
        taken.append(time.perf_counter() - started)
    return median(taken[1:])  # the first one warms up
