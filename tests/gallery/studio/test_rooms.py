from itertools import pairwise

import numpy as np

from gallery.studio.rooms import HEIGHT, WIDTH, background, panorama


def test_a_room_closes_behind_the_camera() -> None:
    walls = panorama(0, 1)
    assert walls.shape == (HEIGHT, WIDTH, 3)
    step = np.abs(np.diff(walls, axis=1)).max()
    assert np.abs(walls[:, 0] - walls[:, -1]).max() <= step + 1e-6


def test_every_camera_sees_another_part_of_the_room() -> None:
    views = [background(0, 2, yaw, 60) for yaw in range(-90, 91, 15)]
    assert all(view.shape == (60, 60, 3) for view in views)
    assert min(np.abs(a - b).mean() for a, b in pairwise(views)) > 1e-3


def test_rooms_differ_and_another_seed_has_other_rooms() -> None:
    rooms = [background(seed, room, 0, 32) for seed in (0, 1) for room in range(6)]
    assert len({room.tobytes() for room in rooms}) == 12
