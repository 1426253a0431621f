"""The editors of plan.toml: which sets are drawn, and what is trained on them.

As a script it prints a line for each editor asked for, tab-separated, for run.sh beside it:
set, name, architecture, attribute, people trained on, file of settings, edits.
"""

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gallery.errors import ConfigError, UserError, did_you_mean

FOLDER = Path(__file__).parent
PLAN = FOLDER / "plan.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSet:
    """A set of faces.

    Attributes:
        attribute: What is wished for.
        draw: Options of `mindseye studio draw`.
        people: The first so many are trained on; the others are tested on.
        edits: Measured of each editor.
    """

    attribute: str
    draw: tuple[str, ...]
    people: int
    edits: int

    def __post_init__(self) -> None:
        if min(self.people, self.edits) < 1:
            raise ConfigError(f"people and edits must be positive: {self.people}, {self.edits}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """A network to be trained.

    Attributes:
        name: Of its folder and its row.
        set: Name of the set.
        architecture: As in `--architecture`.
        group: Trained only when its group, its set or it is named; "" for always.
    """

    name: str
    set: str
    architecture: str
    group: str = ""

    @property
    def path(self) -> Path:
        """Its file of settings."""
        return FOLDER / "settings" / f"{self.name}.toml"


@dataclass(frozen=True, slots=True)
class Plan:
    """All sets by name, and all editors in the order they are trained."""

    sets: Mapping[str, DrawnSet]
    editors: Sequence[Editor]

    def chosen(self, asked: Sequence[str]) -> tuple[Editor, ...]:
        """Return the editors of some names, sets or groups; those without a group for nothing.

        Raises:
            ConfigError: A name is unknown.
        """
        known = {name for one in self.editors for name in _names(one)}
        for name in asked:
            if name not in known:
                raise ConfigError(f"There is no editor {name!r}; {did_you_mean(name, known)}")
        if not asked:
            return tuple(one for one in self.editors if not one.group)
        return tuple(one for one in self.editors if _names(one) & set(asked))


def read_plan(path: Path = PLAN) -> Plan:
    """Read the plan.

    Raises:
        ConfigError: It names a set or a file that is not there, or two editors alike.
    """
    data = tomllib.loads(path.read_text("utf-8"))
    sets = {
        name: DrawnSet(**{**table, "draw": tuple(table["draw"])})
        for name, table in data["sets"].items()
    }
    editors = tuple(Editor(**table) for table in data["editors"])
    places = [(one.set, one.name) for one in editors]
    for one, place in zip(editors, places, strict=True):
        if one.set not in sets:
            raise ConfigError(f"{one.name}: no set {one.set!r}; {did_you_mean(one.set, sets)}")
        if not one.path.is_file():
            raise ConfigError(f"{one.name}: there is no {one.path}; write its settings there")
        if places.count(place) > 1:
            raise ConfigError(f"Two editors on {one.set} are called {one.name}; rename one")
    return Plan(sets, editors)


def _names(editor: Editor) -> set[str]:
    return {editor.name, editor.set, editor.group, f"{editor.set}/{editor.name}"} - {""}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", metavar="SET", help="print how a set is drawn, a word a line")
    parser.add_argument("asked", nargs="*")
    given = parser.parse_args()
    try:
        plan = read_plan()
        if given.draw:
            sys.stdout.write("".join(f"{word}\n" for word in plan.sets[given.draw].draw))
            sys.exit()
        for one in plan.chosen(given.asked):
            drawn = plan.sets[one.set]
            fields = (one.set, one.name, one.architecture, drawn.attribute)
            line = "\t".join(map(str, (*fields, drawn.people, one.path, drawn.edits)))
            sys.stdout.write(f"{line}\n")
    except UserError as error:
        sys.exit(str(error))
