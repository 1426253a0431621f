"""A collection as one portable file: an uncompressed tar of its catalogue and its spaces.

    mindseye.json                     first: format, and size and SHA-256 of every other member
    catalogue.db                      a SQLite copy of the catalogue, whatever database it lives in
    spaces/NAME/contract.json, weights.safetensors, weights.json
    spaces/NAME/weights.student.safetensors     where a student is asked for views or poses
    spaces/NAME/embeddings/...        the shards that count
    spaces/NAME/index/NNNNNN/...      the generation that answers queries

Photographs are not in it. Nothing is unpickled. A member that `mindseye.json` does not list, whose
name is not one of these, or that is no plain file, is refused; so is one byte that differs.
"""

import io
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gallery.archive_members import DamagedArchiveError, Member, members
from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.records import SpaceRow
from gallery.catalogue.snapshot import refuse_foreign, write_snapshot
from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError, ConfigError, IndexFileError
from gallery.files import file_sha256, replacing, sync
from gallery.json_files import JsonLimits, Origin, parse, shaped, spell
from generator.canonical import Rule
from generator.card import NAME
from generator.student.seeing import student_path
from index.store import read_contract, read_manifest
from retrieval.collection.address import DATABASE
from retrieval.collection.collection import Collection
from retrieval.collection.named_images import require_finite

FORMAT = 1
LIST = "mindseye.json"
LIMITS = JsonLimits(depth=4)  # of the list: some 100,000 files
AGAIN = "Export the collection again"
MEMBER = re.compile(
    rf"catalogue\.db|spaces/(?!\.)(?:{NAME.pattern})/(?:contract\.json|weights\.(?:json|(?:student\.)?safetensors)"
    r"|embeddings/\d{6,9}(?:\.ids)?\.npy|index/\d{6,9}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,80})"
)


@dataclass(frozen=True, slots=True)
class Packing:
    """How far packing or unpacking is, in files."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class _Member:
    size: int
    sha256: str

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"{self.size} bytes")


@dataclass(frozen=True, slots=True)
class _List:
    format: int
    members: Mapping[str, _Member]


def export(collection: Collection, archive: Path) -> Iterator[Packing]:
    """Write a collection to one file, which appears whole or not at all.

    Args:
        collection: Held, so that nothing changes meanwhile.
        archive: Where to; what is there is replaced.

    Yields:
        Progress.

    Raises:
        ConfigError: The archive would be a folder, or lie in one that is not there.
        IndexFileError: A file of the collection is missing or damaged; nothing is written.
        OSError: The disk is full, or the folder cannot be written.
    """
    _require_file_name(archive)
    if collection.in_postgres:
        raise ConfigError(
            f"The vectors of {collection.root} are in PostgreSQL; carry them with its own tools"
            " (pg_dump, pg_restore), which copy catalogue, vectors and weights together"
        )
    workplace = archive.absolute().with_name(f".{archive.name}.exporting")
    shutil.rmtree(workplace, ignore_errors=True)  # of an export that was killed
    workplace.mkdir()
    try:
        copy = workplace / DATABASE
        write_snapshot(collection.catalogue, copy)
        files = {DATABASE: copy, **_files(collection)}
        listed = {name: _describe(path) for name, path in files.items()}
        _require_intact(collection, listed)
        with replacing(archive) as temporary, tarfile.open(temporary, "w") as tar:
            _add(tar, LIST, _list(listed))
            for done, (name, path) in enumerate(files.items(), start=1):
                tar.add(path, name, recursive=False, filter=_plain)
                yield Packing(done, len(files))
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _require_file_name(archive: Path) -> None:
    """Refuse what cannot be the name of a new file: `.`, `/`, other folders, what is below none."""
    if archive.is_dir():
        raise ConfigError(f"{archive} is a folder; name a file to write, like my-faces.tar")
    if not archive.parent.is_dir():
        raise ConfigError(
            f"There is no folder {archive.parent} to write {archive.name} in; make it"
        )


def import_archive(archive: Path, root: Path) -> Iterator[Packing]:
    """Make a collection of what `export` wrote; it appears complete or not at all.

    Args:
        archive: The file.
        root: Folder of the new collection; it must not exist, or be empty.

    Yields:
        Progress.

    Raises:
        CatalogueError: There is something at root already, or the catalogue in the archive is not
            one of ours.
        IndexFileError: The archive is missing, damaged, or holds what does not belong there.
        OSError: The disk is full, or the folder cannot be written.
    """
    if archive.is_dir():
        raise IndexFileError(f"{archive} is a folder; name the file that index export wrote")
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CatalogueError(
            f"{root} exists and is not empty; import into a new folder: --collection DIR"
        )
    partial = root.absolute().with_name(f".{root.absolute().name}.importing")
    shutil.rmtree(partial, ignore_errors=True)  # of an import that was killed
    partial.mkdir(parents=True)
    try:
        yield from _unpack(archive, partial)
        refuse_foreign(partial / DATABASE)
        opened = Catalogue.open(sqlite_url(partial / DATABASE))
        try:
            _require_sound(opened)
            _require_complete(opened, partial)
        finally:
            opened.close()
        for folder in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
            sync(folder)
        partial.replace(root)
        sync(root.absolute().parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _files(collection: Collection) -> dict[str, Path]:
    """Return the files of every space by their names in the archive."""
    found: dict[str, Path] = {}
    spaces = collection.catalogue.spaces
    for space in spaces.all():
        directory = collection.space_dir(space.name)
        names = ["contract.json", "weights.safetensors", "weights.json"]
        if Rule.parse(read_contract(directory).canonicalisation).asks_student:
            names.append(student_path(collection.weights_path(space.name)).name)
        for shard in spaces.shards(space.id):
            names += [f"embeddings/{shard.number:06d}{end}" for end in (".npy", ".ids.npy")]
        if space.generation is not None:
            index = directory / "index" / f"{space.generation:06d}"
            names += [f"index/{index.name}/{path.name}" for path in sorted(index.glob("*"))]
        found |= {f"spaces/{space.name}/{name}": directory / name for name in names}
    return found


def _describe(path: Path) -> _Member:
    try:
        return _Member(path.stat().st_size, file_sha256(path))
    except FileNotFoundError as error:
        raise IndexFileError(f"{path} is missing; see `mindseye index verify`") from error


def _require_intact(collection: Collection, listed: Mapping[str, _Member]) -> None:
    """Refuse what is not as catalogue and manifest say: a contract, a shard, a published index."""
    for space in collection.catalogue.spaces.all():
        collection.contract(space)
        for name, sha256 in _told(collection, space):
            if name not in listed or listed[name].sha256 != sha256:
                wrong = "damaged" if name in listed else "missing"
                raise IndexFileError(
                    f"{collection.root / name} is {wrong}; see `mindseye index verify`"
                )


def _told(collection: Collection, space: SpaceRow) -> Iterator[tuple[str, str]]:
    """Yield files of a space, by their names in the archive, with the hashes told of them."""
    for shard in collection.catalogue.spaces.shards(space.id):
        stem = f"spaces/{space.name}/embeddings/{shard.number:06d}"
        yield f"{stem}.npy", shard.embeddings_sha256
        yield f"{stem}.ids.npy", shard.ids_sha256
    if space.generation is not None:
        manifest = read_manifest(collection.space_dir(space.name), space.generation)
        for file in manifest.listed():
            yield f"spaces/{space.name}/index/{space.generation:06d}/{file.name}", file.sha256


def _list(listed: Mapping[str, _Member]) -> bytes:
    members = {name: asdict(member) for name, member in listed.items()}
    text = spell({"format": FORMAT, "members": members}, indent=1).encode()
    if len(text) > LIMITS.size_bytes or 3 * len(members) > LIMITS.values:
        raise IndexFileError(
            f"The collection has {len(members):,} files, more than an archive takes; make fewer of"
            " them first: mindseye index compact"
        )
    return text


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who owned the file, and when."""
    plain = tarfile.TarInfo(info.name)
    plain.size = info.size
    return plain


def _unpack(archive: Path, target: Path) -> Iterator[Packing]:
    try:
        with archive.open("rb") as file:
            found = members(file)
            listed = _read_list(next(found, None), archive)
            left = dict(listed)
            for member in found:
                expected = left.pop(_checked_name(member, archive), None)
                if expected is None:
                    raise _refused(archive, f"{member.name!r} is not listed in {LIST}, or twice")
                _write(member, expected, target / member.name, archive)
                yield Packing(len(listed) - len(left), len(listed))
    except FileNotFoundError as error:
        raise IndexFileError(f"There is no file {archive}; check the path") from error
    except DamagedArchiveError as error:
        raise _refused(archive, str(error)) from error
    if left:
        raise _refused(archive, f"{len(left)} files are lacking, such as {next(iter(left))}")


def _read_list(first: Member | None, archive: Path) -> dict[str, _Member]:
    if first is None or not first.is_file or first.name != LIST:
        raise _refused(archive, f"its first file is not {LIST}; was it made by index export?")
    if first.size > LIMITS.size_bytes:
        raise _refused(archive, f"{LIST} has {first.size:,} bytes, more than any")
    origin = Origin(f"{archive}: {LIST}", IndexFileError, AGAIN)
    told = parse(first.read(), origin, LIMITS)
    if isinstance(told, dict) and told.get("format") != FORMAT:
        found = f"{told.get('format')!r:.40}"
        raise _refused(archive, f"it has format {found}, this mindseye reads {FORMAT}")
    listed = dict(shaped(told, _List, origin).members)
    total = archive.stat().st_size
    if sum(member.size for member in listed.values()) > total:
        raise _refused(archive, f"{LIST} lists more than a file of {total:,} bytes can hold")
    return listed


def _checked_name(member: Member, archive: Path) -> str:
    shown = f"{member.name[:200]!r}"
    if not member.is_file:
        raise _refused(archive, f"{shown} is no plain file (a link, folder or device)")
    if not MEMBER.fullmatch(member.name):
        raise _refused(archive, f"{shown} is no name of a file in a collection")
    return member.name


def _write(member: Member, expected: _Member, path: Path, archive: Path) -> None:
    if member.size != expected.size:
        raise _refused(archive, f"{member.name} has {member.size:,} bytes, not as listed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        member.copy(file)
    sync(path)
    if file_sha256(path) != expected.sha256:
        raise _refused(archive, f"{member.name} is damaged: another SHA-256 than listed")


def _refused(archive: Path, why: str) -> IndexFileError:
    return IndexFileError(f"{archive} cannot be imported: {why}. {AGAIN}")


def _require_sound(catalogue: Catalogue) -> None:
    """Refuse a catalogue whose values are not what its columns stand for."""
    for what in catalogue.check():
        raise CatalogueError(f"The catalogue in the archive is damaged: {what}. {AGAIN}")


def _require_complete(catalogue: Catalogue, root: Path) -> None:
    """Refuse an archive whose catalogue speaks of other files than it holds."""
    collection = Collection(root, catalogue)
    files = _files(collection)
    for name, path in files.items():
        if not path.is_file():
            raise _refused(root, f"its catalogue names {name}, which is lacking")
    _require_intact(collection, {name: _describe(path) for name, path in files.items()})
    for space in catalogue.spaces.all():
        for shard in catalogue.spaces.shards(space.id):
            try:
                require_finite(collection, space.name, shard)
            except IndexFileError as error:
                raise _refused(root, str(error)) from error
