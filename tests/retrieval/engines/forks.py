"""Work in processes of their own, forks of this one: they end as other programs do."""

import os
import signal
import traceback
from collections.abc import Callable, Sequence

Work = Callable[[], None]


def start(work: Work) -> int:
    """Do work in a fork; return its process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except Exception:  # noqa: BLE001  a fork must not go on as the test
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def in_forks(every: Sequence[Work]) -> list[int]:
    """Do all of it at once; return how each ended."""
    children = [start(work) for work in every]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def killed_after(portions: int, work: Callable[[Callable[[], None]], None]) -> None:
    """Do work in a fork, and kill it when it has told of so many portions.

    Args:
        portions: How many.
        work: Is given what to call after each.
    """
    reading, writing = os.pipe()

    def tell() -> None:
        os.write(writing, b".")

    child = start(lambda: work(tell))
    os.close(writing)
    told = 0
    while told < portions and (read := os.read(reading, 1)):
        told += len(read)
    os.kill(child, signal.SIGKILL)
    os.close(reading)
    os.waitpid(child, 0)
    assert told == portions
