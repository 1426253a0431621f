"""Read KDEF, the Karolinska Directed Emotional Faces: 70 people, 7 expressions, 5 angles, twice.

A file is named SGNNEEAA.JPG, as in KDEF/AF01/AF01ANFL.JPG: session A or B, gender F or M, number
01 to 35, expression, angle. Sessions A and B of one gender and number show one person, who is
called F01 to F35 or M01 to M35. Names in lower case are read, too.

Two files have wrong names in the set that is handed out, and are read under the right ones. Ten are
known to be damaged (black, or black in part), and left out. The averaged faces that come with the
set (AKDEF) show nobody, and are left out.

Sources: Lundqvist, Flykt, Öhman, "The Karolinska Directed Emotional Faces - KDEF", Karolinska
Institutet, 1998; its letters: kdef.se, "About AKDEF" and "About KDEF". Wrong names and damaged
files: those who prepare the set say them alike (public scripts that rename AF31V to AF31SAHL and
AM31H to AM31SUHR, and lists of "black" or "bugged" images).
"""

import re
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face, FaceSet, Problem
from gallery.readers.shots import Known, PublishedSet, read_shots, with_space

COLLECTION = PublishedSet(
    title="KDEF",
    suffixes=("jpg", "jpeg", "png"),
    example="KDEF/AF01/AF01ANFL.JPG",
    folder="the folder that holds KDEF",
    licence="The set is for researchers and non-commercial use; ask for it at https://kdef.se",
)
EXPRESSIONS = {
    "AF": "afraid",
    "AN": "angry",
    "DI": "disgusted",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprised",
}
# A left profile shows the left side of the face: the camera stands on the sitter's left.
YAW_DEG = {"FL": "90", "HL": "45", "S": "0", "HR": "-45", "FR": "-90"}
SIDE = (
    "pose=90 is KDEF's full left profile (FL), taken to show the left side of the face, so that the"
    " nose points to the left edge of the picture; by the words of the set, not by its pictures:"
    " look at one (--sheet FILE.png)."
)
SPACE = AttributeSpace(
    (
        Attribute("pose", tuple(reversed(YAW_DEG.values())), unit="degree", side=SIDE),
        Attribute("expression", tuple(EXPRESSIONS.values())),
    )
)

MISNAMED = {"AF31V": "AF31SAHL", "AM31H": "AM31SUHR"}
DAMAGED = frozenset(
    (
        *("AF01SUFR", "AF10AFFR", "AF11NEHL", "AF20DIHL", "AM25DIFL", "AM34DIFR"),
        *("BF13NEHR", "BM21DIFL", "BM22DIHL", "BM24DIFL"),
    )
)
IS_DAMAGED = "known to be black, or black in part"
AVERAGED = "an averaged face (AKDEF), which is nobody's"

NAME = re.compile(
    r"(?P<session>[AB])(?P<who>[FM](0[1-9]|[12]\d|3[0-5]))(?P<expression>AF|AN|DI|HA|NE|SA|SU)"
    r"(?P<angle>FL|HL|S|HR|FR)"
)
AVERAGE_NAME = re.compile(r"[FM](AF|AN|DI|HA|NE|SA|SU)(FL|HL|S|HR|FR)")


def read(spec: str, path: Path) -> FaceSet:
    """Return the photographs below a folder.

    Raises:
        DatasetError: There is no such folder, or no file is named as above.
    """
    faces = read_shots(spec, path, COLLECTION, _known)
    stems = {_stem(face.name) for face in faces.faces}
    # Who has put a name right may have left the wrong one beside it.
    twice = {wrong for wrong, right in MISNAMED.items() if {wrong, right} <= stems}
    beside = (face for face in faces.faces if _stem(face.name) in twice)
    left_out = (Problem(one.name, f"{_meant(one.name)} once more, misnamed") for one in beside)
    kept = faces.where(lambda face: _stem(face.name) not in twice)
    notes = (
        f"{face.name} is read as {_meant(face.name)}: its name is known to be wrong"
        for face in kept.faces
        if _stem(face.name) in MISNAMED
    )
    problems = (*faces.problems, *left_out)
    return with_space(replace(kept, problems=problems, notes=tuple(notes), traits=_traits), SPACE)


def _meant(name: str) -> str:
    return MISNAMED.get(_stem(name), _stem(name))


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0].upper()


def _known(name: str) -> Known:
    stem = _stem(name)
    if AVERAGE_NAME.fullmatch(stem):
        return AVERAGED
    if stem in DAMAGED:
        return IS_DAMAGED
    match = NAME.fullmatch(_meant(name))
    if match is None:
        return None
    condition = Condition(pose=YAW_DEG[match["angle"]], expression=EXPRESSIONS[match["expression"]])
    return Face(name, match["who"], condition)


def _traits(identity: str) -> dict[str, str]:
    return {"sex": {"F": "female", "M": "male"}[identity[0]]}
