"""A block: images that are cut out, redrawn and embedded together, in this process or elsewhere.

Shapes: n images of a block, R vectors of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from gallery.align import Landmarks
from gallery.errors import ImageError
from generator.canonical import Rule
from generator.drawer import Drawer
from index.base import Ids
from retrieval.collection.ingest import AlignedFace, ReadFile
from retrieval.scoring.scorer import GalleryVectors, Scoring

Block = Sequence[tuple[ReadFile, Landmarks | None]]  # each file, and where its face is


@dataclass(frozen=True, slots=True)
class EmbeddedBlock:
    """What came of a block.

    Attributes:
        size: How many images it has, n.
        vectors: Of the images that could be used, in their order; None where none could.
        refused: Why the others could not, by position in the block.
        notes: What the user should know of a file, by position in the block.
    """

    size: int
    vectors: GalleryVectors | None
    refused: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def used(self) -> Ids:
        """Positions in the block of the images that could be used, rising."""
        return np.array([i for i in range(self.size) if i not in self.refused], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class GalleryEmbedder:
    """Makes the vectors of images that are cut out, under one contract.

    Attributes:
        engine: Draws.
        rule: How canonical views are chosen.
        scoring: What the vectors are made of.
    """

    engine: Drawer
    rule: Rule
    scoring: Scoring

    def embed(self, found: Sequence[AlignedFace | ImageError]) -> EmbeddedBlock:
        """Embed the faces of a block; of some there may be only the reason why they are not."""
        refused = {i: str(one) for i, one in enumerate(found) if isinstance(one, ImageError)}
        cuts = [one for one in found if isinstance(one, AlignedFace)]
        notes = {
            i: one.notes
            for i, one in enumerate(found)
            if isinstance(one, AlignedFace) and one.notes
        }
        vectors = self._vectors(cuts) if cuts else None
        return EmbeddedBlock(len(found), vectors, refused, notes)

    def _vectors(self, cuts: Sequence[AlignedFace]) -> GalleryVectors:
        portraits = [cut.portrait for cut in cuts if cut.portrait is not None]
        return self.scoring.gallery(
            self.engine,
            np.stack([cut.pixels for cut in cuts]),
            np.stack(portraits) if portraits else None,
            self.rule,
        )


def without_bytes(block: Block) -> Block:
    """Return a block of which every file is read again where it is embedded."""
    return [(replace(read, content=None), where) for read, where in block]


def refusing(block: Block, reason: str) -> EmbeddedBlock:
    """Return what comes of a block of which no image can be used."""
    return EmbeddedBlock(len(block), None, dict.fromkeys(range(len(block)), reason))


def joined(parts: Sequence[EmbeddedBlock]) -> EmbeddedBlock:
    """Return what came of a block that was embedded in parts, in their order."""
    starts = np.cumsum([0] + [part.size for part in parts])[:-1].tolist()
    refused = {at + i: why for at, part in zip(starts, parts, strict=True) for i, why in _of(part)}
    notes = {at + i: n for at, p in zip(starts, parts, strict=True) for i, n in p.notes.items()}
    made = [part.vectors for part in parts if part.vectors is not None]
    vectors = _one_after_the_other(made) if made else None
    return EmbeddedBlock(sum(part.size for part in parts), vectors, refused, notes)


def _of(part: EmbeddedBlock) -> list[tuple[int, str]]:
    return list(part.refused.items())


def _one_after_the_other(made: Sequence[GalleryVectors]) -> GalleryVectors:
    starts = np.cumsum([0] + [len(one.errors) for one in made])[:-1]
    return GalleryVectors(
        np.concatenate([one.vectors for one in made]),
        cast("Ids", np.concatenate([one.of + at for one, at in zip(made, starts, strict=True)])),
        tuple(estimate for one in made for estimate in one.estimates),
        tuple(second for one in made for second in one.seconds),
        np.concatenate([one.errors for one in made]),
    )
