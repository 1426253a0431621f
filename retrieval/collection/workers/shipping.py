"""What is sent to a worker: names of files, or their bytes where it does not see them."""

import hashlib
from dataclasses import replace

from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from retrieval.collection.ingest import ReadFile
from retrieval.collection.workers.block import Block


class Shipping:
    """Makes blocks light for those who read the files themselves, and whole for the others.

    Attributes:
        faces: Whose files.
        note: What the user is told where bytes are sent.
    """

    def __init__(self, faces: FaceSet) -> None:
        self.faces = faces
        self.note = (
            f"Some workers do not see {faces.root}: its files are read here and sent to them; a"
            " folder that every machine sees under this path is faster"
        )

    @property
    def witness(self) -> tuple[str, int] | None:
        """A file by which workers tell whether they see the images, with its size.

        None where images do not lie in files of their own.
        """
        if self.faces.reader is not None:
            return None
        for face in self.faces.faces:
            path = self.faces.path(face)
            try:
                return str(path.absolute()), path.stat().st_size
            except OSError:
                continue
        return None

    def light(self, block: Block) -> Block:
        """Return a block without the bytes of its files."""
        return [(replace(read, content=None), where) for read, where in block]

    def loaded(self, block: Block) -> Block:
        """Return a block with the bytes of its files; without those that have changed since."""
        return [(replace(read, content=self._bytes(read)), where) for read, where in block]

    def _bytes(self, read: ReadFile) -> bytes | None:
        try:
            content = self.faces.read(read.face)
        except ImageError:
            return None
        same = hashlib.sha256(content).hexdigest() == read.offer.sha256
        return content if same else None


def gone(face: Face) -> bytes:
    """Refuse to read a file that was not sent."""
    raise ImageError(f"{face.name} changed while it was being read; build again")
