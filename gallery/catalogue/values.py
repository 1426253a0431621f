"""Whether the values in a catalogue are what its columns stand for.

SQLite keeps no types, and a file from elsewhere may have been made without its constraints. Only
columns of types and ranges are looked at here; whether rows belong together is the business of
`PRAGMA foreign_key_check` and of `retrieval.collection.verify`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal_column, or_, select
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import Column
from sqlalchemy.sql.schema import Table as SqlTable

from gallery.catalogue.json_values import read_condition, read_landmarks
from gallery.catalogue.tables import Table
from gallery.errors import CatalogueError

SQLITE = dialect()
LARGEST = 2**62  # of a number in a name of a file, or a size
STATES = ("indexed", "skipped", "removed")
HASHES = ("sha256", "contract_sha256", "embeddings_sha256", "ids_sha256")
# The smallest values of whole numbers; of the others, as of ids, it is 1.
LEAST = dict.fromkeys(("removed_in", "last_shard", "removals", "rows", "size_bytes"), 0)
LEAST |= {"keeps_faceless": 0, "mtime_ns": -LARGEST}  # or before 1970
JSON: dict[str, Callable[[str], object]] = {
    "estimate": read_condition,
    "second_estimate": read_condition,
    "landmarks": read_landmarks,
}


def complaints(session: Session) -> Iterator[str]:
    """Say of every column how many values in it are none of its kind.

    Args:
        session: A session of a catalogue in SQLite, whose values keep no types by themselves.
    """
    for table in Table.metadata.sorted_tables:
        columns = list(table.columns)
        counts = [func.sum(case((_wrong(column), 1), else_=0)) for column in columns]
        found = session.execute(select(*counts).select_from(table)).one()
        for column, count in zip(columns, found, strict=True):
            if count:
                yield _told(table, column, int(count), "of another type or out of range")
        for column in columns:
            if column.name in JSON and (count := _misspelt(session, column)):
                yield _told(table, column, count, "not spelt as they should be")


def _told(table: SqlTable, column: Column[object], count: int, how: str) -> str:
    values = "a value" if count == 1 else f"{count} values"
    return f"{values} of {column.name} in {table.name} {'is' if count == 1 else 'are'} {how}"


def _wrong(column: Column[object]) -> ColumnElement[bool]:
    """Return the condition under which a stored value is none that belongs in a column."""
    raw: ColumnElement[Any] = literal_column(f"{column.table.name}.{column.name}")
    wanted = _types(column)
    wrong = or_(func.typeof(raw).not_in(wanted), *_out_of_range(column, raw))
    return func.coalesce(wrong, 0) == 1 if "null" in wanted else func.coalesce(wrong, 1) == 1


def _types(column: Column[object]) -> list[str]:
    kind = _kind(column)
    wanted = {"INTEGER": ["integer"], "DOUBLE": ["real", "integer"]}.get(kind, ["text"])
    return [*wanted, "null"] if column.nullable else wanted


def _kind(column: Column[object]) -> str:
    """Return what a column is declared as in SQLite: INTEGER, DOUBLE, VARCHAR(64), TEXT."""
    return str(column.type.compile(dialect=SQLITE))


def _out_of_range(
    column: Column[object], raw: ColumnElement[object]
) -> Iterator[ColumnElement[bool]]:
    kind = _kind(column)
    if kind == "INTEGER":
        yield or_(raw > LARGEST, raw < LEAST.get(column.name, 1))
    elif kind == "DOUBLE":
        yield func.abs(raw) > 1e300
    else:
        yield func.instr(raw, func.char(0)) > 0
    if column.name in HASHES:
        yield or_(func.length(raw) != 64, raw.op("GLOB")("*[^0-9a-f]*"))
    if column.name == "state":
        yield raw.not_in(STATES)


def _misspelt(session: Session, column: Column[object]) -> int:
    """Count the different texts of a column that cannot be read."""
    raw: ColumnElement[Any] = literal_column(f"{column.table.name}.{column.name}")
    query = select(raw).select_from(column.table).where(func.typeof(raw) == "text").distinct()
    wrong = 0
    for (text,) in session.execute(query):
        try:
            JSON[column.name](str(text))
        except CatalogueError:
            wrong += 1
    return wrong
