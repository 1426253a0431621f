"""A face set: the images of a SPEC, and what is known of each. Pixels are read when asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path

from PIL import Image

from gallery import images
from gallery.align import Crop, Landmarks
from gallery.attributes import Attribute, AttributeSpace, Condition, as_number, natural_key
from gallery.errors import ConfigError, DatasetError, did_you_mean
from gallery.spelling import composed


@dataclass(frozen=True, slots=True)
class Face:
    """One image: a record, without its pixels.

    Attributes:
        name: Path relative to the root of its set, with forward slashes.
        identity: Whose face it is, or None if nobody said.
        condition: What is known of the image's attributes; may be empty.
        landmarks: Where the face is, if known.
        looked_at: SHA-256 of the bytes in which landmarks, or no face, were found; None where they
            were written by hand, or nobody looked.
    """

    name: str
    identity: str | None = None
    condition: Condition = field(default_factory=Condition)
    landmarks: Landmarks | None = None
    looked_at: str | None = None

    @property
    def is_faceless(self) -> bool:
        """Whether its bytes were looked at, and hold no face."""
        return self.landmarks is None and self.looked_at is not None


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not among the faces, and why.

    Attributes:
        name: Path relative to the root.
        reason: For the user.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A line of labels or landmarks that names no image.

    Attributes:
        file: Name of the file in which it stands.
        name: What it names.
        reason: Why that is no image, or which one is meant, for the user.
    """

    file: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """The images that a SPEC names.

    Attributes:
        spec: As the user wrote it.
        root: Folder that names are relative to.
        faces: In the reader's order, which decides ties in rankings.
        space: Attributes, and the values that the reader knows.
        crop: Where faces stand in images without landmarks; None is the centre square.
        problems: Files left out by the reader, with reasons.
        reader: Returns the bytes of a face's image, where they do not lie in a file of their own.
        traits: Returns what is known of a person, like "ancestry"; None if nothing is.
        landmarks_file: Where landmarks are read from, if that file is there; None where faces are
            aligned already.
        unmatched: Lines of labels and landmarks that name no image.
        notes: What was taken otherwise than it is written, for the user.
    """

    spec: str
    root: Path
    faces: tuple[Face, ...]
    space: AttributeSpace
    crop: Crop | None = None
    problems: tuple[Problem, ...] = ()
    reader: Callable[[Face], bytes] | None = None
    traits: Callable[[str], Mapping[str, str]] | None = None
    landmarks_file: Path | None = None
    unmatched: tuple[Unmatched, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def identities(self) -> tuple[str, ...]:
        """Everybody in the set, in natural order ("s2" before "s10")."""
        known = {face.identity for face in self.faces if face.identity is not None}
        return tuple(sorted(known, key=lambda who: natural_key(composed(who))))

    def path(self, face: Face) -> Path:
        """Return where a face's file is."""
        return self.root / face.name

    def read(self, face: Face) -> bytes:
        """Return the bytes of a face's image file: what its SHA-256 is taken of.

        Raises:
            ImageError: The file cannot be read.
        """
        return self.reader(face) if self.reader else images.read_file(self.path(face))

    def load(self, face: Face) -> Image.Image:
        """Decode a face's photograph, upright.

        Raises:
            ImageError: The file cannot be used.
        """
        return images.decode(self.read(face))

    def of(self, identities: Iterable[str]) -> "FaceSet":
        """Return the part of the set that shows these people."""
        wanted = set(map(composed, identities))
        return self.where(lambda f: f.identity is not None and composed(f.identity) in wanted)

    def without(self, identities: Iterable[str]) -> "FaceSet":
        """Return the part that does not show these people; the unlabelled stay."""
        unwanted = set(map(composed, identities))
        return self.where(lambda f: f.identity is None or composed(f.identity) not in unwanted)

    def where(self, wanted: Callable[[Face], bool]) -> "FaceSet":
        """Return the part of the set whose faces are wanted."""
        return replace(self, faces=tuple(face for face in self.faces if wanted(face)))

    def renamed(self, values: Mapping[str, Mapping[str, str]]) -> "FaceSet":
        """Return the faces with some values under other names; values without one are left out.

        Args:
            values: Of each attribute concerned: own value -> new name. Two may get the same name.

        Raises:
            ConfigError: The set has no such attribute or value.
        """
        attributes = list(self.space.attributes)
        for name, named in values.items():
            if name not in self.space or not named:
                raise ConfigError(
                    f"{self.spec} has no attribute {name!r} with values to rename;"
                    f" {did_you_mean(name, self.space.names)}"
                )
            known = self.space[name]
            for value in named:
                if value not in known.values:
                    raise ConfigError(
                        f"{self.spec}: {name} has no value {value!r};"
                        f" {did_you_mean(value, known.values)}"
                    )
            renamed = tuple(sorted(set(named.values()), key=natural_key))
            unit = known.unit if all(as_number(value) is not None for value in renamed) else None
            equal = tuple(tuple({named[v]: 0 for v in g if v in named}) for g in known.equal)
            attributes[attributes.index(known)] = Attribute(name, renamed, unit, equal)
        kept = (
            face
            for face in self.faces
            if all(face.condition.get(name, "") in named for name, named in values.items())
        )
        faces = tuple(
            replace(
                face,
                condition=face.condition.replace(
                    {name: named[face.condition[name]] for name, named in values.items()}
                ),
            )
            for face in kept
        )
        return replace(self, faces=faces, space=AttributeSpace(tuple(attributes)))

    def labelled(self, attributes: Iterable[str]) -> "FaceSet":
        """Return the faces with an identity and a value for each of these attributes.

        Raises:
            DatasetError: There is none; the message says what is missing.
        """
        names = tuple(attributes)
        known = tuple(
            face
            for face in self.faces
            if face.identity is not None and all(name in face.condition for name in names)
        )
        if not known:
            raise DatasetError(
                f"{self.spec} has no image with an identity and {' and '.join(names)};"
                " labels are needed: see `mindseye data show --help`"
            )
        return replace(self, faces=known)

    def counts(self) -> dict[str, Counter[str]]:
        """Count the images of each value of each attribute."""
        counted: dict[str, Counter[str]] = {
            attribute.name: Counter(dict.fromkeys(attribute.values, 0))
            for attribute in self.space.attributes
        }
        for face in self.faces:
            for name, value in face.condition.items():
                counted[name][value] += 1
        return counted

    def grid_size(self) -> int:
        """Return how many images the full grid of identities and values would hold."""
        return len(self.identities) * prod(len(a.values) for a in self.space.attributes)

    def holes(self) -> list[tuple[str, Condition]]:
        """List the cells of the grid, identity by condition, that no image fills.

        The whole grid is walked: ask `grid_size` first.
        """
        if not self.space.attributes:
            return []
        filled = {(face.identity, face.condition) for face in self.faces}
        names = self.space.names
        cells = product(self.identities, *(a.values for a in self.space.attributes))
        grid = ((who, Condition(dict(zip(names, values, strict=True)))) for who, *values in cells)
        return [cell for cell in grid if cell not in filled]


def first_identities(faces: FaceSet, wanted: str) -> tuple[str, ...]:
    """Choose the identities to train on: the first ones in natural order.

    Args:
        faces: The set to split.
        wanted: A whole number N, the first N people; or a share like "0.7", rounded to the
            nearest person.

    Raises:
        ConfigError: It is no such number, or would leave nobody to train on.
    """
    people = faces.identities
    try:
        count = int(wanted) if wanted.isdecimal() else round(_share(wanted) * len(people))
    except ValueError:
        count = 0
    if not 1 <= count <= len(people):
        raise ConfigError(
            f"--train-identities takes 1..{len(people)} or a share like 0.7, got {wanted!r}"
        )
    return people[:count]


def fold_identities(faces: FaceSet, fold: str) -> tuple[str, ...]:
    """Choose the identities to train on: everybody but one fold.

    The people, in natural order, are cut into N runs of equal length; the last run takes the
    remainder too. Fold K/N trains on all but the K-th run: of 20 people 3 folds train on 14, 14
    and 12.

    Args:
        faces: The set to split.
        fold: "K/N" with 1 <= K <= N, like "1/3".

    Raises:
        ConfigError: It is not K/N, or there are fewer people than folds.
    """
    number, _, total = fold.partition("/")
    people = faces.identities
    valid = number.isdecimal() and total.isdecimal() and 2 <= int(total) <= len(people)
    if not valid or not 1 <= int(number) <= int(total):
        raise ConfigError(
            f"--fold takes K/N, 2 <= N <= {len(people)} people, like 1/3; got {fold!r}"
        )
    length = len(people) // int(total)
    start = (int(number) - 1) * length
    end = len(people) if int(number) == int(total) else start + length
    return people[:start] + people[end:]


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError(text)
    return share
