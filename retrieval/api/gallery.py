"""A gallery: images that are searched by drawing, in a collection on disk.

A search starts without what builds and changes a collection: that is imported where it is used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.align import Crop
from gallery.errors import ConfigError
from gallery.wishes import Wishes
from retrieval.api import asking
from retrieval.api.answer import Answer
from retrieval.api.asking import CanonicalView, SourceFace, WishDrawing
from retrieval.api.gallery_images import GalleryImages
from retrieval.api.open_spaces import OpenSpaces
from retrieval.api.progress import Callback
from retrieval.api.sources import Source, Wish, open_sources, spelt
from retrieval.collection.collection import Collection
from retrieval.search.crops import parse_crop
from retrieval.search.result import Among
from retrieval.search.routing import space_with

if TYPE_CHECKING:
    from gallery.faces import FaceSet
    from retrieval.api.additions import Added, Paths, SpaceSource


class Gallery(GalleryImages):
    """Images that can be searched; made by `mindseye.open_gallery`.

    It is a context manager: at its end the collection is closed.

    Attributes:
        path: Folder of the collection.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        catalogue: str | None = None,
        engine: str | None = None,
        device: str,
        runtime: str = "auto",
    ) -> None:
        super().__init__(path, create=create, catalogue=catalogue, engine=engine)
        self._device = device
        self._searchers = OpenSpaces(device, runtime)

    def close(self) -> None:
        """Close the collection."""
        self._searchers.clear()
        super().close()

    def add(  # noqa: PLR0913  one argument for each option of the command line
        self,
        faces: "str | FaceSet",
        *,
        weights: "Paths | None" = None,
        attributes: Sequence[str] = (),
        spaces: Sequence[str] | None = None,
        split: str = "all",
        landmarks: str | Path | None = None,
        kind: str | None = None,
        memory: str | None = None,
        accuracy: float | None = None,
        refine_best: int | None = None,
        score: str | None = None,
        hypotheses: str | None = None,
        profile: str | None = None,
        restore: bool = False,
        keep_faceless: bool | None = None,
        workers: int | None = None,
        ray: str | None = None,
        canonical: str | None = None,
        progress: Callback | None = None,
    ) -> "tuple[Added, ...]":
        """Add images; only what is new is embedded, as images are known by their content.

        Args:
            faces: A SPEC, such as "folder:photos", or what `load_faces` returned.
            weights: Packaged names, folders or files: a space for each. None: those of the spaces
                there are; of a gallery without one, packaged weights that fit the images.
            attributes: What will be wished for: chooses packaged weights.
            spaces: Add to these alone, with the weights that each keeps.
            split: "all", "train" (people on the card of the weights) or "test" (the others).
            landmarks: File of landmarks, beside those of the SPEC.
            kind: Kind of the index: exact, flat, ivf, hnsw, fp16, sq8, pq, rabitq or auto. None: as
                before, or exact.
            memory: What the index may hold in memory, for "auto", like "2GB".
            accuracy: Share of the ten nearest that an approximate kind shall find.
            refine_best: Refine only so many first drawings. None: as before, or all.
            score: "drawing", "drawing+values" or "fused". None: as before, or the fullest that was
                fitted for the weights and is installed.
            hypotheses: "1", "2", "2 within M" or "auto". None: as before, or auto.
            profile: Which profile of the weights' card scores and confidence are of, such as
                "photographs". None: as before, or the one that suits the images.
            restore: Take in again what was removed by hand.
            keep_faceless: Take in images in which no face was found, too. None: as before, or not.
            workers: Processes that draw, of one thread each, or actors of a cluster. None: this
                process, or one actor for each processor or GPU of the cluster (docs/scale.md).
            ray: Draw on a Ray cluster: "local" for one of this machine, "auto" for the one that
                runs here, or its address (extra "ray").
            canonical: Who makes canonical views: "drawn" (the weights draw them), "student" (their
                student sees them, much faster) or "auto" (the student where it was measured to lose
                little). None: as before, or drawn.
            progress: Told how far it is. What it raises ends the build after the batch in hand.

        Returns:
            What came of it, a space after the other.

        Raises:
            UserError: Something that the caller can put right; what was finished is kept.
        """
        from index.kinds import request_for
        from retrieval.api import additions
        from retrieval.api.faces import load_faces
        from retrieval.collection.workers.opening import workers_asked

        options = additions.AddOptions(
            split=split,
            request=request_for(kind, memory, accuracy),
            refine_best=refine_best,
            score=score,
            hypotheses=hypotheses,
            profile=profile,
            restore=restore,
            keep_faceless=keep_faceless,
            workers=workers_asked(workers, ray, self._device),
            canonical=canonical,
        )
        if spaces is not None and (weights is not None or attributes):
            raise ConfigError("Spaces keep their own weights; give spaces or weights, not both")
        opened = load_faces(faces, landmarks)
        paths = additions.choose_weights(opened, weights, attributes)
        if not paths and spaces is None and not self.spaces:
            paths = additions.packaged_for(opened)
        sources = [self._source(path, opened) for path in paths]
        if sources:
            additions.require_score(sources, options, is_new=not self.path.exists())
        collection = self._collection(make=True)
        with collection.writing():
            self._searchers.clear()
            given = sources or self._own(collection, spaces, opened)
            return tuple(
                additions.add_to_space(collection, opened, one, options, progress) for one in given
            )

    def _own(
        self, collection: Collection, spaces: Sequence[str] | None, faces: "FaceSet"
    ) -> "Iterator[SpaceSource]":
        """Open the weights that spaces keep, one after the other."""
        for name in spaces or collection.space_names():
            path = collection.weights_path(collection.catalogue.spaces.get(name).name)
            yield self._source(path, faces)

    def _source(self, path: Path, faces: "FaceSet") -> "SpaceSource":
        from retrieval.api.additions import SpaceSource, open_engine

        return SpaceSource(path, open_engine(path, self._device, images=len(faces)))

    def search(  # noqa: PLR0913  one argument for each option of the command line
        self,
        source: Source | Sequence[Source],
        wish: Wish,
        k: int = 10,
        *,
        crop: str | Crop | None = None,
        where: str | None = None,
        exclude_source: bool = False,
        min_score: float | None = None,
        space: str | None = None,
        weights: str | None = None,
    ) -> Answer:
        """Find the images that come closest to a wished one.

        Args:
            source: A path, an image that Pillow opened, what `mindseye.open_photograph` returned,
                or the id of an image of this gallery; several of one person for weights that fuse
                them.
            wish: What is wished for: {"pose": 45}, or like "pose=45"; with a weight, "pose=45 *
                0.5"; what must not be, "not accessory=sunglasses" (docs/scoring.md).
            k: How many images, at least 1.
            crop: Where the face is: "X,Y,W,H" in pixels or shares up to 1, or "face" to look for it
                (extra "faces"). None: as the gallery cuts this image, or else the weights' own.
            where: Only images of which this is true, like "identity != ann" (docs/collections.md).
            exclude_source: Leave out the source images themselves.
            min_score: Leave out what scores lower.
            space: Which space answers. None: the most recent one that can.
            weights: Refuse a space that was not made with these.

        Raises:
            UserError: Something that the caller can put right: an unknown wish, a file that is no
                image, a damaged index.
        """
        self._require_some(k)
        Among(where=where, min_score=min_score)  # refused before anything is read
        face = self.see(source, wish, crop=crop, space=space, weights=weights)
        (drawing,) = self.draw([(face, wish)])
        return self.find(
            drawing, k, where=where, exclude_source=exclude_source, min_score=min_score
        )

    def see(
        self,
        source: Source | Sequence[Source],
        wish: Wish = (),
        *,
        crop: str | Crop | None = None,
        space: str | None = None,
        weights: str | None = None,
        attribute: str | None = None,
    ) -> SourceFace:
        """Cut out the face that is asked about, as a space sees it: the first step of a search.

        Args:
            source: As for `search`.
            wish: What will be wished for: chooses the space.
            crop: Where the face is; as for `search`.
            space: Which space. None: the most recent one that can draw the wish.
            weights: Refuse a space that was not made with these.
            attribute: One of which every value may be wished for: the space must have it.

        Raises:
            UserError: As `search` does.
        """
        where, wishes = parse_crop(crop), spelt(wish)
        wished = Wishes.parse(wishes) if wishes else None
        collection = self._collection()
        if attribute is not None:
            wished = None if wished is None else wished.without(attribute)
            space = space_with(collection, attribute, wished, space)
        photographs = open_sources(source, self._path_of)
        searcher = self._searchers.find(
            collection, wished, space, weights, together=len(photographs) > 1
        )
        face = asking.see(searcher, photographs, where)
        return replace(face, notes=(*face.notes, *self._searchers.untold(searcher)))

    def draw(self, asked: Sequence[tuple[SourceFace, Wish]]) -> list[WishDrawing]:
        """Draw wishes: the second step of a search. Those of one space are drawn in one pass.

        Args:
            asked: Faces that `see` returned, and what is wished for.

        Raises:
            UserError: A wish is unknown in the space that saw the face.
        """
        return asking.draw(
            [(face, face.searcher.wishes(Wishes.parse(spelt(wish)))) for face, wish in asked]
        )

    def find(
        self,
        drawing: WishDrawing,
        k: int = 10,
        *,
        where: str | None = None,
        exclude_source: bool = False,
        min_score: float | None = None,
    ) -> Answer:
        """Find the images that come closest to a drawing: the last step of a search.

        Args:
            drawing: One that `draw` returned; it can be searched with again.
            k: How many images, at least 1.
            where: Only images of which this is true.
            exclude_source: Leave out the source images themselves.
            min_score: Leave out what scores lower.

        Raises:
            UserError: As `search` does.
        """
        self._require_some(k)
        face = drawing.face
        exclude = face.require_contents() if exclude_source else ()
        among = Among(where=where, min_score=min_score, exclude=exclude)
        return asking.find(drawing, k, among)

    def embed(self, drawings: Sequence[WishDrawing]) -> None:
        """Make what drawings are searched with, those of one space in one pass.

        `find` makes it for one drawing; who searches with many saves time by this step before.

        Args:
            drawings: What `draw` returned.

        Raises:
            UserError: The weights are damaged.
        """
        asking.embed(drawings)

    def redraw(self, face: SourceFace) -> CanonicalView:
        """Redraw a face as it is: as a gallery keeps it, its canonical view.

        Args:
            face: What `see` returned.

        Raises:
            UserError: The weights cannot say what it shows.
        """
        return asking.redraw(face)

    def is_current(self, face: SourceFace) -> bool:
        """Say whether a space still sees a face so: whether what was drawn of it still holds.

        It does not where the space was built anew, or its card has changed.
        """
        return self._searchers.is_current(self._collection(), face.searcher)

    @staticmethod
    def _require_some(k: int) -> None:
        if k < 1:
            raise ConfigError(f"k is how many images are wanted, at least 1; got {k}")
