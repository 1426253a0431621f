"""Count the project's files that one command enters: see README.md beside this."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]
OUTSIDE = {"site-packages", "tests"}
LAYERS = ("gallery", "index", "generator", "retrieval", "commands")  # from the lowest


class Trace:
    """What calls enter.

    Attributes:
        files: Entered, in order, with the number of calls.
        climbs: Calls from a folder into one above it.
    """

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.climbs = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call; for `sys.setprofile`."""
        if event != "call" or frame.f_code.co_name == "<module>":
            return
        entered = _ours(frame)
        if entered is None:
            return
        self.files[entered] = self.files.get(entered, 0) + 1
        caller = frame.f_back and _ours(frame.f_back)
        self.climbs += bool(caller) and _layer(entered) > _layer(caller or "")


def _ours(frame: FrameType) -> str | None:
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(ROOT) or path == Path(__file__):
        return None
    inside = path.relative_to(ROOT)
    return None if OUTSIDE & set(inside.parts) else inside.as_posix()


@contextmanager
def tracing() -> Iterator[Trace]:
    """Note which files are entered."""
    trace = Trace()
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)


def _layer(name: str) -> int:
    folder = name.partition("/")[0]
    return LAYERS.index(folder) if folder in LAYERS else len(LAYERS)


def _run() -> None:
    with redirect_stdout(StringIO()):
        try:
            import_module("cli").main()  # the outermost layer, which nothing imports
        except SystemExit as stopped:
            if stopped.code:
                raise


def main() -> None:
    """Run the command line twice, and count the second time."""
    _run()
    with tracing() as trace:
        _run()
    for name, calls in trace.files.items():
        sys.stdout.write(f"{calls:7,} calls  {name}\n")
    count = len(trace.files)
    sys.stdout.write(f"{count} files; {trace.climbs} calls climb into a folder above\n")


if __name__ == "__main__":
    main()
