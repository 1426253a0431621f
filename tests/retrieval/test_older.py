"""A collection that an older mindseye made is searched, added to and checked."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from gallery.catalogue.engine import sqlite_url
from gallery.catalogue.revisions import SCRIPTS
from gallery.catalogue.tables import REVISION, Table
from retrieval.collection.collection import Collection
from retrieval.collection.verify import verify
from tests.retrieval.collection.test_compact import finished
from tests.retrieval.conftest import Gallery


def make_older(path: Path) -> None:
    """Write a catalogue anew as the first mindseye would have, without what that did not know."""
    older = path.with_name("older.db")
    engine = create_engine(sqlite_url(older))
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, "0001")
    engine.dispose()
    database = sqlite3.connect(older)
    database.execute("ATTACH ? AS newer", (str(path),))
    for table in Table.metadata.sorted_tables:
        told = database.execute(f"PRAGMA main.table_info({table.name})")
        columns = ", ".join(row[1] for row in told)
        database.execute(
            f"INSERT INTO main.{table.name} ({columns}) SELECT {columns} FROM newer.{table.name}"  # noqa: S608
        )
    database.execute("INSERT INTO version VALUES (1)")
    database.execute("DROP TABLE main.alembic_version")
    database.commit()
    database.close()
    for left in path.parent.glob("catalogue.db*"):
        left.unlink()
    older.rename(path)


def test_a_collection_with_a_catalogue_of_revision_1_lives_on(gallery: Gallery) -> None:
    before, path = gallery.scores(gallery.open()), gallery.collection.root / "catalogue.db"
    gallery.collection.close()
    make_older(path)
    gallery.collection = Collection.open(gallery.collection.root)
    index = gallery.open()
    assert gallery.scores(index) == before
    assert gallery.collection.catalogue.images.remove([gallery.id_of("3.png")])
    without = [(name, score) for name, score in before if name != "3.png"]
    assert gallery.scores(index) == without
    assert (gallery.build().indexed, gallery.scores(index)) == (0, without)
    assert [one for one in finished(verify(gallery.collection)) if one.is_problem] == []
    gallery.collection.close()
    database = sqlite3.connect(path)
    assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
    database.close()
