"""The skin's texture: tone, blood, spots, make-up, painted beard and scalp.

The assets' skins give the detail; their mean is replaced by the person's own tone, so that tones
fill the whole range instead of the assets' three. Colours are mixed as logarithms of linear light,
where pigments add up.

Shapes: U pixels of a unit of the atlas.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from gallery.studio.curves import blur, noise, smooth
from gallery.studio.geometry import old_age
from gallery.studio.hair import hair_colour
from gallery.studio.library import Library
from gallery.studio.meshes import Floats
from gallery.studio.skin_map import SkinMap, scalp_mask, skin_map
from gallery.studio.traits import SyntheticPerson

# Albedo of skin (linear RGB) from the lightest to the darkest, found by eye beside photographs of
# the Monk Skin Tone scale (Monk, Google, 2022; skintone.google).
TONES = np.array(
    [
        *((0.610, 0.358, 0.270), (0.575, 0.305, 0.215), (0.510, 0.247, 0.160)),
        *((0.380, 0.180, 0.110), (0.245, 0.110, 0.065), (0.142, 0.063, 0.038)),
        (0.080, 0.036, 0.023),
    ]
)
MELANIN = np.array([0.30, 0.46, 0.62])  # what brown spots take from red, green, blue
BLOOD = np.array([0.02, 0.22, 0.16])
_DARK = 0.004  # keeps logarithms finite


@dataclass(frozen=True, slots=True)
class SkinTexture:
    """The skin of one person at one age.

    Attributes:
        colour: Linear RGB, (U, U, 3).
        gloss: How oily, (U, U), 0..1; hair and cloth are not.
        bump: Slope of the relief, (U, U, 2).
    """

    colour: Floats
    gloss: Floats
    bump: Floats


class SkinPainter:
    """Draws skins of one size; what the assets' skins have in common is kept."""

    def __init__(self, library: Library, unit: int) -> None:
        self.places = skin_map(library, unit)
        self._library = library
        self._details: dict[str, Floats] = {}

    def paint(self, identity: SyntheticPerson, age_years: float) -> SkinTexture:
        """Draw somebody's skin at some age."""
        places = self.places
        rng = np.random.default_rng(identity.skin.seed)
        plain = _tone(identity) + self._blend(identity, age_years)
        bare = _lips(plain - _pigments(rng, places, identity, age_years), places, identity)
        hairy, strand = _hairiness(rng, places, identity, age_years)
        light = _with_hair(bare, (hairy, strand), places, identity, age_years)
        manner = identity.manner
        dressed = smooth(manner.collar_dm, manner.collar_dm - 0.12, places.height)
        cloth = dressed[..., None]
        colour = np.exp(light) * (1 - cloth) + np.array(manner.cloth) * cloth
        return SkinTexture(
            colour=np.clip(colour, 0.002, 0.95).astype(np.float32),
            gloss=((1 - hairy) * (1 - dressed)).astype(np.float32),
            bump=_relief(rng, np.exp(bare).mean(axis=-1), hairy, strand, identity.skin.pores),
        )

    def _blend(self, identity: SyntheticPerson, age_years: float) -> Floats:
        """Blend the assets' skins by ancestry and age; logarithms around 0, (U, U, 3)."""
        old = min(old_age(identity.body, age_years), 1.0)
        ages = {"young": max(0.0, 1 - 2 * old), "middleage": 1 - abs(2 * old - 1)}
        ages["old"] = max(0.0, 2 * old - 1)
        total = np.zeros_like(self.places.place)
        for kind, share in identity.body.mix.items():
            for age, weight in ages.items():
                names = self._library.skin_names(age, kind, identity.gender)
                if share * weight >= 0.04 and names:
                    name = names[identity.skin.seed % len(names)]
                    total += np.float32(share * weight) * self._detail(name)
        return total

    def _detail(self, name: str) -> Floats:
        if name not in self._details:
            light = np.log(self._library.skin(name, len(self.places.lips)) + _DARK)
            inner = (self.places.face > 0.9) & (self.places.lips < 0.1)
            self._details[name] = (light - light[inner].mean(axis=0)).astype(np.float32)
        return self._details[name]


def _tone(identity: SyntheticPerson) -> Floats:
    """Return the logarithm of the mean colour, (3,)."""
    skin = identity.skin
    at = skin.tone * (len(TONES) - 1)
    rows = np.arange(len(TONES))
    mean = np.array([np.interp(at, rows, np.log(TONES[:, channel])) for channel in range(3)])
    shift = 0.035 * skin.redness * np.array([0.6, -1, -0.6]) + 0.035 * skin.yellowness * np.array(
        [0.3, 0.0, -1]
    )
    return np.asarray(mean + shift, dtype=np.float32)


def _pigments(
    rng: Generator, places: SkinMap, identity: SyntheticPerson, age_years: float
) -> Floats:
    """Return what melanin and blood take away, (U, U, 3)."""
    skin, side = identity.skin, len(places.lips)
    old = old_age(identity.body, age_years)
    brown = 0.09 * noise(rng, side, ((12, 0.5), (28, 0.35), (70, 0.3)))
    red = 0.22 * noise(rng, side, ((10, 0.5), (30, 0.4), (90, 0.35)))
    red = red + (0.5 + 0.25 * old) * skin.blush * places.cheeks
    brown = brown + (0.10 + 0.25 * old) * places.under_eyes
    spots = noise(rng, side, ((min(300, side // 2), 0.8), (min(200, side // 3), 0.6)))
    sprinkled = np.clip(places.face * (0.25 + 1.3 * places.cheeks), 0, 1)
    brown = brown + 0.9 * skin.freckles * smooth(0.9, 1.7, spots) * sprinkled
    blotches = noise(rng, side, ((60, 0.8), (110, 0.5)))
    brown = brown + 0.5 * max(0.0, old - 0.4) * smooth(1.2, 1.9, blotches) * places.face
    brown = brown + _moles(rng, places, skin.moles)
    lids = 0.8 * skin.makeup * places.lids
    taken = brown[..., None] * MELANIN + red[..., None] * BLOOD + lids[..., None] * 0.55
    return np.asarray(taken, dtype=np.float32)


def _moles(rng: Generator, places: SkinMap, count: int) -> Floats:
    side = len(places.lips)
    spots = np.zeros((side, side), np.float32)
    candidates = np.argwhere(places.face * (1 - places.lips) > 0.7)
    rows, columns = np.arange(side)[:, None], np.arange(side)[None]
    for _ in range(count):
        row, column = candidates[int(rng.random() * len(candidates))]
        radius, strength = rng.uniform(0.0009, 0.0021) * side, rng.uniform(0.8, 2.0)
        squared = (rows - row) ** 2 + (columns - column) ** 2
        near = squared < (4 * radius + 1) ** 2
        spots[near] += strength * np.exp(-squared[near] / (2 * radius**2))
    return spots


def _lips(light: Floats, places: SkinMap, identity: SyntheticPerson) -> Floats:
    skin = identity.skin
    lips = np.clip(places.lips, 0, 1)[..., None]
    dark, red = skin.lips
    light = light + lips * (np.array([0.0, -0.32, -0.2]) * red + dark)
    rouge = np.array([0.45, 0.05, 0.07] if skin.lipstick < 0.5 else [0.40, 0.12, 0.12])
    painted = 0.55 * skin.makeup * lips
    return np.asarray(light * (1 - painted) + painted * np.log(rouge), dtype=np.float32)


def _hairiness(
    rng: Generator, places: SkinMap, identity: SyntheticPerson, age_years: float
) -> tuple[Floats, Floats]:
    """Return how much painted hair covers the skin, (U, U), and the shade of its strands."""
    skin, side = identity.skin, len(places.lips)
    strand = noise(rng, side, ((side // 2, 0.55), (side // 3, 0.5)))
    dense = np.clip(0.55 + 0.5 * strand, 0, 1)
    chin = np.maximum(places.beard, np.maximum(0.8 * places.moustache, 0.5 * places.corners))
    cover = np.clip(0.5 * skin.stubble * chin * dense, 0, 1)
    grown = np.zeros_like(cover)
    if skin.beard:
        grown = np.maximum(places.beard, places.corners)
    if skin.moustache:
        grown = np.maximum(grown, places.moustache)
    soft = np.clip(1.15 * blur(grown, side // 128), 0, 1)
    cover = np.maximum(cover, soft * (0.5 + 0.4 * dense) * 0.88)
    return np.maximum(cover, _scalp(places, identity, age_years, dense)), strand


def _with_hair(
    bare: Floats,
    hairs: tuple[Floats, Floats],
    places: SkinMap,
    identity: SyntheticPerson,
    age_years: float,
) -> Floats:
    """Cover bare skin, logarithms (U, U, 3), with painted hair."""
    hairy, strand = hairs
    tint = np.log(0.8 * hair_colour(identity.hair, age_years) + _DARK)
    grown = tint + 0.35 * strand[..., None]
    if not (identity.skin.beard or identity.skin.moustache):
        stubble = np.minimum(grown, bare - 0.3)  # never lightens the skin, even if grey
        grown = np.where(places.place[..., 1:2] > 7.2, grown, stubble)
    cover = hairy[..., None]
    return np.asarray(bare * (1 - cover) + cover * grown)


def _scalp(places: SkinMap, identity: SyntheticPerson, age_years: float, dense: Floats) -> Floats:
    """Paint the scalp: dark under hair; as short as it is cut on a shaved head."""
    hair = identity.hair
    if hair.style.mesh or hair.style.shell:
        under = scalp_mask(places.place, 0.12, 0.0, bald_crown=0.0)
        return np.asarray(np.clip(0.9 * under, 0, 0.97), dtype=np.float32)
    receding = hair.recedes * float(np.clip((age_years - 22) / 50, 0, 1))
    bald = receding if receding > 0.25 else 0.0
    crown = min(1.0, 1.4 * bald)
    left = scalp_mask(places.place, 0.05 * hair.length, receding, bald_crown=crown)
    shaved = 0.30 + 0.65 * (hair.volume - 0.8) / 0.45
    return np.asarray(np.clip(left * shaved * (0.6 + 0.4 * dense), 0, 0.95), dtype=np.float32)


def _relief(rng: Generator, bare: Floats, hairy: Floats, strand: Floats, pores: float) -> Floats:
    """Return slopes: wrinkles where the bare skin is dark, pores and strands from noise."""
    side = len(hairy)
    dark = np.log(bare + 0.01)
    wrinkles = np.clip(dark - blur(dark, side // 64), -0.5, 0.5) * (1 - hairy)
    rough = 0.035 * pores * noise(rng, side, ((side // 2, 0.6), (side // 4, 0.6)))
    height = 0.30 * wrinkles + rough + 0.10 * hairy * strand
    scale = side / 1024  # slopes are per texel of the larger atlas
    along_v, along_u = np.gradient(height)
    return np.asarray(np.stack([along_u, along_v], axis=-1) * scale, dtype=np.float32)
