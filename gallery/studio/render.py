"""The studio itself: who sits there, and the pictures that are taken.

Shapes: L illuminations, S side of a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gallery.studio.attributes import ACCESSORIES, EXPRESSIONS
from gallery.studio.camera import Shot
from gallery.studio.geometry import FaceExpression
from gallery.studio.library import Library
from gallery.studio.lights import LIGHTS, Light
from gallery.studio.meshes import Floats
from gallery.studio.request import SIZES
from gallery.studio.rooms import background
from gallery.studio.scene import Lamp, Scene, lamp
from gallery.studio.shading import develop, shade
from gallery.studio.sitter import Sitters
from gallery.studio.surface import Surface, surface
from gallery.studio.traits import SyntheticPerson

Pixels = NDArray[np.uint8]
RENDERER = 1  # rises whenever the same request gives other pixels
_SHADOW_SIDE = 320
LARGE = 96  # pictures of more pixels have textures of twice the resolution


@dataclass(frozen=True, slots=True)
class Appearance:
    """How somebody looks: what changes the scene, not the camera or the light.

    Attributes:
        expression: One of EXPRESSIONS.
        accessory: One of ACCESSORIES.
        age_years: None is the person's own age.
        strengths: Names of STRENGTHS, and how far each is moved, in [0, 1].
    """

    expression: str = "neutral"
    accessory: str = "none"
    age_years: int | None = None
    strengths: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Seated:
    """What stands before the camera.

    Attributes:
        scene: The scene.
        shine: How oily the skin is; 1 is the average.
        room: Seed and number of the room around.
        shadows: Those that were needed so far, by light.
    """

    scene: Scene
    shine: float
    room: tuple[int, int]
    shadows: dict[int, Lamp] = field(default_factory=dict)

    def pictures(self, shot: Shot, size: int, illuminations: Sequence[int]) -> Pixels:
        """Take one shot under several lights.

        Args:
            shot: Where the camera stands.
            size: S.
            illuminations: Numbers of lights.

        Returns:
            sRGB, (L, S, S, 3).
        """
        seen = surface(self.scene, shot, size)
        walls = background(*self.room, shot.yaw_deg, size)
        return np.stack([self._develop(seen, walls, shot, number) for number in illuminations])

    def _develop(self, seen: Surface, walls: Floats, shot: Shot, number: int) -> Pixels:
        light, side = LIGHTS[number], len(walls)
        shadows = self._shadows(number) if light.has_lamp else None
        total = shade(seen, light, shadows, self.shine, side**2)
        covered = np.bincount(seen.pixel, minlength=side**2).astype(np.float32)
        wall = walls.reshape(-1, 3) * _wall_light(light)
        picture = develop(total, wall, covered, shot.exposure)
        levels = (picture * 255 + 0.5).astype(np.uint8)
        return levels.reshape(side, side, 3)

    def _shadows(self, number: int) -> Lamp:
        """Look at the scene from a lamp, once for all yaws."""
        if number not in self.shadows:
            scene, direction = self.scene, LIGHTS[number].direction
            self.shadows[number] = lamp(
                scene.points, scene.triangles, scene.middle, direction, _SHADOW_SIDE
            )
        return self.shadows[number]


class Studio:
    """Takes pictures of one size. Pictures depend on nothing that was asked for before.

    Scenes and shadows of the last look are kept: ask for all yaws of a look, then for the next.
    """

    def __init__(self, assets: Path, size: int) -> None:
        """Open the studio.

        Args:
            assets: Folder of the assets.
            size: Side of the pictures, pixels, 32..256.

        Raises:
            ValueError: The size is out of range.
        """
        if not SIZES[0] <= size <= SIZES[1]:
            raise ValueError(f"size must be {SIZES[0]}..{SIZES[1]} pixels, got {size}")
        self.size = size
        self._assets = assets
        self._last: tuple[SyntheticPerson, Appearance, Seated] | None = None

    @cached_property
    def _sitters(self) -> Sitters:
        return Sitters(Library(self._assets), 512 if self.size <= LARGE else 1024)

    def pictures(
        self,
        identity: SyntheticPerson,
        look: Appearance,
        yaw_deg: int,
        illuminations: Sequence[int],
    ) -> Pixels:
        """Take one shot under several lights.

        Args:
            identity: Who sits there.
            look: How.
            yaw_deg: Where the camera stands, -90..90.
            illuminations: Numbers of lights.

        Returns:
            sRGB, (L, S, S, 3).
        """
        seated = self._seat(identity, look)
        return seated.pictures(jittered(identity, look, yaw_deg), self.size, illuminations)

    def _seat(self, identity: SyntheticPerson, look: Appearance) -> Seated:
        """Make the scene, unless it is the last one again."""
        if self._last is None or self._last[:2] != (identity, look):
            age = identity.age_years if look.age_years is None else float(look.age_years)
            face = FaceExpression(look.expression, look.strengths)
            scene = self._sitters.seat(identity, age, face, look.accessory)
            room = (identity.seed, identity.manner.room)
            self._last = (identity, look, Seated(scene, identity.skin.shine, room))
        return self._last[2]


def jittered(identity: SyntheticPerson, look: Appearance, yaw_deg: int) -> Shot:
    """Return the shot of one camera: its place, and how it strays, the same under every light."""
    age = 0 if look.age_years is None else look.age_years
    which = (
        yaw_deg + 90,
        EXPRESSIONS.index(look.expression),
        ACCESSORIES.index(look.accessory),
        age,
    )
    rng = np.random.default_rng([identity.seed, identity.number, 7, *which])
    stray = rng.standard_normal(8)
    gaze = identity.manner.gaze_deg
    return Shot(
        yaw_deg=yaw_deg + float(stray[0]),
        pitch_deg=1.5 * float(stray[1]),
        roll_deg=float(stray[2]),
        shift=(0.008 * float(stray[3]), 0.008 * float(stray[4])),
        exposure=1.25 * float(np.exp(0.03 * stray[5])),
        gaze_deg=(gaze[0] + 5.0 * float(stray[6]), gaze[1] + 2.5 * float(stray[7])),
    )


def _wall_light(light: Light) -> Floats:
    """Return how bright the walls are: lit by the room, and by flashes from the front."""
    reach = 0.06 + 0.10 * max(0.0, float(light.direction[2]))
    return np.array(light.room, np.float32) * 0.55 + reach * np.array(light.lamp, np.float32)
