"""A synthetic photograph: somebody whom the studio draws, whose 468 points are known exactly."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from gallery.align import Pixels
from gallery.arrays import Floats
from gallery.studio.camera import SAMPLES, Shot, look
from gallery.studio.geometry import head_shape
from gallery.studio.hair_styles import STYLES
from gallery.studio.identity import sample_identity
from gallery.studio.library import Library
from gallery.studio.lift.head_model import HeadModel, head_model
from gallery.studio.render import Appearance, Seated
from gallery.studio.sitter import Sitters

SIDE = 256


@dataclass(frozen=True)
class Portrait:
    """What the studio knows of its own drawing.

    Attributes:
        seated: Who was drawn.
        pixels: Straight on, (SIDE, SIDE, 3).
        points: The 468 points as a perfect mesh would see them.
    """

    seated: Seated
    pixels: Pixels
    points: Floats


@pytest.fixture(scope="session")
def model(library: Library) -> HeadModel:
    return head_model(library)


@pytest.fixture(scope="session")
def sitter(library: Library, model: HeadModel) -> Portrait:
    style = next(style for style in STYLES if style.name == "crop")
    who = sample_identity(3, 8)
    who = replace(who, hair=replace(who.hair, style=style))
    scene = Sitters(library, 512).seat(who, who.age_years, *_plain())
    shot = Shot(0.0)
    seated = Seated(scene, who.skin.shine, (3, 1))
    (pixels,) = seated.pictures(shot, SIDE, [17])
    body = head_shape(library, who, who.age_years)
    places = replace(scene, points=model.points(body[model.vertices]), eyeballs=slice(0, 0))
    view = look(places, shot, SIDE).points
    per_dm = (view[:, 0].max() - view[:, 0].min()) / np.ptp(places.points[:, 0]) / SAMPLES
    depth = (view[:, 2] - view[:, 2].mean() + model.depth) * per_dm
    points = np.stack([view[:, 0] / SAMPLES, view[:, 1] / SAMPLES, depth], axis=1)
    return Portrait(seated, pixels, points.astype(np.float32))


def _plain() -> tuple[str, str]:
    look = Appearance()
    return look.expression, look.accessory
