"""Seven expressions as weights of facial units.

Units move one side of the face each; `_both` names the pair. Weights above 1 overdraw a unit, so
that an expression can be read in a picture of 60 pixels.

Source: which units make an expression: Ekman, Friesen, Hager, "Facial Action Coding System", 2002;
the units are those of ARKit (Apple, ARFaceAnchor.BlendShapeLocation).
"""

from collections.abc import Mapping


def _both(unit: str, weight: float) -> dict[str, float]:
    return {f"{unit}Left": weight, f"{unit}Right": weight}


EXPRESSION_UNITS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "happy": {
        **_both("mouthSmile", 1.0),
        **_both("cheekSquint", 0.9),
        **_both("eyeSquint", 0.45),
        **_both("mouthUpperUp", 0.5),
        **_both("mouthLowerDown", 0.35),
        **_both("mouthDimple", 0.4),
        "jawOpen": 0.2,
    },
    "sad": {
        "browInnerUp": 1.3,
        **_both("browDown", 0.25),
        **_both("mouthFrown", 1.45),
        "mouthShrugLower": 0.75,
        "mouthRollUpper": 0.25,
        **_both("eyeSquint", 0.2),
        **_both("eyeBlink", 0.26),
        **_both("eyeLookDown", 0.35),
    },
    "angry": {
        **_both("browDown", 1.4),
        **_both("eyeSquint", 0.25),
        **_both("eyeWide", 0.35),
        **_both("noseSneer", 0.45),
        **_both("mouthPress", 1.0),
        **_both("mouthFrown", 0.95),
        "mouthRollLower": 0.45,
        "mouthRollUpper": 0.35,
        "mouthShrugLower": 0.4,
        "jawForward": 0.5,
    },
    "surprised": {
        "browInnerUp": 1.2,
        **_both("browOuterUp", 1.2),
        **_both("eyeWide", 1.2),
        "jawOpen": 0.75,
        "mouthFunnel": 0.6,
    },
    "disgusted": {
        **_both("noseSneer", 1.6),
        **_both("browDown", 0.6),
        **_both("mouthUpperUp", 1.25),
        **_both("mouthFrown", 0.7),
        **_both("mouthLowerDown", 0.3),
        **_both("eyeSquint", 1.0),
        **_both("eyeBlink", 0.3),
        **_both("cheekSquint", 1.0),
        "jawOpen": 0.12,
    },
    "afraid": {
        "browInnerUp": 1.35,
        **_both("browOuterUp", 0.3),
        **_both("eyeWide", 1.25),
        **_both("mouthStretch", 1.4),
        **_both("mouthLowerDown", 0.8),
        **_both("mouthFrown", 0.35),
        "jawOpen": 0.32,
    },
}
