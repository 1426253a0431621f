"""Face recognisers by name.

A recogniser's fingerprint begins with its name. So the fingerprint on a card, or in the contract of
a space, says which one to open; whether what is installed is the very same is checked after.
"""

from collections.abc import Callable

from retrieval.recognisers.dlib_resnet import DlibRecogniser
from retrieval.recognisers.sface import Recogniser, SFace

DEFAULT = "sface"
RECOGNISERS: dict[str, Callable[[], Recogniser]] = {"sface": SFace, "dlib": DlibRecogniser}


def open_recogniser(name: str = DEFAULT) -> Recogniser:
    """Load a recogniser.

    Raises:
        MissingEmbedderError: What it needs is not installed; the message says how.
        KeyError: There is no such recogniser.
    """
    return RECOGNISERS[name]()


def name_in(fingerprint: str) -> str:
    """Return the name of the recogniser that a fingerprint is of.

    Args:
        fingerprint: What a card or a contract says. Where it names none that there is, or is empty,
            the default is returned: whether it fits is checked against what is opened.
    """
    name = fingerprint.partition(" ")[0]
    return name if name in RECOGNISERS else DEFAULT
