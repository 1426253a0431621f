"""Picture what you are looking for, then find it: the Python front door.

>>> import mindseye
>>> with mindseye.open_gallery("my-faces", create=True) as gallery:  # doctest: +SKIP
...     gallery.add("folder:photos", weights="pose-mindseye-60")
...     answer = gallery.search("me.jpg", {"pose": 45})

The names in `__all__` are what other programs may rely on (docs/python.md, docs/adr/0019); the
packages below are not. What a user can put right is raised as a `UserError`, whose message says the
next step. Importing this module loads no torch: that comes with the first call.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.errors import UserError

if TYPE_CHECKING:
    from gallery.faces import FaceSet
    from gallery.readers.registry import Photograph
    from retrieval.api.adapting import Adapted, adapt
    from retrieval.api.additions import Added
    from retrieval.api.answer import Answer
    from retrieval.api.asking import CanonicalView, SourceFace, WishDrawing
    from retrieval.api.benchmark import Benchmark, benchmark
    from retrieval.api.demonstration import Demonstration, demo, demo_gallery
    from retrieval.api.distilling import StudentReport, distil, measure_student
    from retrieval.api.faces import find_faces
    from retrieval.api.fit import FitResult, fit
    from retrieval.api.gallery import Gallery
    from retrieval.api.gallery_folder import Removed
    from retrieval.api.generator import Generator
    from retrieval.api.locating import LocatedFace
    from retrieval.api.progress import Callback, Progress
    from retrieval.api.reasons import Reasons
    from retrieval.api.report import Report
    from retrieval.api.training import train
    from retrieval.api.weights import WeightsCard, WeightsList, list_weights, show_weights

__all__ = [
    "Adapted",
    "Added",
    "Answer",
    "Benchmark",
    "CanonicalView",
    "Demonstration",
    "FaceSet",
    "FitResult",
    "Gallery",
    "Generator",
    "LocatedFace",
    "Photograph",
    "Progress",
    "Reasons",
    "Removed",
    "Report",
    "SourceFace",
    "StudentReport",
    "UserError",
    "WeightsCard",
    "WeightsList",
    "WishDrawing",
    "adapt",
    "benchmark",
    "demo",
    "demo_gallery",
    "distil",
    "find_faces",
    "fit",
    "import_gallery",
    "list_weights",
    "load_faces",
    "load_generator",
    "measure_student",
    "open_gallery",
    "open_photograph",
    "show_weights",
    "train",
]

_PLACES = {  # loaded when somebody asks: they bring torch
    "Adapted": "retrieval.api.adapting",
    "Added": "retrieval.api.additions",
    "Answer": "retrieval.api.answer",
    "Benchmark": "retrieval.api.benchmark",
    "CanonicalView": "retrieval.api.asking",
    "Demonstration": "retrieval.api.demonstration",
    "FaceSet": "gallery.faces",
    "FitResult": "retrieval.api.fit",
    "Gallery": "retrieval.api.gallery",
    "Generator": "retrieval.api.generator",
    "Photograph": "gallery.readers.registry",
    "Progress": "retrieval.api.progress",
    "LocatedFace": "retrieval.api.locating",
    "Reasons": "retrieval.api.reasons",
    "Removed": "retrieval.api.gallery_folder",
    "Report": "retrieval.api.report",
    "SourceFace": "retrieval.api.asking",
    "StudentReport": "retrieval.api.distilling",
    "WeightsCard": "retrieval.api.weights",
    "WeightsList": "retrieval.api.weights",
    "WishDrawing": "retrieval.api.asking",
    "adapt": "retrieval.api.adapting",
    "benchmark": "retrieval.api.benchmark",
    "demo": "retrieval.api.demonstration",
    "demo_gallery": "retrieval.api.demonstration",
    "distil": "retrieval.api.distilling",
    "find_faces": "retrieval.api.faces",
    "fit": "retrieval.api.fit",
    "list_weights": "retrieval.api.weights",
    "measure_student": "retrieval.api.distilling",
    "show_weights": "retrieval.api.weights",
    "train": "retrieval.api.training",
}


def __getattr__(name: str) -> object:
    """Load a public name."""
    if name not in _PLACES:
        raise AttributeError(f"module 'mindseye' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


def open_gallery(
    path: str | Path,
    *,
    create: bool = False,
    catalogue: str | None = None,
    engine: str | None = None,
    device: str = "auto",
    runtime: str = "auto",
) -> "Gallery":
    """Open a gallery: images that can be searched, in a folder on disk.

    Args:
        path: Folder of the collection.
        create: Make it, if it is not there, when something is first added.
        catalogue: URL of the database for the catalogue of a new collection; None: SQLite.
        engine: Address of what searches a new collection, like "postgresql://me@host/faces"
            (docs/engines.md); None: its folder.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        runtime: What draws for searches: "auto", "torch" or "openvino" (extra "fast"). "auto" takes
            OpenVINO where it agrees with torch and is faster, or what MINDSEYE_RUNTIME says.

    Raises:
        UserError: There is no such collection, or it cannot be opened.
    """
    from retrieval.api.gallery import Gallery

    return Gallery(
        Path(path),
        create=create,
        catalogue=catalogue,
        engine=engine,
        device=device,
        runtime=runtime,
    )


def import_gallery(
    archive: str | Path,
    path: str | Path,
    *,
    device: str = "auto",
    progress: "Callback | None" = None,
) -> "Gallery":
    """Make a gallery of an exported one. Every file is checked, and it appears complete.

    Args:
        archive: A tar file that `Gallery.export` wrote.
        path: Folder of the new collection.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told how far it is. What it raises ends it, and nothing is left.

    Raises:
        UserError: It is no such file, or a damaged one; or there is something at the path.
    """
    from retrieval.api.gallery import Gallery
    from retrieval.api.gallery_folder import unpack

    unpack(Path(archive), Path(path), progress)
    return Gallery(Path(path), device=device)


def load_faces(
    spec: "str | FaceSet | Sequence[str | FaceSet]", landmarks: str | Path | None = None
) -> "FaceSet":
    """Open the images that a SPEC names, with what is known of each; pixels are read when needed.

    Args:
        spec: READER:PATH, such as "folder:photos", or "studio-mini" (docs/data.md). Of several the
            images are taken together; an identity that stands in two of them is one person.
        landmarks: File of landmarks of the first, beside those that its reader reads.

    Raises:
        UserError: The reader is unknown, or finds nothing at the path.
    """
    from retrieval.api.faces import load_faces as load

    return load(spec, landmarks)


def open_photograph(
    content: bytes, name: str = "upload", *, most_pixels: int = 100_000_000
) -> "Photograph":
    """Open the bytes of an image file that somebody sent, to ask about it.

    Args:
        content: A whole file of a known format.
        name: What messages call it.
        most_pixels: Width times height above which it is refused before it is decoded.

    Raises:
        UserError: It is no image, a damaged one, or too large.
    """
    from retrieval.api.sources import open_upload

    return open_upload(content, name, most_pixels=most_pixels)


def load_generator(weights: str | Path, *, device: str = "auto") -> "Generator":
    """Open weights to draw, estimate and embed with.

    Args:
        weights: Packaged name, folder of a run, or file; `mindseye weights list` names those that
            are packaged.
        device: Where to draw: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        UserError: There are no such weights, or they are damaged.
    """
    from retrieval.api.generator import load_generator as load

    return load(weights, device)
