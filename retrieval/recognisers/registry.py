"""Face recognisers by name, and how the portraits are cut that each wants.

A recogniser's fingerprint begins with its name. So the fingerprint on a card, or in the contract of
a space, says which one to open; whether what is installed is the very same is checked after.
"""

from collections.abc import Callable

from gallery.detection.face_mesh import FaceMesh
from gallery.portraits import NARROW, WIDE, PortraitForm
from retrieval.recognisers.dlib_resnet import DlibRecogniser
from retrieval.recognisers.sface import FivePointSFace, Recogniser, SFace
from retrieval.recognisers.sface_runtime import TORCH
from retrieval.recognisers.third_party import MissingEmbedderError

DEFAULT = "sface"  # of cards and contracts that name none
RECOGNISERS: dict[str, Callable[[], Recogniser]] = {
    "sface": SFace,
    "sface5": FivePointSFace,
    "dlib": DlibRecogniser,
}
BY_RUNTIME: dict[object, Callable[[str], Recogniser]] = {  # those whose network others run, too
    SFace: SFace,
    FivePointSFace: FivePointSFace,
}
FORMS: dict[str, PortraitForm] = {"sface5": WIDE}  # of all others NARROW


def open_recogniser(name: str = DEFAULT, runtime: str = TORCH) -> Recogniser:
    """Load a recogniser.

    Args:
        name: Its name.
        runtime: What runs its network, "torch" or "openvino"; dlib runs its own.

    Raises:
        MissingEmbedderError: What it needs is not installed; the message says how.
        KeyError: There is no such recogniser.
    """
    opened = RECOGNISERS[name]
    by_runtime = BY_RUNTIME.get(opened)
    return opened() if by_runtime is None else by_runtime(runtime)


def usual_recogniser() -> str:
    """Name the one that new fits take: the best that is installed, or may be."""
    try:
        FaceMesh.require()
    except MissingEmbedderError:
        return DEFAULT
    return "sface5"


def name_in(fingerprint: str) -> str:
    """Return the name of the recogniser that a fingerprint is of.

    Args:
        fingerprint: What a card or a contract says. Where it names none that there is, or is empty,
            the default is returned: whether it fits is checked against what is opened.
    """
    name = fingerprint.partition(" ")[0]
    return name if name in RECOGNISERS else DEFAULT


def form_of(fingerprint: str) -> PortraitForm:
    """Return how portraits are cut for a recogniser, and so for the landmarks beside it.

    Args:
        fingerprint: Its name or fingerprint, as on cards; empty where none is known.
    """
    return FORMS.get(name_in(fingerprint), NARROW)
