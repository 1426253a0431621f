"""What every machine needs of a space, kept in PostgreSQL: its contract, its weights, their card.

The folder of the collection holds a copy of each: what searches and builds opens files. Which
copies are there is noted in `shared.json`; one that differs from the database's is fetched again.
"""

import hashlib
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError, IndexFileError
from gallery.files import file_sha256, write_whole
from gallery.json_files import read, spell
from generator.card import NAME as SPACE_NAME

NAMES = ("contract.json", "weights.safetensors", "weights.json", "weights.student.safetensors")
NOTE = "shared.json"


def put(session: Session, space_id: int, folder: Path) -> bool:
    """Put the files of a space into the database, in the session's transaction, if they differ.

    Returns:
        Whether any did.
    """
    there = _known(session, space_id)
    changed = False
    for name in NAMES:
        path = folder / name
        if not path.is_file() or file_sha256(path) == there.get(name):
            continue
        session.execute(
            text(
                "INSERT INTO space_file (space_id, name, sha256, content)"
                " VALUES (:space, :name, :sha256, :content) ON CONFLICT (space_id, name)"
                " DO UPDATE SET sha256 = excluded.sha256, content = excluded.content"
            ),
            {
                "space": space_id,
                "name": name,
                "sha256": file_sha256(path),
                "content": path.read_bytes(),
            },
        )
        changed = True
    _note(folder, {name: file_sha256(folder / name) for name in NAMES if (folder / name).is_file()})
    return changed


def fetch(catalogue: Catalogue, folders: Path) -> None:
    """Bring the files of all spaces into a collection's folder, as far as they are not there.

    Args:
        catalogue: Open, in PostgreSQL.
        folders: The folder `spaces` of the collection.

    Raises:
        CatalogueError: The folder cannot be written; or the database holds what no mindseye has
            put there: a name that would lead elsewhere, bytes of another hash.
    """
    with catalogue.reading() as session:
        query = text(
            "SELECT f.space_id, s.name, f.name, f.sha256 FROM space_file f"
            " JOIN space s ON s.id = f.space_id"
        )
        shared = [tuple(row) for row in session.execute(query)]
        for space_id, space, name, sha256 in shared:
            if not SPACE_NAME.fullmatch(space) or name not in NAMES:
                raise CatalogueError(
                    f"The database holds a file {name!r} of a space {space!r}, which no mindseye"
                    " calls so; somebody else has written into it. Restore it from a backup"
                )
            folder = folders / space
            if _noted(folder).get(name) == sha256 and (folder / name).is_file():
                continue
            found = _content(session, space_id, name)
            if found is None:  # another machine has just taken it away
                continue
            noted, content = found
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / name, content)
                _note(folder, _noted(folder) | {name: noted})
            except OSError as error:
                raise CatalogueError(
                    f"Cannot write {folder / name}, a copy of what the database holds:"
                    f" {error.strerror}; name a --collection that can be written"
                ) from error


def _content(session: Session, space_id: int, name: str) -> tuple[str, bytes] | None:
    """Read a file, with its hash."""
    asked = text("SELECT sha256, content FROM space_file WHERE space_id = :space AND name = :name")
    row = session.execute(asked, {"space": space_id, "name": name}).first()
    if row is None:
        return None
    sha256, content = str(row[0]), bytes(row[1])
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CatalogueError(
            f"{name} in the database has not the hash that is noted beside it; restore the database"
            " from a backup"
        )
    return sha256, content


def _known(session: Session, space_id: int) -> dict[str, str]:
    query = text("SELECT name, sha256 FROM space_file WHERE space_id = :space")
    rows = session.execute(query, {"space": space_id}).all()
    return {str(name): str(sha256) for name, sha256 in rows}


def _noted(folder: Path) -> dict[str, str]:
    try:
        found = read(folder / NOTE, IndexFileError, "It can be deleted")
    except IndexFileError:
        return {}
    return (
        {str(name): str(sha256) for name, sha256 in found.items()}
        if isinstance(found, dict)
        else {}
    )


def _note(folder: Path, files: dict[str, str]) -> None:
    write_whole(folder / NOTE, spell(files).encode("utf-8"))
