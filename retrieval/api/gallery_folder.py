"""Looking after a gallery: what it holds, whether it is sound, what goes, carrying it elsewhere.

A search is a method of a child, and waits for none of this: it is imported where it is used.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gallery.errors import ConfigError
from retrieval.api.progress import Callback, follow, follow_each
from retrieval.api.report import Report
from retrieval.collection import address
from retrieval.collection.collection import Collection

if TYPE_CHECKING:
    from retrieval.api.additions import Paths


class Removed(list[int]):
    """Ids of images that were removed, or would be.

    Attributes:
        notes: What the user should know: such as equal files that are labelled as two people.
    """

    def __init__(self, ids: Sequence[int], notes: Sequence[str] = ()) -> None:
        super().__init__(ids)
        self.notes = tuple(notes)


class GalleryFolder:
    """A collection on disk.

    Attributes:
        path: Its folder.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        catalogue: str | None = None,
        engine: str | None = None,
    ) -> None:
        self.path = path
        self._create = create
        self._catalogue = catalogue
        self._engine = engine
        self._opened: Collection | None = None
        if not create or address.has_catalogue(path):
            self._collection()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    def close(self) -> None:
        """Close the collection."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def spaces(self) -> list[str]:
        """Names of the spaces, the most recently published first."""
        if not address.has_catalogue(self.path):
            return []
        return [space.name for space in self._collection().catalogue.spaces.all()]

    def show(self) -> Report:
        """Say what it holds: what `mindseye index show` prints.

        Returns:
            "collection", "images", "unreadable_files", "duplicates", "contradictions", "spaces": of
            each its name, weights, attributes, score, kind of index, count of images in every
            state, and "skipped": every file left out, with its reason.

        Raises:
            UserError: Weights, a manifest or a contract are missing or damaged.
        """
        from retrieval.collection import show

        told = show.describe(self._collection())
        return Report(told, show.to_text(told))

    def meant_space(self, where: str) -> str | None:
        """Name the space whose estimates and states an expression means, where there are several.

        Args:
            where: Like "estimate.pose=45".

        Returns:
            The one published last. None where the expression asks about neither estimates nor
            states, or where there is one space.
        """
        from retrieval.collection import selection

        return selection.meant_space(self._collection(), where)

    def verify(self, *, mend: bool = False, progress: Callback | None = None) -> Report:
        """Check every file, hash, count and vector against the catalogue.

        Args:
            mend: Let go of what is damaged. Adding the images makes it again.
            progress: Told how far it is.

        Returns:
            "ok", "problems" (with what to do) and "notes". After mending, what is left of them;
            then "found" holds what there was before, and "pending" counts images that wait to be
            added again.

        Raises:
            UserError: There is something that neither a check nor mending gets past.
        """
        from retrieval.collection import finding, repair, verify

        collection = self._collection()
        with collection.writing() if mend else nullcontext():
            found = follow(verify.verify(collection), progress, "checking")
            told = Report(finding.to_json(found), finding.to_text(found))
            if not mend:
                return told
            pending = repair.repair(collection, found)
            left = follow(verify.verify(collection), progress, "checking again")
        after = {**finding.to_json(left), "found": told, "pending": pending}
        return Report(after, finding.to_text(left))

    def remove(  # noqa: PLR0913  one argument for each option of the command line
        self,
        paths: "Paths" = (),
        *,
        identities: Sequence[str] = (),
        ids: Sequence[int] = (),
        where: str | None = None,
        space: str | None = None,
        missing: bool = False,
        whole_folders: bool = False,
        dry_run: bool = False,
    ) -> Removed:
        """Remove images: from every answer at once, from disk with `compact`.

        Args:
            paths: Files, or folders with all that is below them.
            identities: Images of these people.
            ids: Images of these ids.
            where: Images of which this is true.
            space: Whose estimates and states `where` means, if there are several.
            missing: Images whose files are no longer on disk.
            whole_folders: Remove them even where whole folders are missing.
            dry_run: Only say which.

        Returns:
            Ids of the images: a list, whose `notes` say what the user should know.

        Raises:
            UserError: Nothing is named, or what is named is not there.
        """
        from gallery.catalogue import contradictions
        from retrieval.collection import selection

        given = [paths] if isinstance(paths, str | Path) else paths
        asked = selection.Selection(
            paths=[_path(one) for one in given],
            identities=identities,
            ids=ids,
            where=where,
            space=space,
            missing=missing,
            whole_folders=whole_folders,
        )
        collection = self._collection()
        with collection.writing():
            chosen = [int(one) for one in selection.select(collection, asked)]
            images = collection.catalogue.images
            doubly = contradictions.among(images.contradictions(), chosen) if identities else []
            removed = chosen if dry_run else images.remove(chosen)
        notes = [f"Equal files, labelled as two people, are one image: {one}" for one in doubly]
        return Removed(removed, notes)

    def compact(self, *, progress: Callback | None = None) -> Report:
        """Take from disk what was removed, and make large shards of small ones.

        Args:
            progress: Told how far it is. What it raises ends it; what was finished is kept.

        Returns:
            "shards_before", "shards_after", "rows_dropped", "files_removed", "forgotten": images of
            which only the SHA-256 is kept.

        Raises:
            UserError: A shard that is to be written anew is damaged.
        """
        from retrieval.collection import compact

        collection = self._collection()
        with collection.writing():
            done = follow(compact.compact(collection), progress, "compacting")
        return Report(asdict(done), compact.to_text(done))

    def export(self, path: str | Path, *, progress: Callback | None = None) -> Path:
        """Pack it into one tar file, to be searched on another machine without the images.

        `mindseye.import_gallery` unpacks it there.

        Args:
            path: The file to write.
            progress: Told how far it is.

        Returns:
            The file.

        Raises:
            UserError: The file cannot be written, or a file of the collection is damaged.
        """
        from retrieval.collection import archive

        target, collection = Path(path), self._collection()
        with collection.unchanged():
            follow_each(archive.export(collection, target), progress, "packing")
        return target

    def move(
        self, to: str | Path, *, into: str | Path | None = None, progress: Callback | None = None
    ) -> Path:
        """Fill a new place with it, and compare both; this one stays as it is.

        A move that was ended goes on when it is asked for again.

        Args:
            to: A folder, or the address of an engine (docs/engines.md).
            into: Folder of the new collection, where `to` is an engine. None: beside this one, its
                name with "-moved".
            progress: Told how far it is.

        Returns:
            The folder of the new collection.

        Raises:
            UserError: There is something else at the new place, or both differ at the end.
        """
        from retrieval.collection import moving

        engine = str(to) if "://" in str(to) or str(to).startswith("milvus:") else None
        if engine is None and into is not None:
            raise ConfigError(f"{to} is a folder: it is where the collection goes; leave out into")
        beside = self.path.absolute()
        folder = Path(into or beside.with_name(f"{beside.name}-moved")) if engine else _path(to)
        collection = self._collection()
        with collection.unchanged():
            follow_each(moving.move(collection, folder, engine), progress, "moving")
        return folder

    def _collection(self, *, make: bool = False) -> Collection:
        """Return the collection, opened; it is made when something is first added."""
        if self._opened is None:
            if self._create and (make or address.has_catalogue(self.path)):
                self._opened = Collection.open_or_create(self.path, self._catalogue, self._engine)
            else:
                self._opened = Collection.open(self.path)
        return self._opened


def unpack(path: Path, folder: Path, progress: Callback | None) -> None:
    """Make a collection of an exported one; see `mindseye.import_gallery`."""
    from retrieval.collection import archive

    follow_each(archive.import_archive(path, folder), progress, "unpacking")


def _path(given: str | Path) -> Path:
    """Read a path; an empty one would mean the folder one is in, with all that is below."""
    if given == "":
        raise ConfigError(
            'A PATH is empty ("" on the command line); say . for the folder you are in'
        )
    return Path(given)
