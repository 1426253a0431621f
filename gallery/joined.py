"""Several face sets as one, such as drawn people and photographs, to train on together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gallery.align import Crop
from gallery.attributes import Attribute, AttributeSpace, Condition, as_number
from gallery.errors import ConfigError
from gallery.faces import Face, FaceSet, Problem, Unmatched
from gallery.readers.known import PACKAGED

JOINS = " + "  # between the SPECs of a joined set


def join(sets: Sequence[FaceSet]) -> FaceSet:
    """Return several sets as one.

    Images are named "1/NAME", "2/NAME", … by the place of their set. An identity that stands in two
    sets is one person. An attribute that several have holds the values of all. Of one set alone
    nothing is changed.

    Raises:
        ConfigError: The same attribute counts different units, or sets are cut by different crops.
        ValueError: There is no set.
    """
    if not sets:
        raise ValueError("there is no set to join")
    if len(sets) == 1:
        return sets[0]
    spec = JOINS.join(one.spec for one in sets)
    space = AttributeSpace(tuple(_attributes(sets)))
    parts = {str(place): one for place, one in enumerate(sets, start=1)}
    return FaceSet(
        spec=spec,
        root=sets[0].root,
        faces=tuple(
            replace(face, name=f"{place}/{face.name}", condition=_named(face.condition, space))
            for place, one in parts.items()
            for face in one.faces
        ),
        space=space,
        crop=_crop(sets),
        problems=tuple(
            Problem(f"{place}/{found.name}", found.reason)
            for place, one in parts.items()
            for found in one.problems
        ),
        reader=_Reader(parts),
        traits=_Traits(sets) if any(one.traits is not None for one in sets) else None,
        unmatched=tuple(
            Unmatched(found.file, f"{place}/{found.name}", found.reason)
            for place, one in parts.items()
            for found in one.unmatched
        ),
        notes=tuple(note for one in sets for note in one.notes),
    )


def _named(condition: Condition, space: AttributeSpace) -> Condition:
    """Return values by their names in a space: "45" of one set may be "45.0" of another."""
    named = ((name, space[name], value) for name, value in condition.items())
    return Condition({name: known.spell(value) for name, known, value in named})


def part_of(spec: str) -> Callable[[Face], str]:
    """Return what says of an image which set it is of: its number among those of a SPEC."""
    if JOINS in spec:
        return lambda face: face.name.partition("/")[0]
    return lambda _: ""


def refuse_reserved(faces: FaceSet, verb: str) -> None:
    """Refuse packaged sets where somebody wants to learn from them: they are kept for testing.

    Args:
        faces: The images.
        verb: What is refused, such as "trained", for the message.

    Raises:
        ConfigError: One of the SPECs is a packaged set.
    """
    for spec in faces.spec.split(JOINS):
        if spec in PACKAGED:
            raise ConfigError(
                f"{spec} is kept for testing: nothing is {verb} on it. Draw a set of other people:"
                " mindseye studio draw my-set --identities 100"
            )


class _Reader:
    """Reads the images of joined sets."""

    def __init__(self, parts: Mapping[str, FaceSet]) -> None:
        self._parts = parts
        self._faces = {
            f"{place}/{face.name}": face for place, one in parts.items() for face in one.faces
        }

    def __call__(self, face: Face) -> bytes:
        """Return the bytes of a face's image.

        Raises:
            ImageError: The file cannot be read.
        """
        return self._parts[face.name.partition("/")[0]].read(self._faces[face.name])


class _Traits:
    """What the first set that knows a person says of them."""

    def __init__(self, sets: Sequence[FaceSet]) -> None:
        self._sets = [(one.traits, frozenset(one.identities)) for one in sets if one.traits]

    def __call__(self, identity: str) -> Mapping[str, str]:
        for traits, people in self._sets:
            if identity in people:
                return traits(identity)
        return {}


def _crop(sets: Sequence[FaceSet]) -> Crop | None:
    """Return the crop that all sets share, of those whose images have no landmarks."""
    guessed = [one for one in sets if any(face.landmarks is None for face in one.faces)]
    crops = {one.crop for one in guessed}
    if len(crops) > 1:
        names = " and ".join(one.spec for one in guessed)
        raise ConfigError(
            f"{names} are cut by different crops; find their faces first: mindseye data find-faces"
        )
    return next(iter(crops), None)


def _attributes(sets: Sequence[FaceSet]) -> list[Attribute]:
    """Return the attributes of all sets, each with the values of all."""
    found: dict[str, Attribute] = {}
    for one in sets:
        for attribute in one.space.attributes:
            known = found.get(attribute.name)
            found[attribute.name] = attribute if known is None else _merged(known, attribute, one)
    return list(found.values())


def _merged(known: Attribute, more: Attribute, of: FaceSet) -> Attribute:
    if known.unit != more.unit:
        raise ConfigError(
            f"{of.spec} counts {more.name} in {more.unit or 'names'}, another set in"
            f" {known.unit or 'names'}; a protocol with [names] renames the values of a set"
        )
    if known.unit is None:
        values = tuple(dict.fromkeys((*known.values, *more.values)))
    else:
        named = {as_number(value) or 0.0: value for value in (*more.values, *known.values)}
        values = tuple(value for _, value in sorted(named.items()))
    equal = known.equal if set(known.equal) == set(more.equal) else ()
    return replace(known, values=values, equal=equal)
