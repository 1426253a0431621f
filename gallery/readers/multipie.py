"""Read Multi-PIE as the papers use it: session 1, neutral expression, 7 cameras, 20 lights.

A file is named SUBJECT_SESSION_RECORDING_CAMERA_FLASH.png, as in
session01/multiview/001/01/05_1/001_01_01_051_07.png. Only the file's own name is read, so a flat
folder of the same files works too. Recording 01 of session 1 is the neutral expression.

The 20 numbers of the last part are 19 lights: 01 to 18 are the flashes, 00 and 19 are both taken
without any. Both numbers stay, as in the papers' 20,860 test images, and are declared equal.

Landmarks: `landmarks.csv` in the root, or `.pos` files beside the images (gallery/landmarks.py).

Source: Gross, Matthews, Cohn, Kanade, Baker, "Multi-PIE", Image and Vision Computing 28(5), 2010;
the choice of images: Ghodrati et al., BMVC 2016, section 4.1.
"""

import re
from dataclasses import replace
from pathlib import Path

from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from gallery.landmarks import FILE, read_pos
from gallery.marks import marked
from gallery.readers.files import walk

# Head-height cameras from 45 degrees left to 45 degrees right, by the digits of the file name.
YAW_DEG = {
    "080": "-45",
    "130": "-30",
    "140": "-15",
    "051": "0",
    "050": "15",
    "041": "30",
    "190": "45",
}

WITHOUT_FLASH = ("0", "19")

SPACE = AttributeSpace(
    (
        Attribute("pose", tuple(YAW_DEG.values()), unit="degree"),
        Attribute("illumination", tuple(map(str, range(20))), equal=(WITHOUT_FLASH,)),
    )
)

NAME = re.compile(
    r"(?P<subject>\d{3})_(?P<session>\d{2})_(?P<recording>\d{2})_(?P<camera>\d{3})_(?P<flash>\d{2})"
)


def read(spec: str, path: Path) -> FaceSet:
    """Return the images of session 1 below a folder.

    Raises:
        DatasetError: There is no such folder, or no such image below it.
    """
    faces = []
    problems = []
    for entry in walk(path):
        face = _face(entry.name) if entry.name.endswith(".png") else None
        if entry.problem and (face or entry.name.endswith("/")):
            problems.append(entry.as_problem())
        if entry.problem or face is None:
            continue
        points = read_pos((path / face.name).with_suffix(".pos"))
        faces.append(replace(face, landmarks=points))
    if not faces:
        raise DatasetError(
            f"No Multi-PIE image of session 1 under {path}: expected names like"
            " session01/multiview/001/01/05_1/001_01_01_051_07.png."
            " Give the folder that holds session01"
        )
    return marked(
        FaceSet(
            spec=spec,
            root=path,
            faces=tuple(faces),
            space=SPACE,
            problems=tuple(problems),
            landmarks_file=path / FILE,
        )
    )


def _face(name: str) -> Face | None:
    match = NAME.fullmatch(name.rpartition("/")[2].removesuffix(".png"))
    if match is None or (match["session"], match["recording"]) != ("01", "01"):
        return None
    flash = str(int(match["flash"]))
    if match["camera"] not in YAW_DEG or flash not in SPACE["illumination"].values:
        return None
    condition = Condition(pose=YAW_DEG[match["camera"]], illumination=flash)
    return Face(name, match["subject"], condition)
