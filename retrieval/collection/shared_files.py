"""What every machine needs of a space, kept in PostgreSQL: its contract, its weights, their card.

The folder of the collection holds a copy of each: what searches and builds opens files. Which
copies are there is noted in `shared.json`; one that differs from the database's is fetched again.
"""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from gallery.catalogue.store import Catalogue
from gallery.errors import CatalogueError, IndexFileError
from gallery.files import file_sha256, write_whole
from gallery.json_files import read, spell

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
        CatalogueError: The folder cannot be written.
    """
    with catalogue.reading() as session:
        query = text(
            "SELECT f.space_id, s.name, f.name, f.sha256 FROM space_file f"
            " JOIN space s ON s.id = f.space_id"
        )
        shared = [tuple(row) for row in session.execute(query)]
        for space_id, space, name, sha256 in shared:
            folder = folders / str(space)
            if _noted(folder).get(name) == sha256 and (folder / name).is_file():
                continue
            asked = text("SELECT content FROM space_file WHERE space_id = :space AND name = :name")
            content = session.scalar(asked, {"space": space_id, "name": name})
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / name, bytes(content or b""))
                _note(folder, _noted(folder) | {name: sha256})
            except OSError as error:
                raise CatalogueError(
                    f"Cannot write {folder / name}, a copy of what the database holds:"
                    f" {error.strerror}; name a --collection that can be written"
                ) from error


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
