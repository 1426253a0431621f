"""What the studio can vary, and the values it draws where nobody asks for others.

Yaw is the camera's azimuth around the sitter's head: at a positive yaw the camera stands on the
sitter's left, and the nose points to the left edge of the picture. docs/studio.md shows it.
"""

from collections.abc import Iterable, Mapping

from gallery.attributes import STRENGTH, STRENGTH_GRID, Attribute, AttributeSpace
from gallery.facial_units import STRENGTHS

ACCESSORIES = ("none", "fedora", "beanie", "cap", "round-glasses", "thick-glasses", "sunglasses")
EXPRESSIONS = ("afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised")
OCCLUSIONS = ("none", "block", "eyes")
AGES_YEARS = ("20", "35", "50", "65", "80")
YAWS_DEG = tuple(str(yaw) for yaw in range(-90, 91, 15))
ILLUMINATIONS = tuple(str(number) for number in range(20))

SPACE = AttributeSpace(
    (
        Attribute("pose", YAWS_DEG, unit="degree"),
        Attribute("illumination", ILLUMINATIONS),
        Attribute("expression", EXPRESSIONS),
        Attribute("accessory", ACCESSORIES),
        Attribute("age", AGES_YEARS, unit="year"),
        Attribute("occlusion", OCCLUSIONS),
    )
)

# All that can be drawn. Strengths are 0 where they are not varied, and told only where they are.
EVERY = AttributeSpace(
    (*SPACE.attributes, *(Attribute(name, STRENGTH_GRID, STRENGTH) for name in STRENGTHS))
)

# What an attribute is where it is not varied; an age that is not varied is the person's own.
STANDARD = {
    "pose": "0",
    "illumination": "17",  # the flash above the frontal camera
    "expression": "neutral",
    "accessory": "none",
    "occlusion": "none",
}

# What is drawn of an attribute unless values are named: the papers' seven poses, all of the rest.
DEFAULT_VALUES = {attribute.name: attribute.values for attribute in EVERY.attributes} | {
    "pose": tuple(str(yaw) for yaw in range(-45, 46, 15))
}


def space(names: Iterable[str], values: Mapping[str, Iterable[str]]) -> AttributeSpace:
    """Return the attributes to draw, each with its values in the studio's order.

    Args:
        names: Attributes, in the order wanted.
        values: Values of those that shall not have the default ones.

    Raises:
        WishError: An attribute or a value is unknown.
    """
    chosen = []
    for name in names:
        known, asked = EVERY[name], values.get(name, DEFAULT_VALUES[name])
        if known.is_strength:
            drawn = tuple(sorted({known.spell(value) for value in asked}, key=float))
        else:
            wanted = {known.index(value) for value in asked}
            drawn = tuple(known.values[index] for index in sorted(wanted))
        chosen.append(Attribute(name, drawn, known.unit))
    return AttributeSpace(tuple(chosen))
