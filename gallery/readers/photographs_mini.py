"""The packaged photographs: six people of the CMU Face Images (gallery/photographs_mini/README.md).

Source: Tom Mitchell, "CMU Face Images", UCI Machine Learning Repository, 1997, CC BY 4.0.
"""

from dataclasses import replace
from pathlib import Path

from gallery.errors import DatasetError
from gallery.faces import FaceSet
from gallery.readers import folder

MINI = Path(__file__).parent.parent / "photographs_mini"
CREDIT = "Photographs: CMU Face Images, Tom Mitchell, 1997, CC BY 4.0"


def read_mini(spec: str, path: Path = MINI) -> FaceSet:
    """Return the packaged photographs.

    Raises:
        DatasetError: They are missing or damaged.
    """
    if not (path / folder.LABELS).is_file():
        raise DatasetError(f"The packaged photographs are not in {path}; install mindseye again")
    found = folder.read(spec, path)
    return replace(found, notes=(*found.notes, CREDIT))
