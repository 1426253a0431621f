"""Looking at the images of a gallery one by one, a page at a time, and as pictures.

A search is a method of a child, and waits for none of this: it is imported where it is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from gallery.errors import ConfigError
from retrieval.api.gallery_folder import GalleryFolder
from retrieval.api.report import Report

if TYPE_CHECKING:
    from retrieval.api.locating import LocatedFace
    from retrieval.api.sources import Source

LARGEST_PX = 4096


class GalleryImages(GalleryFolder):
    """The images of a collection."""

    def images(
        self,
        where: str | None = None,
        space: str | None = None,
        *,
        after: int = 0,
        limit: int | None = None,
        one_each: bool = False,
    ) -> Iterator[Report]:
        """Yield the images of which an expression is true: id, path, identity, labels, estimate.

        Args:
            where: Like "pose=45 and identity!=ann" (docs/collections.md). None: all.
            space: Whose estimates and states it means. None: the one published last.
            after: Only images whose ids are higher: pages begin after the last one's last.
            limit: At most so many. None: all.
            one_each: Of each person the first image alone; those that nobody named are all kept.

        Raises:
            UserError: It is no expression, or names what is not known.
        """
        from retrieval.collection import show

        rows = show.images_where(
            self._collection(), where, space, after=after, limit=limit, one_each=one_each
        )
        for row in rows:
            yield Report(row, show.image_line(row))

    def count(
        self, where: str | None = None, space: str | None = None, *, one_each: bool = False
    ) -> int:
        """Count the images of which an expression is true.

        Args:
            where: As for `images`. None: all.
            space: Whose estimates and states it means. None: the one published last.
            one_each: Count each person once, and those that nobody named.

        Raises:
            UserError: It is no expression, or names what is not known.
        """
        from retrieval.collection import selection, show

        if where is None and not one_each:
            return self._collection().catalogue.images.count()
        asked = show.ALL if where is None else where
        return len(selection.matching(self._collection(), asked, space, one_each=one_each)[1])

    def image(self, image_id: int, space: str | None = None) -> Report:
        """Say what is known of one image: what `images` yields of it.

        Args:
            image_id: As an answer or `images` gives it.
            space: Whose estimate it means. None: the one published last.

        Raises:
            UserError: The gallery holds no such image, or it was removed.
        """
        from retrieval.collection import show

        row = show.image_row(self._collection(), image_id, space)
        return Report(row, show.image_line(row))

    def picture(self, image_id: int, *, most_px: int = 160, whole: bool = False) -> Image.Image:
        """Open an image of the gallery, smaller, without what its file says of where it was taken.

        Args:
            image_id: Which.
            most_px: Longest side, pixels.
            whole: The whole picture. Otherwise the face, cut out as the newest space cuts it.

        Raises:
            UserError: There is no such image, or its file is gone, damaged, or another one now.
        """
        from retrieval.collection import pictures

        return pictures.picture(self._collection(), image_id, min(most_px, LARGEST_PX), whole=whole)

    def labels(self, most: int = 1000) -> Report:
        """Say which labels there are: whose faces, and which values of which attributes.

        Args:
            most: At most so many people, and values of each attribute.

        Returns:
            "identities", and "attributes": the values of each, by name.
        """
        found = self._collection().catalogue.images.labels(most)
        return Report(found, "\n".join(found["identities"]))

    def label(
        self,
        ids: Sequence[int],
        *,
        identity: str | None = None,
        values: Mapping[str, object] | None = None,
    ) -> list[int]:
        """Set labels of images by hand. What their files say of them no longer counts.

        Args:
            ids: Of the images.
            identity: Whose face they show; "" takes the label away; None leaves it.
            values: Values by attribute, like {"pose": 45}; None takes a label away.

        Returns:
            Ids of the images that were there.

        Raises:
            UserError: Nothing is said, a label cannot be one, or somebody else is writing.
        """
        from gallery.catalogue.labelling import LabelChange

        said = {n: None if v is None else str(v) for n, v in (values or {}).items()}
        change = LabelChange(identity=identity, values=said)
        collection = self._collection()
        with collection.writing():
            return collection.catalogue.images.label(ids, change)

    @property
    def knows_landmarks(self) -> bool:
        """Whether faces of it are cut out by their eyes and chins, which were found or marked."""
        return bool(self.spaces) and self._collection().catalogue.images.has_landmarks()

    def takes_several(self, space: str) -> bool:
        """Say whether a space draws one person from several images.

        Raises:
            UserError: There is no such space, or its weights are missing or damaged.
        """
        from retrieval.search.routing import fuses

        collection = self._collection()
        return fuses(collection, collection.catalogue.spaces.get(space))

    def locate(self, source: "Source") -> "LocatedFace":
        """Look for the face in an image, as the newest space would cut it out.

        Args:
            source: A path, an image that Pillow opened, a photograph, or the id of an image of the
                gallery.

        Raises:
            UserError: The image cannot be used, or the gallery has no space yet.
        """
        from retrieval.api.locating import locate
        from retrieval.api.sources import open_sources
        from retrieval.collection.pictures import newest_aligner

        aligner = newest_aligner(self._collection())
        if aligner is None:
            raise ConfigError("The gallery holds no image yet; add some first")
        (photograph,) = open_sources([source], self._path_of)
        return locate(photograph, aligner)

    def _path_of(self, image_id: int) -> Path:
        return Path(self.image(image_id)["path"])
