"""How the vectors of a space are searched in PostgreSQL, as the database has it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from gallery.errors import CatalogueError
from gallery.json_files import Origin, parse
from index.contract import IndexContract

ORIGIN = Origin(
    "The contract of a space in PostgreSQL", CatalogueError, "Restore the database from a backup"
)
KINDS = ("exact", "hnsw")
ASKED = (*KINDS, "auto")
COLUMNS = "contract, dimension, asked, accuracy, kind, breadth, overlap, probes, shape, rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """A row of `embedding_space`.

    Attributes:
        contract: Terms of the vectors.
        dimension: Length D of one.
        asked: Kind that was asked for: one of `ASKED`.
        accuracy: Neighbour overlap @10 with exact search that was asked for.
        kind: How it is searched: one of `KINDS`.
        breadth: Rows that a walk through the graph keeps in view (`hnsw.ef_search`).
        overlap: Overlap @10 that was measured, or None.
        probes: With how many probes.
        shape: What these looked like: `QueryShape.name`.
        rows: Rows there were when it was last tuned.
        changed: Whether vectors came or went since it was published.
    """

    contract: IndexContract
    dimension: int
    asked: str
    accuracy: float
    kind: str
    breadth: int
    overlap: float | None
    probes: int
    shape: str
    rows: int
    changed: bool


def read_settings(session: Session, space_id: int) -> PostgresSettings | None:
    """Read how a space is searched; None of one that has no vectors here."""
    query = f"SELECT {COLUMNS}, changes <> published FROM embedding_space WHERE space_id = :space"  # noqa: S608
    row = session.execute(text(query), {"space": space_id}).first()
    session.rollback()
    if row is None:
        return None
    names = [*COLUMNS.split(", "), "changed"]
    values = dict(zip(names, row, strict=True))
    values["contract"] = IndexContract.from_json(parse(str(values["contract"]), ORIGIN))
    return PostgresSettings(**values)
