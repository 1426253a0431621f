"""A batch of a build: images that are embedded together, written as one shard, told together."""

from dataclasses import dataclass

from gallery.align import Landmarks
from gallery.catalogue.records import ImageState
from index.base import Ids
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.storing import Rows
from retrieval.collection.workers.block import EmbeddedBlock
from retrieval.collection.workers.here import Embedding

ENDLESS = (
    "its embedding holds NaN or infinity: the weights are damaged, or their numbers overflow here"
)


@dataclass(frozen=True, slots=True)
class BuildBatch:
    """A batch that is being embedded.

    Attributes:
        files: How many.
        ids: Images to embed, (n,).
        names: The file that each is read from.
        landmarks: The landmarks by which each image is cut out.
        embedding: What comes of them, in the making; None where n is 0.
        bad: Images that are left out, with reasons.
        counts: What this batch adds to the build's progress.
    """

    files: int
    ids: Ids
    names: tuple[str, ...]
    landmarks: tuple[Landmarks | None, ...]
    embedding: Embedding | None
    bad: tuple[ImageState, ...]
    counts: BuildProgress

    def states(self, made: EmbeddedBlock) -> tuple[list[ImageState], Rows | None]:
        """Return what the catalogue shall know of the images, and their vectors.

        Args:
            made: What came of them.

        Returns:
            States (n), and rows; None where no image can be used.
        """
        refused = sorted(made.refused.items())
        states = [ImageState(int(self.ids[i]), "skipped", why) for i, why in refused]
        vectors = made.vectors
        if vectors is None:
            return states, None
        ids, finite = self.ids[made.used], vectors.finite()
        good_rows = finite[vectors.of]
        rows = None
        if good_rows.any():
            rows = ids[vectors.of[good_rows]], vectors.vectors[good_rows]
        where = [self.landmarks[position] for position in made.used.tolist()]
        views = zip(vectors.estimates, vectors.seconds, vectors.errors.tolist(), strict=True)
        states += [
            ImageState(image_id, "indexed", None, estimate, landmarks, second, error)
            if good
            else ImageState(image_id, "skipped", ENDLESS)
            for good, image_id, landmarks, (estimate, second, error) in zip(
                finite, ids.tolist(), where, views, strict=True
            )
        ]
        return states, rows
