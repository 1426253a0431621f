"""A collection whose catalogue is in a database of its own."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from gallery.catalogue.engine import connect, sqlite_url
from gallery.errors import CatalogueError, ConfigError, UserError
from retrieval.collection.collection import Collection
from tests.gallery.catalogue.conftest import emptied
from tests.retrieval.conftest import Gallery
from tests.running import Mindseye

FAR = "postgresql+psycopg://me@nowhere.invalid/faces"


@pytest.fixture
def far(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty PostgreSQL; its URL has no password."""
    url = make_url(emptied(server))
    if url.password:
        monkeypatch.setenv("PGPASSWORD", str(url.password))
    return url._replace(password=None).render_as_string(hide_password=False)


def test_a_collection_lives_with_its_catalogue_in_postgresql(
    mindseye: Mindseye, far: str, faces_dir: Path, pose_weights: Path, tmp_path: Path
) -> None:
    spec, at = f"folder:{faces_dir}", ("--collection", tmp_path / "mine")

    def found() -> list[str]:
        wish = ("--wish", "pose=45", "-k", "3", "--where", "light=left", "--json")
        return [
            h["path"]
            for h in mindseye("query", faces_dir / "p1-0-left.png", *wish, *at).json["hits"]
        ]

    built = ("index", "build", spec, "--weights", pose_weights, "--catalogue", far, *at)
    assert "30 images indexed" in mindseye(*built).out
    assert not (tmp_path / "mine" / "catalogue.db").exists()
    assert "0 images indexed, 30 known already" in mindseye(*built).out
    first = found()
    assert len(first) == 3
    assert mindseye("index", "remove", first[0], *at).out == "1 images removed\n"
    assert first[0] not in found()
    assert len(found()) == 3
    assert mindseye("index", "compact", "--json", *at).json["rows_dropped"] == 1
    assert mindseye("index", "verify", "--json", *at).json["problems"] == []
    assert mindseye("index", "show", "--json", *at).json["images"] == 29

    after = found()
    other = mindseye("index", "build", spec, "--catalogue", far, "--collection", tmp_path / "other")
    assert other.status == 1
    assert "holds the catalogue of another collection" in other.err
    assert mindseye("index", "export", "mine.tar", *at).status == 0
    shutil.rmtree(tmp_path / "mine")
    assert mindseye("index", "import", "mine.tar", *at).status == 0
    assert (tmp_path / "mine" / "catalogue.db").is_file()
    assert found() == after


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("faces", ConfigError, "wants the URL of a database, like postgresql"),
        ("sqlite:///elsewhere.db", ConfigError, "SQLite lies in the collection"),
        ("postgresql://me:secret@host/faces", ConfigError, "cannot hold a password; .* PGPASSWORD"),
        ("postgresql://me@host/faces?password=secret", ConfigError, "cannot hold a password"),
        ("nosuch://host/faces", CatalogueError, "needs a driver that is not installed"),
    ],
)
def test_a_catalogue_that_will_not_do_is_refused_and_nothing_kept(
    tmp_path: Path, url: str, error: type[UserError], message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        Collection.open_or_create(tmp_path, url)
    assert "secret" not in str(refused.value)
    assert not list(tmp_path.glob("catalogue*"))


def test_a_collection_keeps_the_catalogue_it_has(collection: Collection) -> None:
    with pytest.raises(
        CatalogueError,
        match=r"has its catalogue in .*catalogue\.db, not in .*; leave out --catalogue",
    ):
        Collection.open_or_create(collection.root, FAR)


def test_an_address_that_is_none_is_named(tmp_path: Path) -> None:
    for content in (b"", b"faces", b"\xff", b"postgresql://a:b@host/faces"):
        (tmp_path / "catalogue.url").write_bytes(content)
        with pytest.raises(
            CatalogueError, match=r"catalogue\.url does not say where the catalogue"
        ):
            Collection.open(tmp_path)


def test_embeddings_that_the_catalogue_does_not_know_are_not_thrown_away(gallery: Gallery) -> None:
    before = {path.name: path.read_bytes() for path in gallery.directory.glob("embeddings/*")}
    gallery.collection.close()
    for path in gallery.collection.root.glob("catalogue.db*"):
        path.unlink()
    connect(sqlite_url(gallery.collection.root / "catalogue.db")).dispose()
    gallery.collection = Collection.open(gallery.collection.root)
    with pytest.raises(CatalogueError, match="that the catalogue does not know; was the catalogue"):
        gallery.build()
    gallery.collection.close()
    assert before == {
        path.name: path.read_bytes() for path in gallery.directory.glob("embeddings/*")
    }
