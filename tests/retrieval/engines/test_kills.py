"""A program that is killed while it adds images leaves as many vectors as the catalogue says.

Milvus is told of them by a publication; how one that stops half way goes on says test_milvus.py.
"""

from collections.abc import Callable

import numpy as np
import pytest

from tests.retrieval import fused_gallery
from tests.retrieval.engines.conftest import Filled, Place
from tests.retrieval.engines.forks import killed_after

EVERY = 300


@pytest.mark.parametrize("portions", [1, 2, 5])
def test_nothing_is_lost_and_nothing_double(
    place: Place, fused: fused_gallery.Space, portions: int
) -> None:
    with place.opened():
        pass

    def add_all(tell: Callable[[], None]) -> None:
        with place.opened() as collection:
            filled = Filled(collection, fused, EVERY)
            for start in range(0, EVERY, 10):
                filled.add(np.arange(start, start + 10))
                tell()

    killed_after(portions, add_all)
    with place.opened() as collection:
        filled = Filled(collection, fused, EVERY)
        filled.publish()
        indexed = collection.catalogue.spaces.placed_ids(filled.space.id, "indexed")
        assert len(indexed) >= 10 * portions
        found = filled.live().find(fused.queries[:1], 1000).ids[0]
        assert sorted(found.tolist()) == indexed
        filled.add(np.arange(EVERY))
        filled.publish()
        found = filled.live().find(fused.queries[:1], 1000).ids[0]
        assert sorted(found.tolist()) == list(range(1, EVERY + 1))
