"""The papers' figures, typed a second time from the papers, as their tables print them."""

import numpy as np
import pytest

from retrieval.evaluation.published import published

TABLE_2 = """
2-step retrieval image 11.5% 25.9% 43.2%
2-step retrieval our 2nd network 16.4% 33.0% 50.7%
2-step retrieval VGG-16 21.7% 38.1% 53.5%
2-step retrieval Deep 56.9% 78.0% 90.2%
Yim et al. [27] CPI 61.0% 79.5% 90.8%
ours image 39.0% 61.5% 75.4%
ours our 2nd network 53.5% 80.5% 90.7%
"""
TABLE_3 = """
2-step retrieval image 6.3% 15.6% 25.3%
2-step retrieval our 2nd network 9.5% 21.5% 32.7%
Yim et al. [27] CPI 14.8% 39.7% 63.7%
ours image 29.5% 52.8% 66.3%
ours our 2nd network 43.2% 74.1% 86.0%
"""


@pytest.mark.parametrize(("where", "printed"), [("Table 2", TABLE_2), ("Table 3", TABLE_3)])
def test_hit_rates_are_those_of_the_first_version(where: str, printed: str) -> None:
    rows = [row for row in published(["pose"]).retrieval if row.where == where]
    lines = printed.strip().splitlines()
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        words = line.split()
        rates = [float(word.rstrip("%")) for word in words[-3:]]
        assert [row.rates[name] for name in ("R@1", "R@5", "R@20")] == rates
        assert row.method.startswith(("2-step", "Yim", "ours"))
        assert row.method.split()[0].rstrip(",") == words[0]
        assert row.criterion == ("C1" if where == "Table 2" else "C2")


def test_hit_rates_and_errors_are_those_of_bmvc() -> None:
    found = published(["pose", "illumination", "occlusion"])
    (row,) = (row for row in found.retrieval if row.source == "bmvc")
    assert (row.criterion, dict(row.rates)) == ("C2", {"R@1": 49.9, "R@5": 76.1})
    errors = {(row.source, row.where): dict(row.stages) for row in found.errors}
    assert errors == {
        ("arxiv", "Table 1"): {"stage 1": 380.89, "stage 2": 369.16},
        ("bmvc", "Table 1"): {"stage 1": 381.5, "stage 2": 376.3},
        ("bmvc", "Table 1, 510 images"): {"stage 1": 578.5, "stage 2": 570.5, "cpi": 884.4},
        ("bmvc", "section 4.2"): {"stage 1": 193.3, "stage 2": 146.6},
        ("bmvc", "section 4.2, inpainting"): {"source": 1473, "stage 2": 64.6},
    }
    assert [row.percent for row in found.estimates] == [73.3]


def test_the_matrix_has_the_means_that_the_text_speaks_of() -> None:
    (matrix,) = published(["pose"]).matrices
    cells = np.array([[np.nan if c is None else c for c in row] for row in matrix.cells])
    assert np.isnan(np.diag(cells)).all()
    assert np.isnan(cells).sum() == 7
    assert np.nanmean(cells) == pytest.approx(376.3, abs=0.5)  # Table 1, of 10,000 of them
    place = {value: number for number, value in enumerate(matrix.values)}

    def error(source: str, wished: str) -> float:
        return float(cells[place[source], place[wished]])

    # "the result from -15 to 15 with the one from -15 to -45"; "from -30 to 0 with ... 0 to +30"
    assert error("-15", "15") < error("-15", "-45")
    assert error("-30", "0") < error("0", "30")


def test_other_wishes_have_no_published_rates() -> None:
    found = published(["expression"])
    assert (found.retrieval, found.errors, found.matrices, found.estimates) == ((), (), (), ())
    assert not published(["illumination"]).retrieval
