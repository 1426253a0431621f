"""Facial units as strengths: names that labels and wishes use, and morphs that the studio draws.

Names are those of ARKit in small letters with hyphens: `jaw-open` is jawOpen. Left and right are
the person's own sides. `smile` moves several units together, as a smile does.

Source of the units: Apple, ARFaceAnchor.BlendShapeLocation.
"""

import re
from collections.abc import Mapping

_PAIRS = (
    *("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeSquint", "eyeWide"),
    *("mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch"),
    *("mouthUpperUp", "noseSneer"),
)
_SINGLE = (
    *("browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthFunnel"),
    *("mouthLeft", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper", "tongueOut"),
)
_UNITS = (*_SINGLE, *(f"{pair}{side}" for pair in _PAIRS for side in ("Left", "Right")))


def _spelt(unit: str) -> str:
    return re.sub("(?=[A-Z])", "-", unit).lower()


STRENGTHS: Mapping[str, Mapping[str, float]] = {
    "smile": {
        **{f"mouthSmile{side}": 1.0 for side in ("Left", "Right")},
        **{f"mouthDimple{side}": 0.4 for side in ("Left", "Right")},
        **{f"cheekSquint{side}": 0.5 for side in ("Left", "Right")},
    },
    "eyes-closed": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    **{_spelt(unit): {unit: 1.0} for unit in sorted(_UNITS)},
}
