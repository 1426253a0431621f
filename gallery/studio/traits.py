"""Traits: what stays the same from picture to picture of a synthetic person."""

from collections.abc import Mapping
from dataclasses import dataclass

from gallery.studio.hair_styles import Style


@dataclass(frozen=True, slots=True)
class Body:
    """Shape of the head.

    Attributes:
        mix: Share of each kind that the morph targets know (african, asian, caucasian); sum 1.
        masculinity: 0 female, 1 male.
        weight: 0 thin, 1 fat.
        muscle: 0..1.
        ageing: How fast age shows; 1 is the average.
        sliders: Weights of morph targets.
    """

    mix: Mapping[str, float]
    masculinity: float
    weight: float
    muscle: float
    ageing: float
    sliders: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Skin:
    """Colour of the skin and what is on it.

    Attributes:
        tone: 0 lightest, 1 darkest.
        redness: Shift of the blood's colour; 0 is the average.
        yellowness: Shift of the undertone; 0 is the average.
        blush: Redness of cheeks, nose and chin.
        freckles: 0..1.
        moles: How many.
        pores: Roughness.
        shine: How oily.
        lips: Darkness and redness of the lips; 0 is the average.
        makeup: 0 none, 1 strong.
        lipstick: 0 red, 1 rosy brown.
        stubble: 0 shaved, 1 dense.
        beard: Full beard.
        moustache: Whether there is one.
        seed: Seed of spots and mottling.
    """

    tone: float
    redness: float
    yellowness: float
    blush: float
    freckles: float
    moles: int
    pores: float
    shine: float
    lips: tuple[float, float]
    makeup: float
    lipstick: float
    stubble: float
    beard: bool
    moustache: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Hair:
    """Hair of the head and the brows.

    Attributes:
        style: Its cut.
        colour: Linear RGB before it greys.
        tips: How much lighter the ends are; 0 not at all.
        greys_at_years: Age at which half of it is grey.
        recedes: How far the hairline goes back by the age of 80, 0..1.
        mirrored: Whether the parting is on the other side.
        volume: 1 is the average.
        length: Shift of the length, -1..1.
        parting: Where it is parted, -1..1, 0 in the middle.
        curl: 0 straight, 1 curly.
        brow: Number of the eyebrows' shape.
        brow_density: 1 is the average.
        lash: Number of the lashes' shape.
        seed: Seed of strands and curls.
    """

    style: Style
    colour: tuple[float, float, float]
    tips: float
    greys_at_years: float
    recedes: float
    mirrored: bool
    volume: float
    length: float
    parting: float
    curl: float
    brow: int
    brow_density: float
    lash: int
    seed: int


@dataclass(frozen=True, slots=True)
class Manner:
    """How a person looks about, and dresses.

    Attributes:
        iris: Number of the iris' colour in the list of assets.
        eye_white: Brightness of the eyes.
        gaze_deg: Where they look by habit: azimuth and elevation.
        expressiveness: Factor of all expressions.
        cloth: Linear RGB.
        collar_dm: How high clothes reach, decimetres; the chin of an average head is at 6.2.
        room: Number of the room they sit in.
    """

    iris: int
    eye_white: float
    gaze_deg: tuple[float, float]
    expressiveness: float
    cloth: tuple[float, float, float]
    collar_dm: float
    room: int


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """A synthetic person.

    Attributes:
        seed: Seed of the world the person lives in.
        number: Number of the person.
        ancestry: One of those in gallery/studio/identity.py.
        gender: "female" or "male".
        age_years: Where `age` is not varied.
        body: Shape.
        skin: Colour.
        hair: Hair and brows.
        manner: Eyes, clothes, room.
    """

    seed: int
    number: int
    ancestry: str
    gender: str
    age_years: float
    body: Body
    skin: Skin
    hair: Hair
    manner: Manner
