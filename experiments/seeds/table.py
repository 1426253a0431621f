r"""Means over several trainings, from a benchmark of each: intervals over people, ± over trainings.

Example: python -m experiments.seeds.table \
    ours=runs/a-0/pose,runs/a-1/pose paper=runs/b-0/pose,runs/b-1/pose
"""

import argparse
import sys
from pathlib import Path

from experiments.seeds.trainings import across_trainings, to_markdown
from gallery.errors import ConfigError, UserError


def group_of(text: str) -> tuple[str, list[Path]]:
    """Read NAME=RESULTS,RESULTS.

    Raises:
        ConfigError: It is nothing of the kind.
    """
    name, sign, paths = text.partition("=")
    if not (name and sign and paths):
        raise ConfigError(f"{text!r} is no group; write NAME=RESULTS,RESULTS")
    return name, [Path(path) for path in paths.split(",")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="+", metavar="NAME=RESULTS,RESULTS")
    parser.add_argument("--methods", default="ours", help="names, with commas between")
    parser.add_argument("--measures", default="R@1,R@5,R@20", help="likewise")
    given = parser.parse_args()
    try:
        groups = dict(group_of(text) for text in given.groups)
        rows = across_trainings(groups, given.methods.split(","))
    except UserError as error:
        sys.exit(f"Error: {error}")
    wanted = given.measures.split(",")
    sys.stdout.write(to_markdown([row for row in rows if row.measure in wanted]))
