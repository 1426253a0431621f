import os
import sys

import pytest

from tests.waiting import (
    MINUTES,
    USUAL_MINUTES,
    running,
    too_late,
    wait_until,
    wait_while_it_works,
)

FOREVER = [sys.executable, "-c", "import time; time.sleep(3600)"]


def test_a_child_is_ended_and_reaped_when_a_test_fails() -> None:
    with pytest.raises(RuntimeError, match="the test"), running(FOREVER) as child:
        raise RuntimeError("the test")
    assert child.returncode is not None


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX")
def test_the_children_of_a_child_are_ended_too() -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, *sys.argv[1:]]).wait()"
    with running([sys.executable, "-c", code, *FOREVER[1:]]) as child:
        pass

    def gone() -> bool:
        try:
            os.killpg(child.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone)


def test_waiting_ends_with_the_process_that_is_waited_for() -> None:
    with (
        running([sys.executable, "-c", "raise SystemExit(3)"]) as child,
        pytest.raises(AssertionError, match="ended with 3 before"),
    ):
        wait_while_it_works(child, lambda: False)


def test_waiting_ends_when_it_is_so() -> None:
    with running(FOREVER) as child:
        wait_while_it_works(child, lambda: child.pid > 0)
        with pytest.raises(TimeoutError):
            wait_while_it_works(child, lambda: False, limit_s=0)
    with pytest.raises(TimeoutError):
        wait_until(lambda: False, limit_s=0)


def test_a_suite_that_takes_far_too_long_begins_no_more_tests() -> None:
    assert too_late(60 * USUAL_MINUTES, {}) is None
    assert "more than 45 minutes" in str(too_late(60 * USUAL_MINUTES + 1, {}))
    assert too_late(100, {MINUTES: "2"}) is None
    assert "more than 1.5 minutes" in str(too_late(100, {MINUTES: "1.5"}))
