"""What a wish that excludes costs: searches in a made-up gallery of fused vectors, exact index.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/excluding.py --people 950

Prints the median and the longest time of 30 searches for each wish, and the most images that one of
them looked at.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from gallery.wishes import Wishes
from index.exact import ExactIndex
from retrieval.scoring.exclusions import exclusions
from retrieval.search.excluding import search_excluding
from tests.retrieval.fused_gallery import POSES, WEIGHTS, Space, make_parts, make_space
from tests.retrieval.search.test_excluding import VALUES, Live

SEARCHES, FOUND = 30, 10
WISHES = (((), 1), ((3,), 1), ((3,), 10), ((1, 2, 3, 4, 5), 1), ((1, 2, 3, 4, 5), 10))


def searching(
    space: Space, live: Live, poses: tuple[int, ...], weight: int
) -> Callable[[int], object]:
    """Return what searches for a query, without some poses."""
    shown = next(pose for pose in range(POSES) if pose not in poses)
    wished = [f"pose={shown}", *(f"not pose={pose} * {weight}" for pose in poses)]
    without = exclusions(Wishes.parse(wished), VALUES, space.shape.layout, WEIGHTS)

    def search(query: int) -> object:
        probe = space.queries[query : query + 1]
        if not without:
            return live.find(probe, FOUND)
        return search_excluding(live, probe, FOUND, without)

    return search


def timed(search: Callable[[int], object]) -> tuple[float, float]:
    """Return the median and the longest time of searches, milliseconds."""
    took = []
    for query in range(SEARCHES):
        started = time.perf_counter()
        search(query)
        took.append(1000 * (time.perf_counter() - started))
    return float(np.median(took)), max(took)


def main() -> None:
    """Make the gallery, search, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=950, help="105 images of each.")
    space = make_space(make_parts(parser.parse_args().people), fused=True, column=True)
    live = Live(ExactIndex(np.arange(len(space.rows)), [space.rows]), [])
    print(f"{len(space.rows):,} images, {space.rows.shape[1]} numbers each")
    for poses, weight in WISHES:
        live.asked.clear()
        median, longest = timed(searching(space, live, poses, weight))
        said = ", ".join(f"not pose={pose} * {weight}" for pose in poses) or "no exclusion"
        print(f"{said}: {median:.1f} ms, at most {longest:.1f}; {max(live.asked):,} looked at")


if __name__ == "__main__":
    main()
