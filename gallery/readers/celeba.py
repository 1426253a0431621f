"""Read CelebA: 202,599 photographs of 10,177 people, 40 attributes that are there or not.

The images lie in Img/img_align_celeba/000001.jpg (aligned; or img_align_celeba_png), the labels in
Anno/list_attr_celeba.txt, Anno/identity_CelebA.txt and Eval/list_eval_partition.txt; all may lie in
the folder itself, too. `list_attr_celeba.txt`: a count, a line of 40 names, then a line for each
image with 1 or -1 for each name. The other two: a name and a number a line; of the partition 0, 1
and 2 are train, valid and test. Without identities or partitions nothing is known of them.

Every attribute has the values "no" (-1) and "yes" (1), and CelebA's name in small letters, as in
`eyeglasses` and `five-o-clock-shadow`. Three more are put together from them: `accessory` (none,
glasses, hat; not known of who wears both), `hair` (black, blond, brown, gray, bald; where one of
them alone is said), and `partition`.

Source: Liu, Luo, Wang, Tang, "Deep learning face attributes in the wild", ICCV 2015; layout: the
README of the set, and torchvision.datasets.CelebA, which reads the same files.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet, Unmatched
from gallery.readers.shots import Known, PublishedSet, read_shots, with_space

COLLECTION = PublishedSet(
    title="CelebA",
    suffixes=("jpg", "png"),
    example="Img/img_align_celeba/000001.jpg",
    folder="the folder that holds Anno, Eval and Img",
    licence=(
        "The set is for research that is not commercial; it is found at"
        " https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    ),
)
ATTRIBUTES, PEOPLE, PARTITIONS = (
    "list_attr_celeba.txt",
    "identity_CelebA.txt",
    "list_eval_partition.txt",
)
PARTS = {"0": "train", "1": "valid", "2": "test"}
SIGNS = {"-1": "no", "1": "yes"}
HAIR = {
    "black-hair": "black",
    "blond-hair": "blond",
    "brown-hair": "brown",
    "gray-hair": "gray",
    "bald": "bald",
}
ACCESSORIES = {"eyeglasses": "glasses", "wearing-hat": "hat"}
PUT_TOGETHER = (
    Attribute("accessory", ("none", *ACCESSORIES.values())),
    Attribute("hair", tuple(HAIR.values())),
    Attribute("partition", tuple(PARTS.values())),
)
NUMBER = re.compile(r"\d{6}")


def read(spec: str, path: Path) -> FaceSet:
    """Return the photographs below a folder that `list_attr_celeba.txt` names.

    Raises:
        DatasetError: There is no such folder or file, no photograph is named in it, or a line is
            not of its form.
    """
    found = {name: _file(path, name) for name in (ATTRIBUTES, PEOPLE, PARTITIONS)}
    labels = found[ATTRIBUTES]
    if labels is None:
        read_shots(spec, path, COLLECTION, Face)  # what is missing comes first
        raise DatasetError(
            f"There is no {ATTRIBUTES} in {path} or {path / 'Anno'}; it comes with the images, see"
            " docs/data.md"
        )
    names, conditions = _attributes(labels)
    people, parts = _numbers(found[PEOPLE]), _numbers(found[PARTITIONS])
    seen: set[str] = set()

    def known(name: str) -> Known:
        stem = name.rpartition("/")[2].rpartition(".")[0]
        if not NUMBER.fullmatch(stem):
            return None
        if stem not in conditions:
            return f"{ATTRIBUTES} has no line for it"
        if stem in seen:
            return "its number is another image's, too, which is read"
        seen.add(stem)
        part = {"partition": PARTS[parts[stem]]} if parts.get(stem) in PARTS else {}
        return Face(name, people.get(stem), conditions[stem].replace(part))

    faces = read_shots(spec, path, COLLECTION, known)
    gone = (f"{stem}.jpg" for stem in conditions if stem not in seen)
    strays = tuple(Unmatched(ATTRIBUTES, name, "names no image") for name in gone)
    space = (*PUT_TOGETHER, *(Attribute(name, tuple(SIGNS.values())) for name in names))
    return with_space(replace(faces, unmatched=strays), AttributeSpace(space))


def _file(root: Path, name: str) -> Path | None:
    places = (root / name, root / "Anno" / name, root / "Eval" / name)
    return next((place for place in places if place.is_file()), None)


def _attributes(file: Path) -> tuple[tuple[str, ...], Mapping[str, Condition]]:
    """Return the names of the attributes, and what is known of each image, by its number."""
    lines = _lines(file)
    _, head = next(lines, (0, ())), next(lines, (0, ()))
    names = tuple(_spelt(name) for name in head[1])
    if not names:
        raise DatasetError(f"{file}: a count and a line of names are expected first")
    conditions = {}
    for number, (image, *signs) in lines:
        if len(signs) != len(names) or not {*signs} <= SIGNS.keys():
            raise DatasetError(f"{file}:{number}: expected an image and {len(names)} times 1 or -1")
        values = {name: SIGNS[sign] for name, sign in zip(names, signs, strict=True)}
        conditions[image.partition(".")[0]] = Condition(_put_together(values) | values)
    return names, conditions


def _put_together(values: Mapping[str, str]) -> dict[str, str]:
    worn = [word for name, word in ACCESSORIES.items() if values.get(name) == "yes"]
    hair = [word for name, word in HAIR.items() if values.get(name) == "yes"]
    known = {"accessory": worn[0] if worn else "none"} if len(worn) < 2 else {}
    return known | ({"hair": hair[0]} if len(hair) == 1 else {})


def _spelt(name: str) -> str:
    return name.lower().replace("_", "-").replace("5-o-", "five-o-")


def _numbers(file: Path | None) -> dict[str, str]:
    """Return the second word of each line by the number of its image; nothing without the file."""
    if file is None:
        return {}
    numbers = {}
    for line, words in _lines(file):
        if len(words) != 2 or not words[1].isdecimal():
            raise DatasetError(f"{file}:{line}: expected an image and a number")
        numbers[words[0].partition(".")[0]] = words[1]
    return numbers


def _lines(file: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the lines that hold something: their number and their words."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not text in UTF-8; fetch it again") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if words := line.split():
            yield number, words
