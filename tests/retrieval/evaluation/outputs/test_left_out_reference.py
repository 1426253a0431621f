"""Pages of benchmarks whose reference was left out, as nothing that was named draws."""

import pytest

from retrieval.evaluation.outputs.page import _groups

GROUP = {"label": "0", "queries": 9, "people": 3}
SCORE = {"value": 0.5, "interval": [0.4, 0.6]}


@pytest.mark.parametrize(("name", "shown"), [("raw/pixels", 0), ("ours", 1)])
def test_groups_are_shown_of_a_reference_that_was_run(name: str, shown: int) -> None:
    groups = [{**GROUP, "scores": {name: SCORE}}]
    breakdown = {"criterion": "C2", "measure": "R@1", "by": "pose", "groups": groups}
    assert len(_groups({"reference": "ours", "breakdowns": [breakdown]})) == shown
