"""Many rows into one table, past the bookkeeping of single objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gallery.catalogue.tables import Table


def insert_rows(
    session: Session, into: type[Table], rows: Sequence[Mapping[str, Any]], *, with_ids: bool = True
) -> list[int]:
    """Insert rows; return their new ids in the same order, if those are wanted."""
    if not rows:
        return []
    table = Table.metadata.tables[into.__tablename__]
    if not with_ids:
        session.execute(insert(table), rows)
        return []
    statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, rows))
