import numpy as np
import pytest

from gallery.studio.meshes import Floats
from gallery.studio.rasteriser import FAR, Triangles, depth_map, see

SOLID = np.ones((4, 4), np.float32)
CORNERS = np.array([[0, 1, 2]], np.int32)


def scene(corners: Floats, holed: int = 0, alpha: Floats = SOLID) -> tuple[Floats, Triangles]:
    points = np.array(corners, np.float32)
    triangles = np.arange(len(points), dtype=np.int32).reshape(-1, 3)
    uv = np.ones((len(triangles), 3, 2), np.float32)
    marks = np.full(len(triangles), holed, np.uint8)
    return points, Triangles(triangles, uv, marks, alpha)


def test_a_triangle_covers_the_samples_whose_middles_it_holds() -> None:
    points, triangles = scene(np.array([[0, 0, 5], [8, 0, 5], [0, 8, 5]]))
    seen = see(points, triangles, 10, 10)
    y, x = np.mgrid[:10, :10] + 0.5
    assert ((seen.triangle == 0) == (x + y <= 8)).all()
    assert (seen.depth[seen.triangle < 0] == np.float32(FAR)).all()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_triangle_is_seen_whatever_the_order(order: tuple[int, int]) -> None:
    corners = np.array([[[0, 0, 5], [9, 0, 5], [0, 9, 5]], [[0, 0, 3], [9, 0, 3], [0, 9, 3]]])
    points, triangles = scene(corners[list(order)].reshape(-1, 3))
    assert see(points, triangles, 10, 10).triangle[2, 2] == order.index(1)


def test_weights_are_those_of_the_triangle_in_space_not_on_the_picture() -> None:
    near, far = 1.0, 3.0
    points, triangles = scene(np.array([[0, 0, near], [16, 0, far], [0, 16, near]]))
    seen = see(points, triangles, 20, 20)
    row, column = 0, 7
    on_picture = (column + 0.5) / 16  # weight of the far corner, up to the row's half sample
    third = 0.5 / 16
    inverse = (1 - on_picture - third) / near + on_picture / far + third / near
    assert np.isclose(seen.depth[row, column], 1 / inverse, rtol=1e-5)
    assert np.isclose(seen.second[row, column], on_picture / far / inverse, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75])
def test_holes_let_as_much_through_as_alpha_says(alpha: float) -> None:
    points, triangles = scene(
        np.array([[0, 0, 5], [200, 0, 5], [0, 200, 5]]), 1, np.full((4, 4), alpha, np.float32)
    )
    seen = see(points, triangles, 64, 64)
    assert np.isclose((seen.triangle == 0).mean(), alpha, atol=0.01)


def test_a_depth_map_holds_the_nearest_distance_along_parallel_rays() -> None:
    points, triangles = scene(np.array([[0, 0, 2], [16, 0, 4], [0, 16, 2]]))
    depth = depth_map(points, triangles, 16)
    assert np.isclose(depth[0, 7], 2 + 2 * 7.5 / 16, rtol=1e-5)
    assert depth[15, 15] == np.float32(FAR)


def test_what_lies_outside_or_has_no_area_is_passed_over() -> None:
    points, triangles = scene(
        np.array([[-9, -9, 1], [-5, -9, 1], [-9, -5, 1], [2, 2, 1], [4, 4, 1], [6, 6, 1]])
    )
    assert (see(points, triangles, 8, 8).triangle == -1).all()
