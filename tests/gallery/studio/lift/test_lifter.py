import numpy as np
import pytest

from gallery.align import Pixels
from gallery.studio.camera import Shot
from gallery.studio.library import Library
from gallery.studio.lift.fit import fit_head
from gallery.studio.lift.head_model import HeadModel
from gallery.studio.lift.lifter import Lifted, Lifter
from gallery.studio.lift.person_mask import find_person
from gallery.studio.meshes import TriMesh
from gallery.studio.render import Seated
from gallery.studio.scene import compact
from tests.gallery.studio.lift.conftest import Portrait

SIZE = 60
INNER = (slice(18, 54), slice(16, 44))  # rows and columns of a face


@pytest.fixture(scope="module")
def lifter(library: Library) -> Lifter:
    return Lifter(library, 512)


@pytest.fixture(scope="module")
def lifted(lifter: Lifter, sitter: Portrait) -> Lifted:
    return lifter.lift(sitter.pixels, sitter.points)


@pytest.fixture(scope="module")
def seated(lifter: Lifter, lifted: Lifted, sitter: Portrait) -> Seated:
    return Seated(lifter.seat(lifted), 0.5, sitter.seated.room)


def off(one: Pixels, other: Pixels) -> float:
    """Return the mean absolute difference of inner faces, of one brightness."""
    here, there = (image[INNER].astype(np.float64) for image in (one, other))
    return float(np.abs(here * (there.mean() / here.mean()) - there).mean())


@pytest.mark.parametrize("yaw_deg", [-30, -15, 15, 30])
def test_turned_views_are_closer_to_the_truth_than_the_photograph(
    seated: Seated, sitter: Portrait, yaw_deg: int
) -> None:
    shot = Shot(float(yaw_deg))
    (truth,) = sitter.seated.pictures(shot, SIZE, [17])
    (straight,) = sitter.seated.pictures(Shot(0.0), SIZE, [17])
    (view,) = seated.pictures(shot, SIZE, [17])
    assert off(view, truth) < 0.7 * off(straight, truth)


def test_the_frontal_view_is_the_photograph(seated: Seated, sitter: Portrait) -> None:
    (truth,) = sitter.seated.pictures(Shot(0.0), SIZE, [17])
    (view,) = seated.pictures(Shot(0.0), SIZE, [17])
    assert off(view, truth) < 9


def test_light_comes_from_where_the_studio_s_lamps_stand(seated: Seated) -> None:
    left, right = seated.pictures(Shot(0.0), SIZE, [10, 4])  # 45 and -45
    halves = [image[INNER].mean(axis=(0, 2)) for image in (left, right)]
    assert halves[0][14:].mean() > 1.2 * halves[0][:14].mean()
    assert halves[1][:14].mean() > 1.2 * halves[1][14:].mean()


def test_the_person_is_told_from_the_wall(
    library: Library, model: HeadModel, sitter: Portrait
) -> None:
    kept, camera = fit_head(model, sitter.points)
    body = model.body(library.base, kept)
    skin = compact(TriMesh(body, library.head.triangles, library.head.uv))
    mask = find_person(sitter.pixels, sitter.points, camera, skin, body[732])
    assert mask[140, 128] > 0.9  # the nose
    assert mask[20, 6] < 0.2  # a corner
    assert mask[20, 250] < 0.2


EYES, BROW = (slice(22, 29), slice(16, 44)), (slice(4, 14), slice(20, 40))
MOUTH = (slice(42, 52), slice(22, 38))  # which the shade of a cap does not reach


@pytest.mark.parametrize(
    ("accessory", "changed", "kept"),
    [("sunglasses", EYES, BROW), ("cap", BROW, MOUTH), ("beanie", BROW, EYES)],
)
def test_an_accessory_changes_where_it_is_worn(
    lifter: Lifter,
    lifted: Lifted,
    seated: Seated,
    accessory: str,
    changed: tuple[slice, slice],
    kept: tuple[slice, slice],
) -> None:
    worn = Seated(lifter.seat(lifted, accessory), seated.shine, seated.room)
    (view,), (bare,) = (one.pictures(Shot(0.0), SIZE, [17]) for one in (worn, seated))
    off = np.abs(view.astype(int) - bare.astype(int)).mean(axis=-1)
    assert off[changed].mean() > 20
    assert off[kept].mean() < 0.5 * off[changed].mean()


def test_an_accessory_leaves_no_trace_on_the_next_scene(
    lifter: Lifter, lifted: Lifted, seated: Seated
) -> None:
    (before,) = seated.pictures(Shot(0.0), SIZE, [17])
    lifter.seat(lifted, "fedora")
    again = Seated(lifter.seat(lifted), seated.shine, seated.room)
    assert np.array_equal(again.pictures(Shot(0.0), SIZE, [17])[0], before)
