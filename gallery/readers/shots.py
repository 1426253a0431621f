"""Collections whose files say by their names what they show: what readers of these share."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gallery.attributes import AttributeSpace
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Problem
from gallery.landmarks import FILE
from gallery.marks import marked
from gallery.readers.files import walk

NAMED = 5  # files left out for one reason that are named; of more, the others are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSet:
    """What people call a collection, and how they come by it.

    Attributes:
        title: Its name.
        suffixes: Of its images, in lower case, without dots.
        example: Where one of its images stands, below the folder to give.
        folder: The folder to give.
        licence: Who may use it, and where it is asked for; a sentence without its stop.
    """

    title: str
    suffixes: tuple[str, ...]
    example: str
    folder: str
    licence: str

    def nothing(self, path: Path) -> DatasetError:
        """Return what is to be said of a folder that holds no image of the collection."""
        return DatasetError(
            f"No image of {self.title} under {path}: expected names like {self.example}. Give"
            f" {self.folder}. {self.licence}; see docs/data.md"
        )


# What a name says: an image, why the file is left out, or None where the name is not understood.
Known = Face | str | None


def read_shots(
    spec: str, path: Path, collection: PublishedSet, known: Callable[[str], Known]
) -> FaceSet:
    """Return the images below a folder by their names; the space is to be filled in.

    Args:
        spec: As the user wrote it.
        path: The folder.
        collection: What is expected there.
        known: Says what the name of a file, relative to the folder, means.

    Raises:
        DatasetError: There is no such folder, or no image of the collection below it.
    """
    faces, problems = [], []
    for entry in walk(path):
        is_image = entry.name.lower().endswith(tuple(f".{one}" for one in collection.suffixes))
        if entry.problem and (is_image or entry.name.endswith("/")):
            problems.append(entry.as_problem())
        elif is_image and not entry.problem:
            found = known(entry.name)
            if isinstance(found, Face):
                faces.append(found)
                continue
            other = f"not a name of {collection.title}, like {collection.example}"
            problems.append(Problem(entry.name, found or other))
    if not faces:
        raise collection.nothing(path)
    return FaceSet(
        spec=spec,
        root=path,
        faces=tuple(faces),
        space=AttributeSpace(()),
        problems=counted(problems),
        landmarks_file=path / FILE,
    )


def with_space(faces: FaceSet, space: AttributeSpace) -> FaceSet:
    """Return the faces with those values of a space that occur, and what landmark files say."""
    seen: dict[str, set[str]] = defaultdict(set)
    for face in faces.faces:
        for name, value in face.condition.items():
            seen[name].add(value)
    occurring = (
        replace(one, values=tuple(value for value in one.values if value in seen[one.name]))
        for one in space
        if seen[one.name]
    )
    return marked(replace(faces, space=AttributeSpace(tuple(occurring))))


def counted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems, of those for one reason the first few; the last of these counts the rest."""
    alike: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        alike[problem.reason].append(problem)
    return tuple(kept for group in alike.values() for kept in _some(group))


def _some(group: Sequence[Problem]) -> Iterable[Problem]:
    if len(group) <= NAMED:
        return group
    last = group[NAMED - 1]
    more = len(group) - NAMED
    return (
        *group[: NAMED - 1],
        replace(last, reason=f"{last.reason} (and {more} more such files)"),
    )
