r"""What was found among photographs: a row for each method, heads that were not found as misses.

Example: python -m experiments.photographs.table cmu-faces:faces.tar.gz runs/x/results.json
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gallery.errors import DatasetError, UserError
from gallery.faces import FaceSet
from gallery.json_files import read
from gallery.readers.registry import open_faces
from retrieval.evaluation.fold.fold import wishable
from retrieval.evaluation.outputs import words
from retrieval.evaluation.protocol.files import find_protocol
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.protocol.queries import Labels, all_queries
from retrieval.evaluation.protocol.query_table import known_space, restrict

Json = Mapping[str, Any]
MEASURES = (("C1", "R@1"), ("C1", "R@5"), ("C2", "R@1"), ("C2", "R@5"))


def to_markdown(summary: Json, whole: Mapping[str, int]) -> str:
    """Return the table.

    Args:
        summary: A benchmark's results.json.
        whole: Queries there would be if every head were found, by criterion.
    """
    lines = [
        f"| percent | {' | '.join(f'{c} {m}' for c, m in MEASURES)} |",
        f"|---|{'---:|' * len(MEASURES)}",
    ]
    for method in summary["methods"]:
        if "scores" in method:
            cells = (_cell(summary, method, whole, c, m) for c, m in MEASURES)
            lines.append(f"| `{method['name']}` | {' | '.join(cells)} |")
    lines += ["", *_poses(summary)]
    asked = ", ".join(f"{whole[c]:,} under {c}" for c in whole)
    return "\n".join([*lines, f"Queries: {asked}; those of heads that were not found are misses."])


def _cell(summary: Json, method: Json, whole: Mapping[str, int], criterion: str, name: str) -> str:
    """Return a hit rate and its interval, with all queries as the denominator."""
    figure = method["scores"][criterion][name]
    share = summary["queries"][criterion] / whole[criterion]
    ends = [share * end for end in figure["interval"] or ()]
    return words.figure(share * figure["value"], ends)


def _poses(summary: Json) -> list[str]:
    """Say how often the nearest of the values that the photographs show was estimated."""
    found = []
    for one in summary["estimates"]:
        turns = [float(value) for value in one["values"]]
        shown = [place for place, row in enumerate(one["confusion"]) if sum(row)]
        right = 0
        for place in shown:
            for guess, count in enumerate(one["confusion"][place]):
                nearest = min(shown, key=lambda known: abs(turns[known] - turns[guess]))
                right += count * (nearest == place)
        names = ", ".join(one["values"][place] for place in shown)
        found.append(
            f"`{one['by']}`: the nearest of {names} is right in"
            f" {words.percent(right / one['images'])} % of {one['images']} heads that were cut out."
        )
    return found


def queries_of(faces: FaceSet, protocol: Protocol) -> dict[str, int]:
    """Count the queries that a set would be asked if every face were found, by criterion."""
    named = faces.renamed(protocol.names)
    part = replace(named, faces=restrict(named, protocol.gallery))
    space = known_space(part.faces, part.space)
    labels = Labels.of(part.faces, space)
    wished = wishable(space, space, protocol.attributes, protocol.wishes)
    return all_queries(labels, wished, protocol.wishes).counted()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("results", metavar="RESULTS.json", type=Path)
    parser.add_argument("--protocol", default="cmu-pose", help="a file, or a shipped one")
    given = parser.parse_args()
    try:
        whole = queries_of(open_faces(given.spec), find_protocol(given.protocol, given.spec))
        again = "Run the benchmark again"
        sys.stdout.write(to_markdown(read(given.results, DatasetError, again), whole) + "\n")
    except UserError as error:
        sys.exit(f"Error: {error}")
