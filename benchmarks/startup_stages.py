"""One command with its stages timed: benchmarks/startup.py runs it in every commit.

It knows no module of the program, only names that all commits have: `Engine.open` and its
drawings, `open_index`, and `search` of an index. Seconds are of the processor, all threads, each
stage without the stages inside it: what a stage imports counts as imports.
"""

import builtins
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

OF_CLASSES = {
    "Engine": dict.fromkeys(("draw", "closest", "log_probabilities"), "drawing"),
    "ExactIndex": {"search": "search"},
    "ApproximateIndex": {"search": "search"},
}
OURS = {"gallery", "generator", "index", "retrieval", "commands"}


class Stages:
    """Seconds by stage, of a stack of stages that are running.

    Attributes:
        seconds: Of the processor, by stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running = ["rest"]
        self._since = 0.0  # when the process began
        self._seen: set[int] = set()

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose calls are a stage."""

        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            self._turn()
            self._running.append(stage)
            try:
                return function(*given, **named)
            finally:
                self._turn()
                self._running.pop()
                if stage == "imports" and "imports" not in self._running:
                    self._mark()

        return call

    def close(self) -> None:
        """Count what is still running."""
        self._turn()

    def _turn(self) -> None:
        now = time.process_time()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def _mark(self) -> None:
        """Time what was just imported."""
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in OURS and id(module) not in self._seen:
                self._seen.add(id(module))
                self._mark_module(module)

    def _mark_module(self, module: object) -> None:
        for name, found in list(vars(module).items()):
            if name == "open_index" and not hasattr(found, "__wrapped__"):
                setattr(module, name, self.timed("index", found))
            ours = getattr(found, "__module__", "").partition(".")[0] in OURS
            if ours and name in OF_CLASSES and id(found) not in self._seen:
                self._seen.add(id(found))
                for method, stage in OF_CLASSES[name].items():
                    setattr(found, method, self.timed(stage, getattr(found, method)))
                if name == "Engine":
                    opened = self.timed("weights", vars(found)["open"].__func__)
                    setattr(found, "open", classmethod(opened))  # noqa: B010


def main() -> None:
    """Run the command line: STAGES.json, then its own arguments."""
    out = Path(sys.argv.pop(1))
    stages = Stages()
    builtins.__import__ = stages.timed("imports", builtins.__import__)
    importlib.import_module = stages.timed("imports", importlib.import_module)
    cli = importlib.import_module("cli")
    try:
        cli.main()
    except SystemExit as stopped:
        if stopped.code:
            raise
    stages.close()
    names = ("imports", "weights", "index", "drawing", "search", "rest")
    out.write_text(json.dumps({name: stages.seconds[name] for name in names}), encoding="utf-8")


if __name__ == "__main__":
    main()
