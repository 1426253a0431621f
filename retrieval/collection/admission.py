"""Admission to a space: which images of the files that were read are to be embedded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.catalogue.records import FileRecord, SpaceRow
from gallery.catalogue.store import Catalogue
from gallery.errors import ImageError
from gallery.faces import Face, FaceSet
from gallery.marks import FACELESS, FacelessError
from retrieval.collection.build_progress import BuildProgress
from retrieval.collection.ingest import ReadFile


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be done about a batch of files.

    Attributes:
        todo: Images to embed, with the file that each is read from.
        refused: Images that are left out although they could be read, with reasons.
        counts: The others.
    """

    todo: dict[int, ReadFile]
    refused: dict[int, str]
    counts: BuildProgress


class Admission:
    """Decides what becomes of files, and registers them.

    Attributes:
        bad_paths: Files that could not be read.
        elsewhere: Faces whose image was found at another place first, with that image.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        faces: FaceSet,
        space: SpaceRow,
        *,
        restore: bool,
        keeps_faceless: bool,
    ) -> None:
        """Prepare for the files of a face set.

        Args:
            catalogue: Of the collection.
            faces: Whose files are read.
            space: That images are taken into.
            restore: Whether images that were removed by hand are taken in again.
            keeps_faceless: Whether images in which no face was found are.
        """
        self.bad_paths: set[str] = set()
        self.elsewhere: list[tuple[Face, int]] = []
        self._catalogue = catalogue
        self._faces = faces
        self._space = space
        self._restore = restore
        self._keeps_faceless = keeps_faceless
        self._faceless: set[int] = set()  # images that this build left out for that

    def choose(self, read: Sequence[ReadFile], in_hand: set[int]) -> Chosen:
        """Register files; return the images to embed, and count the others."""
        offers = [one.offer for one in read]
        image_ids = self._catalogue.images.register(offers)
        if self._forget_moved(offers, image_ids):
            self._catalogue.images.register(offers)  # labels count at the first place: now the new
        present = [image_id for image_id in image_ids if image_id is not None]
        places = self._catalogue.images.paths_of(present)
        there = self._there(present) | in_hand
        removed = self._removed(present)
        refused = self._refused(read, image_ids)
        left_out: dict[int, str] = {}
        todo: dict[int, ReadFile] = {}
        known = duplicates = unreadable = gone = 0
        for one, image_id in zip(read, image_ids, strict=True):
            if image_id is None:
                unreadable += 1
                self.bad_paths.add(one.offer.path)
            elif image_id in removed:
                gone += 1
            elif image_id in refused and image_id not in left_out:
                left_out[image_id] = refused[image_id]
            elif image_id not in left_out and image_id not in todo and image_id not in there:
                todo[image_id] = one
            elif places[image_id][0] != one.offer.path:
                duplicates += 1
                self.elsewhere.append((one.face, image_id))
            else:
                known += 1
        counts = BuildProgress(
            len(read), 0, 0, known, unreadable, duplicates=duplicates, removed=gone
        )
        return Chosen(todo, left_out, counts)

    def _refused(self, read: Sequence[ReadFile], image_ids: Sequence[int | None]) -> dict[int, str]:
        """Return why images are left out whose face nobody knows: none was found, or elsewhere.

        That bytes hold no face is known of them in whichever folder they lie.
        """
        reasons: dict[int, ImageError] = {}
        present = [image_id for image_id in image_ids if image_id is not None]
        if not self._keeps_faceless:
            looked_at = self._catalogue.spaces.left_out(present, FACELESS)
            looked_at |= self._faceless & set(present)
            reasons = {image_id: FacelessError() for image_id in looked_at}
        for one, image_id in zip(read, image_ids, strict=True):
            if image_id is not None and one.refused is not None and not self._keeps(one.refused):
                reasons[image_id] = one.refused
        known = self._catalogue.images.landmarks(list(reasons))
        refused = {image_id: why for image_id, why in reasons.items() if image_id not in known}
        self._faceless |= {i for i, why in refused.items() if isinstance(why, FacelessError)}
        return {image_id: str(why) for image_id, why in refused.items()}

    def _keeps(self, refused: ImageError) -> bool:
        return self._keeps_faceless and isinstance(refused, FacelessError)

    def _there(self, image_ids: Sequence[int]) -> set[int]:
        """Return the images that are indexed, and cut out as they would be now."""
        states = self._catalogue.spaces.states(self._space.id, image_ids)
        indexed = {image_id for image_id, state in states.items() if state == "indexed"}
        return indexed - self._catalogue.spaces.cut_anew(self._space.id, image_ids)

    def _removed(self, image_ids: Sequence[int]) -> set[int]:
        """Return the images that were removed by hand and stay so."""
        removed = self._catalogue.images.removed_by_hand(image_ids)
        if removed and self._restore:
            self._catalogue.images.restore(sorted(removed))
            return set()
        if removed:
            known = self._catalogue.spaces.states(self._space.id, sorted(removed))
            self._catalogue.spaces.place_removed(self._space.id, sorted(removed - known.keys()))
        return removed

    def _forget_moved(self, offers: Sequence[FileRecord], image_ids: Sequence[int | None]) -> bool:
        """Forget the old places of images that were found at a new one; say if there were any."""
        if self._faces.reader is not None:
            return False
        offered = {i: offer.path for i, offer in zip(image_ids, offers, strict=True) if i}
        gone = [
            path
            for image_id, paths in self._catalogue.images.paths_of(list(offered)).items()
            for path in paths
            if path != offered[image_id] and not Path(path).exists()
        ]
        self._catalogue.images.forget(gone)
        return bool(gone)
