"""What a worker needs to embed like this process: weights, contract, precision; checked there."""

import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from gallery.attributes import AttributeSpace
from gallery.errors import IndexFileError
from gallery.faces import FaceSet
from gallery.files import write_whole
from generator.canonical import Rule
from generator.device import pick_device, worth_compiling
from generator.engine import Engine
from generator.freed_memory import keep_freed_memory
from generator.student.seeing import student_path
from index.contract import IndexContract
from retrieval.collection.ingest import Reading
from retrieval.collection.workers.block import Block, EmbeddedBlock, GalleryEmbedder
from retrieval.collection.workers.shipping import gone
from retrieval.scoring.scorer import scoring_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecipe:
    """How a worker makes vectors; it is sent to it.

    Attributes:
        weights: The bytes of the space's weights.
        card: Those of their card.
        contract: The space's.
        rule: How canonical views are chosen.
        runtime: What draws in this process, such as "torch, bfloat16": a worker on the same kind of
            device takes the precision over.
        device: "cpu", "cuda" or "auto".
        threads: Of torch; None for as many as it takes by itself.
        images: How many are to be drawn by all.
        root: Folder of the images.
        witness: A file by which a worker tells whether it sees the images, with its size; None
            where their bytes are sent in any case.
        version: Of mindseye, here.
        student: The bytes of the weights' student; None where canonical views are drawn.
    """

    weights: bytes
    card: bytes
    contract: IndexContract
    rule: Rule
    runtime: str
    device: str
    threads: int | None
    images: int
    root: Path
    witness: tuple[str, int] | None
    version: str
    student: bytes | None = None


def own_version() -> str:
    """Return the version of mindseye, or nothing where it is not installed."""
    try:
        return version("mindseye")
    except PackageNotFoundError:
        return ""


def prepare_process(recipe: WorkerRecipe) -> None:
    """Set what concerns a worker's whole process: its threads, and how memory is kept."""
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    keep_freed_memory()


class BlockWorker:
    """Cuts out and embeds blocks by a recipe; lives in the worker's process.

    Attributes:
        sees_images: Whether the files of the build can be read here.
    """

    def __init__(self, recipe: WorkerRecipe) -> None:
        """Open the weights.

        Raises:
            IndexFileError: This machine would make other vectors; the message says why.
            UserError: The weights, or what reads a term of the score, cannot be opened here.
        """
        if own_version() != recipe.version:
            raise IndexFileError(
                f"a worker has mindseye {own_version() or 'of no version'}, the build"
                f" {recipe.version or 'none'}; install the same one on every machine"
            )
        engine = _engine(recipe)
        scoring = scoring_of(engine, recipe.contract)
        scoring.contract(engine.card, recipe.rule).require_same(
            recipe.contract, what="The space of this build"
        )
        self.sees_images = _sees(recipe.witness)
        self._embedder = GalleryEmbedder(engine, recipe.rule, scoring)
        faces = FaceSet(
            spec="sent",
            root=recipe.root,
            faces=(),
            space=AttributeSpace(()),
            reader=None if self.sees_images else gone,
        )
        aligner = engine.card.aligner
        self._reading = Reading(faces, aligner, scoring.portraits(aligner), recipe.threads)

    def embed(self, block: Block) -> EmbeddedBlock:
        """Read, decode, cut out, redraw and embed."""
        return self._embedder.embed(self._reading.align(block))


def _engine(recipe: WorkerRecipe) -> Engine:
    device = pick_device(recipe.device)
    precision = _precision(recipe.runtime) if device.type == "cpu" else None
    with tempfile.TemporaryDirectory(prefix="mindseye-worker-") as folder:
        path = Path(folder) / "weights.safetensors"
        write_whole(path, recipe.weights)
        write_whole(path.with_suffix(".json"), recipe.card)
        compiled = worth_compiling(device, recipe.images)
        engine = Engine.open(path, device, precision=precision, compiled=compiled)
        if recipe.student is not None:
            write_whole(student_path(path), recipe.student)
            engine.student()  # while its file is there
        return engine


def _precision(runtime: str) -> torch.dtype | None:
    """Return the precision that a runtime of torch is named with; None of another one."""
    name = runtime.removeprefix("torch, ")
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(name)


def _sees(witness: tuple[str, int] | None) -> bool:
    if witness is None:
        return False
    path, size = witness
    try:
        return Path(path).stat().st_size == size
    except OSError:
        return False
