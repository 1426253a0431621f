"""The table of photographs: heads that were not found count as misses."""

import json
from pathlib import Path

import pytest

from experiments.photographs.table import queries_of, to_markdown
from gallery.readers.registry import open_faces
from retrieval.evaluation.protocol.protocol import Protocol
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated


def test_queries_that_nobody_could_ask_are_misses() -> None:
    record = simulated.record(4, names=("ours", "raw"), most=200)
    summary = json.loads(json.dumps(summarise(record, score_all(record))))
    asked = summary["queries"]
    whole = {criterion: 2 * count for criterion, count in asked.items()}
    rows = {
        line.split("|")[1].strip(): [cell.split()[0] for cell in line.split("|")[2:-1]]
        for line in to_markdown(summary, whole).splitlines()
        if line.startswith("| `")
    }
    for method in summary["methods"]:
        if "scores" in method:
            value = method["scores"]["C1"]["R@5"]["value"]
            assert float(rows[f"`{method['name']}`"][1]) == pytest.approx(50 * value, abs=0.051)


def test_an_estimate_counts_as_the_nearest_value_that_is_shown() -> None:
    record = simulated.record(4, names=("ours",), most=50)
    summary = json.loads(json.dumps(summarise(record, score_all(record))))
    confusion = [[0] * 7 for _ in range(7)]
    confusion[0][:3] = [5, 3, 2]  # -45, taken for -45, -30 and -15
    confusion[3][2:5] = [1, 8, 1]  # 0, taken for -15, 0 and 15
    values = ["-45", "-30", "-15", "0", "15", "30", "45"]
    told = {"by": "ours", "values": values, "confusion": confusion, "images": 20}
    said = to_markdown({**summary, "estimates": [told]}, summary["queries"])
    assert "the nearest of -45, 0 is right in 90.0 % of 20 heads" in said


def test_queries_are_counted_as_if_every_face_were_found(faces_spec: str, faces_dir: Path) -> None:
    faces = open_faces(faces_spec)
    counted = queries_of(faces, Protocol(attributes=("pose",)))
    poses = len(faces.space["pose"].values)
    assert counted["C1"] == len(list(faces_dir.glob("*.png"))) * (poses - 1)
