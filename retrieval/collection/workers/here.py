"""Blocks embedded in this process: cut out by threads that read, drawn by one thread."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol, Self

from retrieval.collection.ingest import Reading
from retrieval.collection.workers.block import Block, EmbeddedBlock, GalleryEmbedder

Embedding = Future[EmbeddedBlock]


class Embedders(Protocol):
    """What a build gives blocks to. Used as a context."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def submit(self, block: Block) -> Embedding:
        """Have a block embedded; return what it will be."""

    def due(self, given: Sequence[Embedding | None], *, wait: bool) -> int | None:
        """Return the place of the block to be written next; None if none need be yet.

        Args:
            given: The blocks in hand, in the order in which they were given; None of those of which
                nothing is embedded.
            wait: There are no more to come.
        """

    def drop(self, embedding: Embedding) -> bool:
        """Give up a block that nobody has begun with; say whether it was one."""

    def notes(self) -> list[str]:
        """Return what the user should know, and was not told."""


class EmbedderHere:
    """Embeds one block after the other, while the next one is read and cut out."""

    def __init__(self, embedder: GalleryEmbedder, reading: Reading) -> None:
        self._embedder = embedder
        self._reading = reading
        self._pencil = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pencil.shutdown()

    def submit(self, block: Block) -> Embedding:
        """Cut the faces of a block out, and have them embedded."""
        return self._pencil.submit(self._embedder.embed, self._reading.align(block))

    def due(self, given: Sequence[Embedding | None], *, wait: bool) -> int | None:
        """Return the first block as soon as there are two."""
        return 0 if len(given) > 1 or (wait and given) else None

    def drop(self, _: Embedding) -> bool:
        """Give nothing up: the block in hand is cut out, and soon embedded."""
        return False

    def notes(self) -> list[str]:
        """Return nothing."""
        return []
