"""What to draw: people, and the values of the attributes that vary.

Nothing here draws; reading a set needs no numba.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any, Self

from gallery.attributes import AttributeSpace, Condition
from gallery.errors import ConfigError, DatasetError
from gallery.studio import attributes
from gallery.studio.identity import sample_identity
from gallery.studio.traits import SyntheticPerson

SIZES = (32, 256)
RESERVED = 900_000  # people from here on are those of studio-mini: nothing is trained on them
# Attributes that one stored picture, a strip of tiles, does not vary: lights lie side by side in
# it, and occlusions are laid over a tile when it is read.
IN_STRIP, WHEN_READ = "illumination", "occlusion"


@dataclass(frozen=True, slots=True)
class LiftedPhotograph:
    """A photograph that is lifted (gallery/studio/lift).

    Attributes:
        identity: Label of the person.
        sha256: SHA-256 of the image file.
        told: What it shows in all its images: values of attributes that are not varied.
    """

    identity: str
    sha256: str
    told: Condition = field(default_factory=Condition)

    def to_json(self) -> list[Any]:
        """Return a form that `from_json` reads back."""
        return [self.identity, self.sha256, *([dict(self.told)] if self.told else [])]

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401  JSON is what it is
        """Read what `to_json` wrote.

        Raises:
            TypeError: The data has another form; or ValueError, or WishError.
        """
        identity, sha256, *told = data
        return cls(str(identity), str(sha256), attributes.EVERY.check(dict(*told)))


@dataclass(frozen=True, kw_only=True)
class DrawRequest:
    """One set of images: everybody, in every combination of values.

    Attributes:
        identities: How many people.
        first_identity: Number of the first one.
        attributes: What varies, in the order wanted; what is not named stays as in STANDARD.
        values: Values of the attributes that shall not have the default ones.
        size: Side of the images, pixels, 32..256.
        seed: Seed of the world: another seed has other people.
        quality: Quality of the WebP pictures, 1..100.
        reserved: Allows people that are kept from training (RESERVED); for studio-mini.
        photographs: Whom the people are lifted from, one each; empty where they are drawn.
    """

    identities: int
    first_identity: int = 0
    attributes: tuple[str, ...] = ("pose", "illumination")
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int = 60
    seed: int = 0
    quality: int = 88
    reserved: bool = False
    photographs: tuple[LiftedPhotograph, ...] = ()

    def __post_init__(self) -> None:
        last = self.first_identity + self.identities
        if self.identities < 1 or self.first_identity < 0:
            raise ConfigError(
                f"People are numbered from 0, and at least one is drawn; got {self.identities}"
                f" from number {self.first_identity}"
            )
        if last > RESERVED and not self.reserved:
            raise ConfigError(
                f"People from number {RESERVED} on are kept for studio-mini, which nothing is"
                f" trained on; got numbers {self.first_identity}..{last - 1}"
            )
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise ConfigError(f"--size takes {SIZES[0]}..{SIZES[1]} pixels, got {self.size}")
        if self.seed < 0 or not 1 <= self.quality <= 100:
            raise ConfigError(
                f"The seed must be 0 or more and the quality 1..100, got {self.seed} and"
                f" {self.quality}"
            )
        unasked = set(self.values) - set(self.attributes)
        if unasked or len(set(self.attributes)) != len(self.attributes):
            raise ConfigError(
                f"Name each attribute once, also those with values; got {self.attributes} and"
                f" values of {', '.join(sorted(self.values)) or 'none'}"
            )
        if self.photographs and len(self.photographs) != self.identities:
            raise ConfigError(
                f"{self.identities} people are lifted from as many photographs, got"
                f" {len(self.photographs)}"
            )
        _ = self.space

    @cached_property
    def space(self) -> AttributeSpace:
        """What varies, with all values."""
        return attributes.space(self.attributes, self.values)

    @cached_property
    def told_space(self) -> AttributeSpace:
        """What varies, and what is told of photographs besides, with the values that occur."""
        told = [photo.told for photo in self.photographs]
        names = [name for name in attributes.EVERY.names if any(name in one for one in told)]
        values = {name: [one[name] for one in told if name in one] for name in names}
        return AttributeSpace((*self.space.attributes, *attributes.space(names, values).attributes))

    def told(self, number: int) -> Condition:
        """Return what is told of all images of a person, beside what varies."""
        if self.photographs:
            return self.photographs[number - self.first_identity].told
        return Condition()

    @property
    def numbers(self) -> range:
        """Numbers of the people."""
        return range(self.first_identity, self.first_identity + self.identities)

    @property
    def images(self) -> int:
        """How many images there will be."""
        per_person = 1
        for attribute in self.space.attributes:
            per_person *= len(attribute.values)
        return self.identities * per_person

    def label(self, number: int) -> str:
        """Return whose face a person's is: the photograph's label, or the number's name."""
        if self.photographs:
            return self.photographs[number - self.first_identity].identity
        return identity_name(number)

    def people(self) -> Iterator[SyntheticPerson]:
        """Yield everybody."""
        for number in self.numbers:
            yield sample_identity(self.seed, number)

    def shots(self) -> Iterator[Condition]:
        """Yield what is stored as one picture each: values of all but lights and occlusions.

        Poses change fastest, so that a scene is made once for all its poses.
        """
        kept = [a for a in self.space.attributes if a.name not in (IN_STRIP, WHEN_READ)]
        kept.sort(key=lambda attribute: attribute.name == "pose")
        for values in product(*(attribute.values for attribute in kept)):
            named = zip((attribute.name for attribute in kept), values, strict=True)
            yield Condition(dict(named)).only(self.attributes)

    def tiles(self) -> tuple[str, ...]:
        """Return the illuminations of one shot, in the order in which they lie side by side."""
        if IN_STRIP in self.space:
            return self.space[IN_STRIP].values
        return (attributes.STANDARD[IN_STRIP],)

    def conditions(self, shot: Condition) -> Iterator[Condition]:
        """Yield the conditions of a shot's images, each value in the space's spelling and order."""
        names = [name for name in (IN_STRIP, WHEN_READ) if name in self.space]
        for values in product(*(self.space[name].values for name in names)):
            yield self.space.check(shot.replace(dict(zip(names, values, strict=True))))

    def to_json(self) -> dict[str, Any]:
        """Return a form that `from_json` reads back; values are written out."""
        lifted = [photo.to_json() for photo in self.photographs]
        return {
            **({"photographs": lifted} if lifted else {}),
            "identities": self.identities,
            "first_identity": self.first_identity,
            "attributes": list(self.attributes),
            "values": {a.name: list(a.values) for a in self.space.attributes},
            "size": self.size,
            "seed": self.seed,
            "quality": self.quality,
            "reserved": self.reserved,
        }

    @classmethod
    def from_json(cls, data: Any) -> Self:  # noqa: ANN401  JSON is what it is
        """Read what `to_json` wrote.

        Raises:
            DatasetError: The data has another form.
        """
        try:
            values = {str(name): tuple(map(str, given)) for name, given in data["values"].items()}
            return cls(
                identities=int(data["identities"]),
                first_identity=int(data["first_identity"]),
                attributes=tuple(map(str, data["attributes"])),
                values=values,
                size=int(data["size"]),
                seed=int(data["seed"]),
                quality=int(data["quality"]),
                reserved=bool(data["reserved"]),
                photographs=tuple(map(LiftedPhotograph.from_json, data.get("photographs", ()))),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"This is not a request to draw: {data!r} ({error})") from error


def identity_name(number: int) -> str:
    """Return the label of a person: numbers in natural order, however many there are."""
    return f"{number:06d}"


# The twin of the papers' Multi-PIE: 249 people, 7 poses, 20 illuminations. In natural order the
# first 100 are to train on, the other 149 to test on (arXiv 1511.08446, 4.1.2).
STUDIO_249 = DrawRequest(identities=249)


def _mini(identities: int, *names: str, **values: tuple[str, ...]) -> DrawRequest:
    return DrawRequest(
        identities=identities,
        first_identity=RESERVED,
        attributes=names,
        values=values,
        reserved=True,
    )


# The packaged gallery, part by part. No two parts hold the same image: people without accessories,
# neutral and not occluded, are in the first.
STUDIO_MINI: Mapping[str, DrawRequest] = {
    "pose": _mini(24, "pose", "illumination"),
    "accessory": _mini(
        24,
        "pose",
        "accessory",
        pose=("-30", "0", "30"),
        accessory=attributes.ACCESSORIES[1:],
    ),
    "expression": _mini(
        12,
        "expression",
        expression=tuple(name for name in attributes.EXPRESSIONS if name != "neutral"),
    ),
    "age": _mini(12, "age"),
    "occlusion": _mini(24, "occlusion", occlusion=attributes.OCCLUSIONS[1:]),
}
