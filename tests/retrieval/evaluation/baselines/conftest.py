"""A tiny part of painted people: Shapes: N images, S side, C channels."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face
from gallery.pixels import Aligned

Paint = Callable[..., Aligned]

POSES = ("-45", "0", "45")
LIGHTS = ("0", "7")


@pytest.fixture(scope="session")
def pose() -> AttributeSpace:
    return AttributeSpace((Attribute("pose", POSES, "degree"),))


@pytest.fixture(scope="session")
def paint() -> Paint:
    """Paint people, 16 x 16: height tells the person, place the pose, background the light."""

    def paint_part(people: int = 5, channels: int = 1) -> Aligned:
        faces, pixels = [], []
        for who, pose, light in product(range(people), range(3), range(2)):
            condition = Condition(pose=POSES[pose], illumination=LIGHTS[light])
            faces.append(Face(f"{who}-{pose}-{light}.png", f"p{who + 1}", condition))
            image = np.full((16, 16, channels), 40 + 60 * light, dtype=np.uint8)
            image[3 : 6 + 2 * who, 1 + 4 * pose : 6 + 4 * pose] = 140 + 20 * who
            pixels.append(image)
        return Aligned(tuple(faces), np.stack(pixels), ())

    return paint_part
