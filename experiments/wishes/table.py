r"""What was found of each wish, from a benchmark's queries.npz: a row for each value and method.

Of queries that wish for several attributes at once, the value of the one that is named counts.

Example: python -m experiments.wishes.table \
    results/wide --attribute pose --methods ours,raw/sface/no-source
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from gallery.attributes import as_number
from gallery.errors import ConfigError, UserError
from retrieval.evaluation.outputs import words
from retrieval.evaluation.statistics.comparison import read_results, scores_in
from retrieval.evaluation.statistics.estimation import Sample
from retrieval.evaluation.statistics.per_query import PerQuery

MEASURES = ("R@1", "R@5")


def rows(table: PerQuery, attribute: str, methods: list[str], criteria: list[str]) -> list[str]:
    """Return the table's rows in Markdown, percent; opposite numbers (-60, 60) share one.

    Raises:
        ConfigError: Nothing was wished of the attribute, a method did not run, or there is no such
            criterion.
    """
    for criterion in criteria:
        if criterion not in table.criteria:
            known = ", ".join(table.criteria)
            raise ConfigError(f"There is no criterion {criterion!r} there; it has {known}")
    wished = np.array([_wished(key, attribute) for key in table.key.tolist()])
    values = sorted(set(wished.tolist()) - {""}, key=lambda value: (as_number(value) or 0, value))
    if not values:
        raise ConfigError(f"Nothing was wished of {attribute!r} there")
    person = np.unique(table.identity, return_inverse=True)[1].astype(np.int64)
    columns = [table.measures.index(name) for name in MEASURES]
    lines = []
    for value in values:
        for method in methods:
            if method not in table.methods:
                raise ConfigError(f"{method!r} did not run there; it has {table.methods}")
            cells = []
            for criterion in criteria:
                scores = scores_in(table, method, criterion)
                sample = Sample((wished == value) & np.isfinite(scores[:, 0]), person)
                figures = sample.figures(scores[:, columns])
                cells += [words.figure(one.value, one.interval) for one in figures]
            asked = int((wished == value).sum())
            lines.append(f"| {value} | {asked:,} | `{method}` | {' | '.join(cells)} |")
    return lines


def _wished(key: str, attribute: str) -> str:
    """Return the value that a query wishes for, without its sign; "" of another attribute."""
    wishes = dict(wish.partition("=")[::2] for wish in key.split("\t")[1:])
    value = wishes.get(attribute, "")
    number = as_number(value)
    return value if number is None or number >= 0 else value.removeprefix("-")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--attribute", required=True)
    parser.add_argument("--methods", default="ours", help="names, with commas between")
    parser.add_argument("--criteria", default="C1,C2", help="with commas between")
    given = parser.parse_args()
    criteria = given.criteria.split(",")
    try:
        table = read_results(given.results)[1]
        found = rows(table, given.attribute, given.methods.split(","), criteria)
    except UserError as error:
        sys.exit(f"Error: {error}")
    names = " | ".join(f"{criterion} {name}" for criterion in criteria for name in MEASURES)
    head = f"| wish | queries | method | {names} |\n|---|---:|---|" + "---:|" * names.count("R@")
    sys.stdout.write("\n".join([head, *found, ""]))
