"""Waiting for other processes: bounded by what they do, not by the clock; none is left running."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

POLL_S = 0.02
NEVER_S = 1800.0  # a last resort, far beyond what the slowest machine takes
MINUTES = "MINDSEYE_TEST_MINUTES"  # that the suite may take
USUAL_MINUTES = 45.0  # four times what it takes; CI ends a run after 90, with all that comes before


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command in a process group of its own; kill and reap all of it at the end."""
    child = subprocess.Popen(command, env=environment, start_new_session=hasattr(os, "killpg"))
    try:
        yield child
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()


def wait_while_it_works(
    child: "subprocess.Popen[bytes]", condition: Callable[[], bool], limit_s: float = NEVER_S
) -> None:
    """Wait until something is so, as long as the process that brings it about is alive.

    Raises:
        AssertionError: The process ended, and it is not so.
        TimeoutError: It works on and on.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if child.poll() is not None and not condition():
            raise AssertionError(f"the process ended with {child.returncode} before it was so")
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(POLL_S)


def wait_until(condition: Callable[[], bool], limit_s: float = NEVER_S) -> None:
    """Wait until something is so that nobody can be asked about.

    Raises:
        TimeoutError: It never was.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(POLL_S)


def too_late(passed_s: float, said: Mapping[str, str] = os.environ) -> str | None:
    """Say why a test is not begun any more, if the suite has taken too long already.

    A machine that is many times slower than usual would else be stopped by CI without a result.

    Args:
        passed_s: How long the suite has been running, seconds.
        said: The environment; MINUTES there says how long it may.
    """
    most = float(said.get(MINUTES, USUAL_MINUTES))
    if passed_s <= 60 * most:
        return None
    return f"not begun: the suite has taken more than {most:g} minutes on this machine ({MINUTES})"
