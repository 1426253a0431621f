"""Catalogues of every older revision still open; see tests/golden."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Dialect, Engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from gallery.attributes import Condition
from gallery.catalogue.engine import connect
from gallery.catalogue.records import ImageState, ShardRow
from gallery.catalogue.revisions import SCRIPTS, revision
from gallery.catalogue.store import Catalogue
from gallery.catalogue.tables import REVISION, Table, tell_postgresql
from gallery.errors import CatalogueError

GOLDEN = Path(__file__).parents[2] / "golden"
Open = Callable[[], Catalogue]


@pytest.fixture(params=["0001", "0002"])
def older(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A catalogue as an older mindseye left it."""
    path = tmp_path / "catalogue.db"
    with sqlite3.connect(path) as database:
        database.executescript((GOLDEN / f"catalogue-{request.param}.sql").read_text("utf-8"))
    database.close()
    return path


def test_the_newest_migration_is_the_revision_that_is_made() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_a_migrated_catalogue_has_the_tables_of_a_new_one(older: Path, url: str) -> None:
    engine = connect(url)
    with engine.connect() as connection:
        assert revision(connection) == REVISION
        differences = compare_metadata(MigrationContext.configure(connection), Table.metadata)
    engine.dispose()
    assert older.is_file()
    assert differences == []


def test_a_migrated_catalogue_holds_what_it_held(older: Path, open_catalogue: Open) -> None:
    catalogue = open_catalogue()
    rows = catalogue.images.rows(1, [1, 2, 3])
    assert [(row.path, row.identity, row.condition) for row in rows.values()] == [
        ("/photos/a.png", "s1", Condition(pose="45", light="left")),
        ("/photos/b.png", "s2", Condition(pose="-45")),
        ("/photos/c.png", None, Condition()),
    ]
    assert rows[1].estimate == Condition(pose="45")
    assert catalogue.images.unreadable() == [("/photos/d.png", "empty file (0 bytes)")]
    space = catalogue.spaces.get("pose-60")
    assert (space.generation, space.last_shard, space.removals) == (7, 3, 0)
    assert catalogue.spaces.state_counts(1) == {
        "indexed": 2,
        "skipped": 0,
        "removed": 0,
        "pending": 1,
    }
    assert catalogue.images.matching("pose >= 0").tolist() == [1]
    assert catalogue.spaces.errors_above(1, 0.0) == (0, 0)  # nobody measured
    assert older.is_file()


def test_a_migrated_catalogue_can_be_added_to(older: Path, open_catalogue: Open) -> None:
    catalogue = open_catalogue()
    shard = ShardRow(4, 1, "1" * 64, "2" * 64)
    catalogue.spaces.place(1, [ImageState(3, "indexed", estimate=Condition(pose="0"))], shard)
    assert catalogue.spaces.get("pose-60").last_shard == 4
    assert catalogue.images.remove([1]) == [1]
    assert catalogue.spaces.removed_since(1, 7).tolist() == [1]
    assert older.is_file()


class _Killed(BaseException):
    """Stands for the end of the process: nothing in the code catches it."""


def test_a_migration_stopped_at_any_statement_is_finished_by_the_next(tmp_path: Path) -> None:
    left = -1

    def count_down(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        left -= statement.split(maxsplit=1)[0] in ("ALTER", "CREATE", "DROP", "INSERT", "UPDATE")
        if left == 0:
            raise _Killed

    event.listen(Engine, "before_cursor_execute", count_down)
    try:
        for stop_at in range(1, 100):
            path = tmp_path / f"{stop_at}.db"
            with sqlite3.connect(path) as database:
                database.executescript((GOLDEN / "catalogue-0001.sql").read_text("utf-8"))
            database.close()
            left = stop_at
            try:
                connect(f"sqlite:///{path}").dispose()
            except _Killed:
                left = -1
            else:
                break
            opened = Catalogue.open(f"sqlite:///{path}")
            assert opened.images.matching("pose >= 0").tolist() == [1], stop_at
            opened.close()
    finally:
        event.remove(Engine, "before_cursor_execute", count_down)
    assert stop_at > 12


def test_tables_without_a_revision_are_refused(url: str) -> None:
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()
    with pytest.raises(CatalogueError, match="has revision unknown, this mindseye knows 0001"):
        connect(url)


def test_what_every_query_asks_of_a_whole_gallery_reads_no_table(
    tmp_path: Path, open_catalogue: Open
) -> None:
    catalogue = open_catalogue()
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, said: Any, *_: Any) -> None:
        asked.append((statement, said))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        catalogue.spaces.errors_above(1, 20.0)
        catalogue.images.has_landmarks()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with sqlite3.connect(tmp_path / "catalogue.db") as database:
        plans = [
            step[-1]
            for statement, said in asked
            for step in database.execute(f"EXPLAIN QUERY PLAN {statement}", said)
        ]
    database.close()
    used = [plan.partition("INDEX ")[2].partition(" ")[0] for plan in plans]
    assert used == ["ix_placement_error", "ix_placement_error", "ix_image_cut"]


def test_partial_indexes_hold_the_same_rows_in_postgresql() -> None:
    tell_postgresql()
    dialect: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    found = {}
    for table in Table.metadata.sorted_tables:
        for index in table.indexes:
            made = str(CreateIndex(index).compile(dialect=dialect))
            if " WHERE " in made:
                found[index.name] = made.partition(" WHERE ")[2]
    assert found == {
        "ix_image_cut": "landmarks IS NOT NULL",
        "ix_placement_doubled": "second_estimate IS NOT NULL",
    }
