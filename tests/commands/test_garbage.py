"""When Python looks for garbage."""

import gc
from collections.abc import Iterator

import pytest

from commands.garbage import uncollected
from tests.running import in_a_process


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    were = gc.isenabled()
    yield
    (gc.enable if were else gc.disable)()


@pytest.mark.parametrize("were", [True, False])
def test_garbage_is_collected_again_as_before(were: bool) -> None:
    (gc.enable if were else gc.disable)()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled() == were


def test_a_process_of_the_command_line_ends_with_all_objects_frozen() -> None:
    code = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count() > 1000, gc.isenabled()))  # the last to run
import cli
sys.argv = ["mindseye", "--version"]
cli.main()
"""
    done = in_a_process(code)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["True True"]
