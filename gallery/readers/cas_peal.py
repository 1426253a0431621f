"""Read CAS-PEAL-R1: 1,040 people; pose, expression, accessories, light, distance, session, ground.

A file has twelve parts, as in
FRONTAL/Accessory/FO_000270_IEU+00_PM+00_EN_A1_D0_T0_BB_M0_R1_S0.tif: sex and age (FO), person
(000270), light (I: kind, height, azimuth), pose (P: height, azimuth), expression (E), accessory
(A), distance (D), session (T), ground (B), and three that say nothing of what is seen (M, R:
whether it may be published, S). Where R stands, a D stands in at least one file; that part is not
looked at.

The sign of an azimuth turns over here: the eye positions that come with the set (FaceFP_2.txt) lie
farther right in the picture from +22 to +67, and closer together, so that at +45 the nose points to
the right edge, which is -45 of the other sets. Eyes lie lower at PD and higher at PU: the sitter
looks down, and up.

Sources: Gao et al., "The CAS-PEAL large-scale Chinese face database and baseline evaluations", IEEE
Transactions on Systems, Man, and Cybernetics A 38(1), 2008; parts of the names, and the file with a
D: bob.db.caspeal (Idiap), `models.py`; eye positions of person 000001: quoted in public code.
"""

import re
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.faces import Face, FaceSet
from gallery.readers.shots import Known, PublishedSet, read_shots, with_space

COLLECTION = PublishedSet(
    title="CAS-PEAL-R1",
    suffixes=("tif", "tiff", "bmp", "jpg", "png"),
    example="FRONTAL/Accessory/FO_000270_IEU+00_PM+00_EN_A1_D0_T0_BB_M0_R1_S0.tif",
    folder="the folder that holds FRONTAL and POSE",
    licence=(
        "The set is for research under a signed agreement; ask for it at http://www.jdl.ac.cn/peal/"
    ),
)
YAWS_DEG = ("-90", "-67", "-45", "-30", "-22", "-15", "0", "15", "22", "30", "45", "67", "90")
SIDE = (
    "pose=45 is PM-45 of CAS-PEAL: the nose points to the left edge of the picture; at +45, by the"
    " eye positions of the set, to the right edge."
)
TILTS = {"U": "up", "M": "level", "D": "down"}
EXPRESSIONS = {  # its letters, and the words of the other sets where they have one
    "N": "neutral",
    "L": "happy",  # laughing
    "F": "frowning",
    "S": "surprised",
    "C": "eyes-closed",
    "O": "mouth-open",
}
ACCESSORIES = ("none", "hat-1", "hat-2", "hat-3", "glasses-1", "glasses-2", "glasses-3")
GROUNDS = {"B": "blue", "R": "red", "D": "dark", "Y": "yellow", "W": "white"}
LIGHTS = tuple(
    f"{kind}{height}{azimuth}"
    for kind in "EFL"  # ambient, fluorescent, incandescent
    for height in "UMD"
    for azimuth in ("-90", "-45", "+00", "+45", "+90")
)
SPACE = AttributeSpace(
    (
        Attribute("pose", YAWS_DEG, unit="degree", side=SIDE),
        Attribute("tilt", tuple(TILTS.values())),
        Attribute("expression", tuple(EXPRESSIONS.values())),
        Attribute("accessory", ACCESSORIES),
        Attribute("illumination", LIGHTS),
        Attribute("distance", ("0", "1", "2")),
        Attribute("session", ("0", "1", "2")),
        Attribute("background", tuple(GROUNDS.values())),
    )
)
NAME = re.compile(
    r"(?P<sex>[FM])(?P<age>[YMO])_(?P<who>\d{6})_I(?P<light>[EFL][UMD][+-]\d{2})"
    r"_P(?P<tilt>[UMD])(?P<azimuth>[+-]\d{2})_E(?P<expression>[NLFSCO])_A(?P<accessory>[0-6])"
    r"_D(?P<distance>[0-2])_T(?P<session>[0-2])_B(?P<ground>[BRDYW])_M\d_[A-Z]\d_S\d"
)
SEXES = {"F": "female", "M": "male"}
AGES = {"Y": "young", "M": "middle-aged", "O": "old"}


def read(spec: str, path: Path) -> FaceSet:
    """Return the photographs below a folder.

    Raises:
        DatasetError: There is no such folder, or no file is named as above.
    """
    traits: dict[str, dict[str, str]] = {}

    def known(name: str) -> Known:
        match = NAME.fullmatch(name.rpartition("/")[2].rpartition(".")[0])
        if match is None:
            return None
        yaw_deg = str(-int(match["azimuth"]))
        if yaw_deg not in YAWS_DEG or match["light"] not in LIGHTS:
            return None
        traits[match["who"]] = {"sex": SEXES[match["sex"]], "age group": AGES[match["age"]]}
        condition = Condition(
            pose=yaw_deg,
            tilt=TILTS[match["tilt"]],
            expression=EXPRESSIONS[match["expression"]],
            accessory=ACCESSORIES[int(match["accessory"])],
            illumination=match["light"],
            distance=match["distance"],
            session=match["session"],
            background=GROUNDS[match["ground"]],
        )
        return Face(name, match["who"], condition)

    faces = read_shots(spec, path, COLLECTION, known)
    return with_space(replace(faces, traits=traits.__getitem__), SPACE)
