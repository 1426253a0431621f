"""Read CFEE, Compound Facial Expressions of Emotion: 230 people, basic and compound expressions.

A file is named NN_PPP_SSSS.jpg, as in CFEE_Database_230/01-04/Images1/03_190_8097.jpg: expression
01 to 26, person, shot. 01 is neutral. What the other numbers mean stands in the set's own table,
sheet "summary" of AU_annotation_all_subjects.xls, whose first two columns are number and name.
Saved as `categories.csv` in the folder that is given, it names them; else they are called by their
numbers.

Source: Du, Tao, Martinez, "Compound facial expressions of emotion", PNAS 111(15), 2014; folders,
names, and where the table is: public code that reads the set (2CET-GAN, complex-FER).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from gallery.readers.shots import Known, PublishedSet, read_shots, with_space

COLLECTION = PublishedSet(
    title="CFEE",
    suffixes=("jpg", "jpeg", "png"),
    example="CFEE_Database_230/01-04/Images1/03_190_8097.jpg",
    folder="the folder CFEE_Database_230",
    licence=(
        "The set is handed out for research on request; ask for it at"
        " https://cbcsl.ece.ohio-state.edu/compound.html"
    ),
)
TABLE = "categories.csv"
NEUTRAL = "01"
NUMBERS = tuple(f"{number:02d}" for number in range(1, 27))
# Words of the table and of the papers for what the other sets call otherwise.
WORDS = {
    **dict.fromkeys(("anger", "angry"), "angry"),
    **dict.fromkeys(("disgust", "disgusted"), "disgusted"),
    **dict.fromkeys(("fear", "fearful", "afraid"), "afraid"),
    **dict.fromkeys(("happiness", "happy"), "happy"),
    **dict.fromkeys(("sadness", "sad"), "sad"),
    **dict.fromkeys(("surprise", "surprised"), "surprised"),
}
NAME = re.compile(r"(?P<number>\d{2})_(?P<who>\d{3})_\d+")


def read(spec: str, path: Path) -> FaceSet:
    """Return the photographs below a folder.

    Raises:
        DatasetError: There is no such folder, no file is named as above, or a line of
            `categories.csv` is not a number and a name.
    """
    names = _names(path / TABLE)

    def known(name: str) -> Known:
        match = NAME.fullmatch(name.rpartition("/")[2].rpartition(".")[0])
        if match is None or match["number"] not in NUMBERS:
            return None
        return Face(name, match["who"], Condition(expression=names[match["number"]]))

    faces = read_shots(spec, path, COLLECTION, known)
    nameless = sorted({face.condition["expression"] for face in faces.faces} & {*NUMBERS})
    if nameless:
        note = (
            f"expressions called by their numbers: {', '.join(nameless)}; save the sheet"
            f' "summary" of AU_annotation_all_subjects.xls as {path / TABLE}: it names them'
        )
        faces = replace(faces, notes=(note,))
    values = tuple(dict.fromkeys(names.values()))
    return with_space(faces, AttributeSpace((Attribute("expression", values),)))


def _names(file: Path) -> Mapping[str, str]:
    """Return the word for every number; the number itself where none is known."""
    names = {number: number for number in NUMBERS} | {NEUTRAL: "neutral"}
    if not file.is_file():
        return names
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{file} is not text in UTF-8; save it as CSV UTF-8") from error
    table = [(at, re.split("[,;\t]", line)) for at, line in enumerate(lines, 1) if line.strip()]
    if table and not table[0][1][0].strip(' "').isdecimal():
        table = table[1:]  # headings
    return names | dict(_named(cells, f"{file}:{number}") for number, cells in table)


def _named(cells: Sequence[str], where: str) -> tuple[str, str]:
    first, second, *_ = (*(cell.strip(' "').lower() for cell in cells), "", "")
    number, name = first.zfill(2), "-".join(second.split())
    if number not in NUMBERS or not name:
        raise DatasetError(f"{where}: a number from 1 to 26 and a name are needed, like 2,Happy")
    return number, WORDS.get(name, name)
