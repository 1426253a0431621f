"""Who a synthetic person is: how their traits are drawn.

A person is known by a seed and a number: `numpy.random.default_rng([seed, number])` decides all
traits, in streams of their own, so that a new trait of the hair leaves every face as it was.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from gallery.studio.hair_styles import STYLES
from gallery.studio.sliders import sample_sliders
from gallery.studio.traits import Body, Hair, Manner, Skin, SyntheticPerson

KINDS = ("african", "asian", "caucasian")  # as the morph targets and skins call them


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A group of people that the sampling balances.

    Attributes:
        mix: Expected shares of the morphs' three kinds, in the order of KINDS.
        purity: How closely people keep to the mix (concentration of a Dirichlet distribution).
        tone: Mean and standard deviation of the skin's tone, 0 lightest, 1 darkest.
        hair: Shares of black, dark brown, brown, light brown, blond and red hair.
        curl: Share of people with curly hair.
    """

    mix: tuple[float, float, float]
    purity: float
    tone: tuple[float, float]
    hair: tuple[float, float, float, float, float, float]
    curl: float


ANCESTRIES = {
    "african": Ancestry((0.86, 0.05, 0.09), 22, (0.80, 0.10), (0.82, 0.15, 0.03, 0, 0, 0), 0.75),
    "east-asian": Ancestry((0.03, 0.88, 0.09), 22, (0.27, 0.08), (0.75, 0.2, 0.05, 0, 0, 0), 0.04),
    "european": Ancestry(
        (0.03, 0.05, 0.92), 24, (0.17, 0.08), (0.05, 0.18, 0.26, 0.20, 0.22, 0.09), 0.16
    ),
    "south-asian": Ancestry((0.18, 0.15, 0.67), 16, (0.53, 0.10), (0.76, 0.22, 0.02, 0, 0, 0), 0.2),
    "mixed": Ancestry(
        (0.34, 0.30, 0.36), 6, (0.47, 0.15), (0.4, 0.35, 0.17, 0.05, 0.02, 0.01), 0.4
    ),
}
GENDERS = ("female", "male")
AGE_YEARS = (18.0, 78.0)

HAIR_COLOURS = (
    *((0.012, 0.010, 0.009), (0.035, 0.020, 0.012), (0.085, 0.047, 0.025), (0.19, 0.115, 0.06)),
    *((0.40, 0.27, 0.13), (0.20, 0.065, 0.022)),
)

ROOMS = 6  # that people of a seed sit in


def sample_identity(seed: int, number: int) -> SyntheticPerson:
    """Draw a person; the same two numbers give the same person."""
    who, body, skin, hair, manner = np.random.default_rng([seed, number]).spawn(5)
    ancestry = str(who.choice(list(ANCESTRIES)))
    gender = str(who.choice(GENDERS))
    age = float(AGE_YEARS[0] + (AGE_YEARS[1] - AGE_YEARS[0]) * who.beta(1.25, 1.75))
    return SyntheticPerson(
        seed=seed,
        number=number,
        ancestry=ancestry,
        gender=gender,
        age_years=age,
        body=_body(body, ANCESTRIES[ancestry], gender),
        skin=_skin(skin, ANCESTRIES[ancestry], gender),
        hair=_hair(hair, ancestry, gender),
        manner=_manner(manner, ancestry),
    )


def balance(people: Iterable[SyntheticPerson]) -> dict[str, Counter[str]]:
    """Count people by ancestry, gender and age (in decades)."""
    counted: dict[str, Counter[str]] = {
        "ancestry": Counter(dict.fromkeys(ANCESTRIES, 0)),
        "gender": Counter(dict.fromkeys(GENDERS, 0)),
        "age": Counter({f"{decade}-{decade + 9}": 0 for decade in range(10, 80, 10)}),
    }
    for person in people:
        counted["ancestry"][person.ancestry] += 1
        counted["gender"][person.gender] += 1
        counted["age"][age_band(person.age_years)] += 1
    return counted


def age_band(age_years: float) -> str:
    """Return the decade of an age, like "20-29"."""
    decade = int(age_years) // 10 * 10
    return f"{decade}-{decade + 9}"


def _normal(rng: Generator, mean: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, spread), low, high))


def _body(rng: Generator, ancestry: Ancestry, gender: str) -> Body:
    shares = rng.dirichlet(np.array(ancestry.mix) * ancestry.purity)
    masculinity = _normal(rng, 0.9, 0.12, 0.62, 1.08)
    return Body(
        mix={kind: float(share) for kind, share in zip(KINDS, shares, strict=True)},
        masculinity=masculinity if gender == "male" else 1 - masculinity,
        weight=_normal(rng, 0.5, 0.17, 0.1, 0.92),
        muscle=_normal(rng, 0.5, 0.16, 0.15, 0.85),
        ageing=float(rng.uniform(0.8, 1.12)),
        sliders=sample_sliders(rng),
    )


def _skin(rng: Generator, ancestry: Ancestry, gender: str) -> Skin:
    male = gender == "male"
    tone = _normal(rng, *ancestry.tone, 0.0, 1.0)
    bearded = rng.random()
    return Skin(
        tone=tone,
        redness=float(rng.normal()),
        yellowness=float(rng.normal()),
        blush=max(0.0, float(rng.normal(0.45, 0.4))),
        freckles=float(rng.random() < 0.3 * (1 - tone) ** 2) * float(rng.uniform(0.3, 1)),
        moles=int(rng.poisson(1.6)),
        pores=float(rng.uniform(0.4, 1.5)),
        shine=float(rng.uniform(0.35, 1.15)),
        lips=(float(rng.normal(0, 0.15)), float(rng.normal(0.1, 0.2))),
        makeup=(not male) * float(rng.random() < 0.55) * float(rng.uniform(0.25, 1.0)),
        lipstick=float(rng.random()),
        stubble=male * float(rng.uniform(0.15, 0.7) if bearded < 0.45 else rng.uniform(0, 0.12)),
        beard=male and bearded > 0.8,
        moustache=male and bearded > 0.76,
        seed=int(rng.integers(1 << 31)),
    )


def _hair(rng: Generator, ancestry: str, gender: str) -> Hair:
    male = gender == "male"
    group = ANCESTRIES[ancestry]
    curly = rng.random() < group.curl
    weights = np.array([style.weight(gender, ancestry, curly=bool(curly)) for style in STYLES])
    colour = np.array(HAIR_COLOURS[int(rng.choice(6, p=np.array(group.hair) / sum(group.hair)))])
    colour = colour * np.exp(rng.normal(0, 0.14) * np.array([1, 0, -1.0]) + rng.normal(0, 0.25))
    return Hair(
        style=STYLES[int(rng.choice(len(STYLES), p=weights / weights.sum()))],
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
        tips=float(rng.random() < 0.25) * float(rng.uniform(0.2, 0.9)),
        greys_at_years=_normal(rng, 58, 9, 38, 80),
        recedes=male * float(rng.beta(1.0, 1.4)),
        mirrored=bool(rng.random() < 0.5),
        volume=float(rng.uniform(0.8, 1.25)),
        length=float(rng.uniform(-1, 1)),
        parting=float(rng.uniform(-1, 1)),
        curl=float(rng.uniform(0.55, 1.0) if curly else rng.uniform(0.0, 0.3)),
        brow=int(rng.integers(12)),
        brow_density=float(rng.uniform(1.0, 1.9) if male else rng.uniform(0.6, 1.2)),
        lash=int(rng.integers(4)),
        seed=int(rng.integers(1 << 31)),
    )


def _manner(rng: Generator, ancestry: str) -> Manner:
    light_eyed = {"european": 0.68, "mixed": 0.12}.get(ancestry, 0.0)
    iris = int(rng.integers(2, 9)) if rng.random() < light_eyed else int(rng.random() < 0.2)
    cloth = rng.uniform(0.04, 0.8, 3) ** 2.2 * rng.uniform(0.3, 1)
    return Manner(
        iris=iris,
        eye_white=float(rng.uniform(0.6, 1.0)),
        gaze_deg=(float(rng.normal(0, 2.5)), float(rng.normal(0, 1.5))),
        expressiveness=float(rng.uniform(0.85, 1.15)),
        cloth=(float(cloth[0]), float(cloth[1]), float(cloth[2])),
        collar_dm=float(rng.uniform(5.40, 5.95)),
        room=int(rng.integers(ROOMS)),
    )
