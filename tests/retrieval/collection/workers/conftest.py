"""Fixtures of the tests of workers: twelve photographs in three batches."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.retrieval.collection.workers.place import BATCH, Place


@pytest.fixture
def place(
    photos: Path,
    photograph: Callable[..., Path],
    pose_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """Twelve photographs, 00.png to 11.png."""
    monkeypatch.setattr("retrieval.collection.builder.BATCH", BATCH)
    for number in range(12):
        photograph(photos / f"{number:02}.png", seed=number)
    return Place(photos, pose_weights)


@pytest.fixture
def expected(place: Place, tmp_path: Path) -> Path:
    """The collection that this process makes of them by itself."""
    root = tmp_path / "expected"
    assert place.build(root).indexed == 12
    return root
