"""Workers that are processes of this machine, of a few threads each.

They are started as `python -m retrieval.collection.workers.processes FD` and talk through a socket
that both inherit: no program is run a second time, as `multiprocessing` would. They end with their
build, however that ends.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from gallery.errors import UserError
from retrieval.collection.workers.block import Block, EmbeddedBlock
from retrieval.collection.workers.pool import WorkerLostError
from retrieval.collection.workers.recipe import BlockWorker, WorkerRecipe, prepare_process

START_S = 600.0


class ProcessWorker:
    """A worker in a process of its own.

    Attributes:
        sees_images: Whether it can read the files of the build; known when it is open.
    """

    sees_images = False

    def __init__(self, recipe: WorkerRecipe) -> None:
        """Start its process."""
        here, there = socket.socketpair()
        paths = os.pathsep.join(path for path in sys.path if path)
        threads = {} if recipe.threads is None else {"OMP_NUM_THREADS": str(recipe.threads)}
        with there:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-m", __name__, str(there.fileno())],
                pass_fds=[there.fileno()],
                env={**os.environ, "PYTHONPATH": paths, **threads},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the build alone
            )
        self._connection = Connection(here.detach())
        self._recipe = recipe

    def open(self) -> None:
        """Wait until it is ready; see `Worker.open`."""
        self.sees_images = bool(self._ask(self._recipe, START_S))

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    def embed(self, block: Block, limit_s: float) -> EmbeddedBlock:
        """Embed a block; see `Worker.embed`."""
        made: EmbeddedBlock = self._ask(block, limit_s)
        return made

    def stop(self) -> None:
        """End it, now."""
        self._process.kill()
        self._process.wait()

    def _ask(self, question: object, limit_s: float) -> Any:  # noqa: ANN401  as it is asked
        try:
            self._connection.send(question)
            if not self._connection.poll(limit_s):
                raise WorkerLostError(f"it had not ended after {limit_s:.0f} s")
            answer = self._connection.recv()
        except (EOFError, OSError):
            raise WorkerLostError(_ended(self._process)) from None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _ended(process: "subprocess.Popen[bytes]") -> str:
    """Say how a process ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    code = process.returncode
    if code is None:
        return "its process does not answer"
    if code >= 0:
        return f"its process ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"its process was ended by {name}"


def serve(connection: Connection) -> None:
    """Embed what comes until nobody is there any more."""
    with suppress(EOFError, OSError):  # the build has ended
        recipe: WorkerRecipe = connection.recv()
        prepare_process(recipe)
        try:
            worker = BlockWorker(recipe)
        except UserError as error:
            connection.send(error)
            return
        connection.send(worker.sees_images)
        while True:
            block: Block = connection.recv()
            try:
                connection.send(worker.embed(block))
            except Exception as error:  # noqa: BLE001  told to the build, which raises it
                connection.send(error)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
