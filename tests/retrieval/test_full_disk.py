"""A disk that is full stops a change with one clear error, loses nothing, and more room helps."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gallery.errors import CatalogueError
from tests.retrieval.changes import CHANGES, Place, fill, outcome, place_in, prepared

ROOM = 64 * 2**20


def mount(*options: object) -> bool:
    done = subprocess.run(["mount", *map(str, options)], capture_output=True, check=False)  # noqa: S607
    return done.returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", place):
        pytest.skip("mounting a file system needs root")
    yield place
    subprocess.run(["umount", str(place)], check=False)  # noqa: S607


def shrink(disk: Path, free: int) -> None:
    """Leave so many bytes free."""
    used = sum(path.stat().st_blocks * 512 for path in disk.rglob("*"))
    assert mount("-o", f"remount,size={used + free}", disk)


@pytest.mark.parametrize("name", ["build", "add", "compact", "import"])
def test_a_full_disk_loses_nothing(
    disk: Path,
    tmp_path: Path,
    pose_weights: Path,
    photograph: Callable[..., Path],
    name: str,
) -> None:
    folder = tmp_path / "material"
    fill(folder, pose_weights.with_suffix(".json"), photograph)
    change = CHANGES[name][1]
    start = prepared(folder, name)
    undisturbed = copied(folder, start, folder / "undisturbed")
    change(undisturbed)
    expected = outcome(undisturbed, exact=False)
    said: list[str] = []
    for number, free in enumerate((40_000, 160_000, 230_000, 300_000)):
        place = copied(folder, start, disk / str(number))
        shrink(disk, free)
        try:
            change(place)
        except (OSError, CatalogueError) as error:
            said.append(str(error))
        assert mount("-o", f"remount,size={ROOM}", disk)
        change(place)
        assert outcome(place, exact=False) == expected, free
    assert said
    assert all("full" in text or "No space left" in text for text in said), said


def copied(folder: Path, start: Path, target: Path) -> Place:
    subprocess.run(["cp", "-a", str(start), str(target)], check=True)  # noqa: S607
    return place_in(folder, target)
