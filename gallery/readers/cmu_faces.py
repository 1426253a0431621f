"""Read the UCI "CMU Face Images".

A file is named faces/USER/USER_POSE_EXPRESSION_EYES[_SCALE].pgm, as in
faces/an2i/an2i_left_angry_open_4.pgm; SCALE 2 is half and 4 a quarter of the size. ASCII and binary
PGM occur. Of each shot the largest size that is there is taken.

Landmarks: `landmarks.csv` in the folder, or `ARCHIVE.landmarks.csv` beside the archive
(gallery/landmarks.py).

Source: Tom Mitchell, "CMU Face Images", UCI Machine Learning Repository, 1997, CC BY 4.0.
"""

import re
from pathlib import Path

from gallery.align import Crop
from gallery.archives import is_archive, unpacked
from gallery.attributes import Attribute, AttributeSpace, Condition
from gallery.errors import DatasetError
from gallery.faces import Face, FaceSet
from gallery.landmarks import FILE, beside
from gallery.marks import marked
from gallery.readers.files import walk

SIDE = (
    "pose=left and pose=right are the sitter's: at left the nose points to the right edge of the"
    " picture, as at pose=-45 of other sets."
)

SPACE = AttributeSpace(
    (
        Attribute("pose", ("straight", "left", "right", "up"), side=SIDE),
        Attribute("expression", ("neutral", "happy", "sad", "angry")),
        Attribute("eyes", ("open", "sunglasses")),
    )
)

# The square that frames the heads of all four poses, found on contact sheets of all 624 images:
# 26,6,80,80 of 128 x 120 pixels.
CROP = Crop(26 / 128, 6 / 120, 80 / 128, 80 / 120)

NAME = re.compile(
    r"(?P<user>[^_]+)_(?P<pose>straight|left|right|up)_(?P<expression>neutral|happy|sad|angry)"
    r"_(?P<eyes>open|sunglasses)(_(?P<scale>[24]))?"
)


def read(spec: str, path: Path) -> FaceSet:
    """Return the shots below a folder, or in the archive that holds it.

    Raises:
        DatasetError: There is no such folder, or no file is named as above.
    """
    packed = path.is_file() and is_archive(path)
    root, landmarks_file = (unpacked(path), beside(path)) if packed else (path, path / FILE)
    shots: dict[tuple[str, Condition], tuple[int, str]] = {}
    problems = []
    for entry in walk(root):
        match = NAME.fullmatch(entry.stem) if entry.name.endswith(".pgm") else None
        if entry.problem and (match or entry.name.endswith("/")):
            problems.append(entry.as_problem())
        if entry.problem or match is None:
            continue
        shot = (match["user"], Condition({n: match[n] for n in SPACE.names}))
        candidate = (int(match["scale"] or 1), entry.name)
        shots[shot] = min(shots.get(shot, candidate), candidate)
    if not shots:
        raise DatasetError(
            f"No CMU Face Image under {path}: expected names like"
            " faces/an2i/an2i_left_angry_open.pgm. Give the folder that holds faces/, or the"
            " archive"
        )
    faces = tuple(Face(name, user, condition) for (user, condition), (_, name) in shots.items())
    return marked(
        FaceSet(
            spec=spec,
            root=root,
            faces=faces,
            space=SPACE,
            crop=CROP,
            problems=tuple(problems),
            landmarks_file=landmarks_file,
        )
    )
