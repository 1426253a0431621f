"""Read RaFD, the Radboud Faces Database: 67 people, 8 expressions, 5 cameras, 3 directions of gaze.

A file is named RafdCCC_NN_GROUP_SEX_EXPRESSION_GAZE.jpg, as in
Rafd090_01_Caucasian_female_angry_frontal.jpg: camera 000 to 180 by 45, number of the person. All
files lie in one folder.

The angle of a camera is measured around the sitter: 090 looks into the face. Counted as angles are,
against the clock from the sitter's right hand, 045 stands on the sitter's right and sees a nose
that points to the right edge of the picture; so do those who call Rafd045 "right" and Rafd135
"left".

Source: Langner et al., "Presentation and validation of the Radboud Faces Database", Cognition and
Emotion 24(8), 2010; names: rafd.socsci.ru.nl, and public code that reads them (StarGAN's and its
heirs'); "right" and "left": the scripts of Plat, which take vectors of either side from them.
"""

import re
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face, FaceSet
from gallery.readers.shots import Known, PublishedSet, read_shots, with_space

COLLECTION = PublishedSet(
    title="RaFD",
    suffixes=("jpg", "jpeg", "png"),
    example="Rafd090_01_Caucasian_female_angry_frontal.jpg",
    folder="the folder that holds the pictures",
    licence=(
        "The set is for research at accredited universities; ask for it at"
        " https://rafd.socsci.ru.nl"
    ),
)
YAW_DEG = {"000": "-90", "045": "-45", "090": "0", "135": "45", "180": "90"}
SIDE = (
    "pose=45 is camera 135 of RaFD, and its nose is taken to point to the left edge of the picture;"
    " by how others use the set, not by its pictures: look at one (--sheet FILE.png)."
)
# Its own words, and those of the other sets.
EXPRESSIONS = {
    "angry": "angry",
    "contemptuous": "contemptuous",
    "disgusted": "disgusted",
    "fearful": "afraid",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprised": "surprised",
}
SPACE = AttributeSpace(
    (
        Attribute("pose", tuple(YAW_DEG.values()), unit="degree", side=SIDE),
        Attribute("expression", tuple(sorted(EXPRESSIONS.values()))),
        Attribute("gaze", ("left", "frontal", "right")),
    )
)
NAME = re.compile(
    r"rafd(?P<camera>000|045|090|135|180)_(?P<who>\d{2})_(?P<group>[a-z]+)_(?P<sex>female|male)"
    rf"_(?P<expression>{'|'.join(EXPRESSIONS)})_(?P<gaze>left|frontal|right)"
)


def read(spec: str, path: Path) -> FaceSet:
    """Return the photographs below a folder.

    Raises:
        DatasetError: There is no such folder, or no file is named as above.
    """
    traits: dict[str, dict[str, str]] = {}

    def known(name: str) -> Known:
        match = NAME.fullmatch(name.rpartition("/")[2].rpartition(".")[0].lower())
        if match is None:
            return None
        traits[match["who"]] = {"group": match["group"], "sex": match["sex"]}
        condition = Condition(
            pose=YAW_DEG[match["camera"]],
            expression=EXPRESSIONS[match["expression"]],
            gaze=match["gaze"],
        )
        return Face(name, match["who"], condition)

    faces = read_shots(spec, path, COLLECTION, known)
    return with_space(replace(faces, traits=traits.__getitem__), SPACE)
