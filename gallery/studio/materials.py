"""Materials, and where each has its place on the atlas that holds all textures of a scene.

The atlas is two units wide and one high; the skin takes the left unit. A unit is 512 pixels for
pictures of up to 96 pixels and 1024 for larger ones.

Shapes: U pixels of a unit.
"""

from dataclasses import dataclass, replace

import numpy as np

from gallery.studio.meshes import Floats

SKIN, EYE, TEETH, TONGUE, BROW, LASH, HAIR, HAT, FRAME, LENS = range(1, 11)
TWO_SIDED = (HAIR, HAT, LENS, LASH, BROW, FRAME)

# Left edge, upper edge and side of each material's square, in units.
SQUARES = {
    SKIN: (0.0, 0.0, 1.0),
    HAIR: (1.0, 0.0, 0.5),
    BROW: (1.5, 0.0, 0.5),
    HAT: (1.0, 0.5, 0.5),
    EYE: (1.5, 0.5, 0.25),
    TEETH: (1.75, 0.5, 0.25),
    LASH: (1.5, 0.75, 0.25),
    FRAME: (1.75, 0.75, 0.0625),
    LENS: (1.8125, 0.75, 0.0625),
    TONGUE: (1.875, 0.75, 0.0625),
}


@dataclass(frozen=True, slots=True)
class Atlas:
    """Textures of a scene; arrays are filled in place while the scene is made.

    Attributes:
        unit: Pixels of a unit, U.
        colour: Linear RGB, (U, 2 U, 3).
        alpha: What is solid, 0..1, (U, 2 U).
        gloss: How oily the skin is, (U, 2 U).
        bump: Slope of the skin's fine relief along u and v, (U, 2 U, 2).
    """

    unit: int
    colour: Floats
    alpha: Floats
    gloss: Floats
    bump: Floats

    def put(self, material: int, colour: Floats, alpha: Floats | float = 1.0) -> None:
        """Lay a picture, or one colour, on a material's square."""
        rows, columns = self.place(material)
        self.colour[rows, columns] = colour
        self.alpha[rows, columns] = alpha

    def side(self, material: int) -> int:
        """Return the side of a material's square, pixels."""
        return int(SQUARES[material][2] * self.unit)

    def place(self, material: int) -> tuple[slice, slice]:
        """Return the rows and columns of a material's square."""
        left, top, side = (int(share * self.unit) for share in SQUARES[material])
        return slice(top, top + side), slice(left, left + side)

    def pixels(self, material: int, uv: Floats) -> Floats:
        """Turn texture coordinates, (..., 2) with v upwards, into pixels of the atlas."""
        left, top, side = (share * self.unit for share in SQUARES[material])
        at = uv * np.array([side, -side]) + np.array([left, top + side])
        return np.asarray(at, dtype=np.float32)


def empty_atlas(unit: int) -> Atlas:
    """Return a black, solid, smooth atlas."""
    return Atlas(
        unit=unit,
        colour=np.zeros((unit, 2 * unit, 3), np.float32),
        alpha=np.ones((unit, 2 * unit), np.float32),
        gloss=np.ones((unit, 2 * unit), np.float32),
        bump=np.zeros((unit, 2 * unit, 2), np.float32),
    )


def copied(atlas: Atlas) -> Atlas:
    """Return an atlas whose colours and alpha can be changed alone; gloss and bump are shared."""
    return replace(atlas, colour=atlas.colour.copy(), alpha=atlas.alpha.copy())
