"""The twenty illuminations.

Number 0 is the room's own light. Numbers 1 to 18 add one flash to a dimmed room; the flashes stand
around the head and do not move with the camera, as in Multi-PIE: 1 to 13 in a ring at the height of
the head, from the sitter's right (-90 degrees) to the left (90 degrees) by 15; 14 and 15 raised, at
45 degrees to either side; 16, 17 and 18 high above. Number 19 is a dim warm lamp that stands low
on the sitter's right. (In Multi-PIE number 19 is the room's light again, which cannot be told from
number 0.)

Azimuth counts as yaw does: 0 in front of the face, positive on the sitter's left.
"""

from dataclasses import dataclass

import numpy as np

from gallery.studio.meshes import Floats


@dataclass(frozen=True, slots=True)
class Light:
    """One illumination: the room, and perhaps one lamp.

    Attributes:
        azimuth_deg: Azimuth of the lamp.
        elevation_deg: Elevation of the lamp above the horizon of the head.
        lamp: Its linear RGB power; black where there is none.
        room: Linear RGB power of the room's light, which comes mostly from above.
    """

    azimuth_deg: float
    elevation_deg: float
    lamp: tuple[float, float, float]
    room: tuple[float, float, float]

    @property
    def has_lamp(self) -> bool:
        """Whether there is more than the room's light."""
        return any(self.lamp)

    @property
    def direction(self) -> Floats:
        """Unit vector towards the lamp, (3,)."""
        return towards(self.azimuth_deg, self.elevation_deg)


def towards(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Return the unit vector from the head towards a direction, (3,)."""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    vector = [np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat]
    return np.array(vector, dtype=np.float32)


ROOM_FROM = (0.15, 0.8, 0.55)  # where most of the room's light comes from
_RING = [(float(azimuth), 2.0) for azimuth in range(-90, 91, 15)]
_RAISED = [(-45.0, 38.0), (45.0, 38.0), (-25.0, 55.0), (0.0, 45.0), (25.0, 55.0)]
_FLASH = (0.78, 0.78, 0.78)
_DIMMED_ROOM = (0.165, 0.16, 0.152)

LIGHTS = (
    Light(0.0, 0.0, (0.0, 0.0, 0.0), (0.43, 0.42, 0.40)),
    *(Light(azimuth, elevation, _FLASH, _DIMMED_ROOM) for azimuth, elevation in _RING + _RAISED),
    Light(-50.0, -22.0, (0.34, 0.20, 0.085), (0.085, 0.066, 0.05)),
)
