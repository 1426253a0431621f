"""A gallery that is drawn at once: photographs of noise, and weights nobody trained."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gallery.align import Aligner
from gallery.attributes import Attribute, AttributeSpace
from gallery.readers.registry import open_faces
from generator.card import Card
from generator.checkpoint import save_weights
from generator.engine import Engine
from generator.networks.registry import architecture
from generator.networks.two_stage import initialise
from retrieval.collection.build import build
from retrieval.collection.collection import Collection
from retrieval.collection.workers.opening import Workers

SIDE = 36


@dataclass(frozen=True)
class Small:
    """Where the gallery is.

    Attributes:
        photos: Its folder of photographs.
        weights: The file of its weights.
    """

    photos: Path
    weights: Path

    @classmethod
    def make(cls, root: Path, count: int) -> "Small":
        """Draw the photographs and write the weights, unless they are there."""
        made = cls(root / "photos", root / "weights" / "weights.safetensors")
        made.photos.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        for number in range(count):
            noise = random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
            Image.fromarray(noise).save(made.photos / f"{number:06}.png")
        if not made.weights.exists():
            made.weights.parent.mkdir(exist_ok=True)
            made._write_weights()
        return made

    def _write_weights(self) -> None:
        space = AttributeSpace((Attribute("pose", ("-45", "0", "45")),))
        network = architecture("two-stage-32").build(space.size, {})
        initialise(network, torch.Generator().manual_seed(0))
        card = Card(
            name="small",
            architecture="two-stage-32",
            space=space,
            aligner=Aligner(size=32, channels=1),
            mean=(110.0,),
            deviation=(60.0,),
        )
        save_weights(self.weights, network, card)

    def build(self, root: Path, workers: Workers | None, at: str | None = None) -> int:
        """Build, or go on; return how many images were embedded now.

        Args:
            root: Folder of the collection.
            workers: Who embeds; None for this process.
            at: Address of its engine; None for its folder.
        """
        engine = Engine.open(self.weights, torch.device("cpu"), precision=torch.float32)
        collection = Collection.open_or_create(root, engine=at)
        try:
            with collection.writing():
                faces = open_faces(f"folder:{self.photos}")
                *_, last = build(collection, faces, engine, self.weights, workers=workers)
        finally:
            collection.close()
        return last.indexed
