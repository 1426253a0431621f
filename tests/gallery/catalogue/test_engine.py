import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, event, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery.catalogue.engine import connect, sqlite_url
from gallery.catalogue.records import FileRecord, ImageState
from gallery.catalogue.store import Catalogue
from gallery.catalogue.tables import REVISION, Image, Placement, Space, Table
from gallery.errors import CatalogueError

Offers = Callable[..., FileRecord]
Open = Callable[[], Catalogue]


TABLES = {*Table.metadata.tables, "alembic_version"}


def test_an_empty_database_gets_its_tables_and_their_revision(url: str | URL) -> None:
    engine = connect(url)
    assert set(inspect(engine).get_table_names()) == TABLES
    with engine.connect() as connection:
        found = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    assert found == [REVISION]
    engine.dispose()


def test_opening_again_changes_nothing(url: str | URL, tmp_path: Path) -> None:
    connect(url).dispose()
    before = (tmp_path / "catalogue.db").read_bytes()
    connect(url).dispose()
    assert (tmp_path / "catalogue.db").read_bytes() == before


def test_a_newer_catalogue_is_refused(url: str | URL, tmp_path: Path) -> None:
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    engine.dispose()
    with pytest.raises(
        CatalogueError,
        match=rf"{tmp_path}/catalogue.db has revision 0099, this mindseye knows 0001 to {REVISION}",
    ):
        connect(url)


@pytest.mark.parametrize("content", [b"no database " * 400, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_no_database_is_refused(
    url: str | URL, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "catalogue.db").write_bytes(content)
    with pytest.raises(
        CatalogueError, match=r"catalogue\.db does not work: file is not a database"
    ):
        connect(url)


def test_a_catalogue_that_is_damaged_inside_says_so_when_it_is_asked(
    tmp_path: Path, open_catalogue: Open, offer: Offers
) -> None:
    first = open_catalogue()
    first.images.register([offer(f"/{n}", identity=f"s{n}") for n in range(300)])
    first.close()
    path = tmp_path / "catalogue.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 * 4096] + b"\xa5" * (len(whole) - 3 * 4096))
    with pytest.raises(
        CatalogueError, match=r"catalogue\.db does not work: database disk image is"
    ):
        open_catalogue().images.register([offer(f"/{n}", identity=f"s{n}") for n in range(300)])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CatalogueError, match=r"does not work: unable to open database file; .* again"
    ):
        connect(sqlite_url(tmp_path / "gone" / "catalogue.db"))


class _Killed(BaseException):
    """Stands for the end of the process: nothing in the code catches it."""


def test_a_catalogue_whose_making_was_stopped_at_any_statement_is_made_whole(
    tmp_path: Path,
) -> None:
    left = -1

    def count_down(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal left
        left -= statement.lstrip().startswith(("CREATE", "INSERT"))
        if left == 0:
            raise _Killed

    event.listen(Engine, "before_cursor_execute", count_down)
    try:
        for stop_at in range(1, 1_000):
            url = sqlite_url(tmp_path / f"{stop_at}.db")
            left = stop_at
            try:
                connect(url).dispose()
            except _Killed:
                left = -1
            else:
                break
            engine = connect(url)
            assert set(inspect(engine).get_table_names()) == TABLES, stop_at
            engine.dispose()
    finally:
        event.remove(Engine, "before_cursor_execute", count_down)
    assert stop_at > len(Table.metadata.tables)


def test_foreign_keys_are_checked(url: str | URL) -> None:
    engine = connect(url)
    with Session(engine) as session:
        session.add(Image(sha256="0" * 64, identity_id=77))
        with pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"):
            session.commit()
    engine.dispose()


def test_only_known_states_are_recorded(
    catalogue: Catalogue, offer: Offers, url: str | URL
) -> None:
    (image_id,) = catalogue.images.register([offer("/a")])
    space = catalogue.spaces.add("pose-60", "0" * 64)
    engine = connect(url)
    with Session(engine) as session:
        assert session.get(Space, space.id) is not None
        session.add(Placement(space_id=space.id, image_id=image_id, state="pending"))
        with pytest.raises(IntegrityError, match="ck_placement_known_state"):
            session.commit()
    engine.dispose()


def test_readers_read_what_was_there_while_a_build_writes(
    open_catalogue: Open, offer: Offers, tmp_path: Path
) -> None:
    writer, one, other = open_catalogue(), open_catalogue(), open_catalogue()
    writer.images.register([offer("/a")])
    raw = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.execute("BEGIN IMMEDIATE")  # a transaction under way, as in the middle of a batch
    raw.execute("INSERT INTO image (sha256) VALUES (?)", ("f" * 64,))
    assert (one.images.count(), other.images.count()) == (1, 1)
    assert one.images.known(["/a"]) == other.images.known(["/a"])
    raw.execute("COMMIT")
    raw.close()
    assert (one.images.count(), other.images.count()) == (2, 2)


def test_a_reader_that_stays_open_sees_what_was_published_since(
    open_catalogue: Open, offer: Offers
) -> None:
    writer, reader = open_catalogue(), open_catalogue()
    space = writer.spaces.add("pose-60", "0" * 64)
    assert reader.spaces.get("pose-60").generation is None
    (image_id,) = writer.images.register([offer("/a", identity="s1", pose="45")])
    assert image_id is not None
    writer.spaces.place(space.id, [ImageState(image_id, "indexed")], None)
    writer.spaces.publish(space.id, 1)
    assert reader.spaces.get("pose-60").generation == 1
    assert reader.images.rows(space.id, [image_id])[image_id].identity == "s1"
    writer.images.register([offer("/a", identity="s2", pose="45")])
    assert reader.images.rows(space.id, [image_id])[image_id].identity == "s2"
