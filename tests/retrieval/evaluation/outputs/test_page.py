"""The page: whole in itself, safe with any names, and wide enough for a phone."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.evaluation.outputs import examples, pictures, views
from retrieval.evaluation.outputs.page import to_html
from retrieval.evaluation.published import published
from retrieval.evaluation.records import People, Record
from retrieval.evaluation.statistics.outcomes import Kind, kinds, rank_all
from retrieval.evaluation.statistics.summary import score_all, summarise
from tests.retrieval.evaluation import simulated
from tests.waiting import NEVER_S

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
NAMES = ("ours", "ours-pixels", "two-step/sface", "raw", "oracle-target")


class Outline(HTMLParser):
    """Collects the tags of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def record() -> Record:
    return simulated.record(6, names=NAMES, most=300, pictures=True)


@pytest.fixture(scope="module")
def summary(record: Record) -> dict[str, Any]:
    return summarise(record, score_all(record))


@pytest.fixture(scope="module")
def page(summary: dict[str, Any], record: Record) -> str:
    return to_html(summary, record)


def test_every_tag_is_closed_and_every_picture_is_described(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    images = outline.all("img")
    assert len(images) > 60
    assert all("alt" in image for image in images)
    assert sum(image["alt"] == "" for image in images) == 1  # the colours' scale, said in words


def test_it_needs_no_network_and_no_script(page: str) -> None:
    outline = Outline(page)
    assert not [tag for tag, _ in outline.tags if tag in {"script", "link", "iframe", "base"}]
    for _, attributes in outline.tags:
        for name in ("src", "href", "srcset", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,"))
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", page)


def test_links_lead_somewhere(page: str) -> None:
    outline = Outline(page)
    places = {attributes["id"] for _, attributes in outline.tags if "id" in attributes}
    links = [link["href"] for link in outline.all("a")]
    assert len(links) == 9
    assert {link.removeprefix("#") for link in links} == places


def test_it_says_what_was_measured_and_how(page: str, summary: dict[str, Any]) -> None:
    text = " ".join(Outline(page).text.split())
    for method in summary["methods"]:
        assert method["name"] in text
    assert "skipped: dlib is not installed" in text
    ours = next(one for one in summary["methods"] if one["name"] == "ours")
    for criterion in ("C1", "C2"):
        for figure in ours["scores"][criterion].values():
            low, high = (f"{100 * end:.1f}" for end in figure["interval"])
            assert f"{100 * figure['value']:.1f}" in text
            assert low == high or f"{low}, {high}" in text
    assert summary["command"] in text
    for sha256 in summary["hashes"].values():
        assert sha256 in text
    for row in summary["mse_matrix"][2]["mean"]:
        assert all(cell is None or f"{cell:,.0f}" in text for cell in row)
    assert "as published: arXiv 1511.08446, Table 3" in text
    assert "578.5" in text
    for one in summary["estimates"]:
        assert f"right on {100 * one['accuracy']:.1f} % of {one['images']:,} images" in text


def test_names_of_the_users_data_cannot_write_the_page(
    record: Record, summary: dict[str, Any]
) -> None:
    evil = "<script>alert(1)</script>\" onload='x'"
    people = People((evil, *record.people.names[1:]), record.people.traits)
    told = {**summary, "spec": evil, "command": evil, "machine": evil}
    page = to_html(told, replace(record, people=people))
    assert "<script" not in page
    outline = Outline(page)
    assert outline.text.count("alert(1)") > 3
    assert not [a for _, a in outline.tags if "onload" in a]


def test_colours_follow_the_readers_wish(page: str) -> None:
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "prefers-color-scheme: dark" in page


def test_successes_and_failures_are_what_they_are_called(record: Record) -> None:
    good, bad = examples.choose(record)
    first = rank_all(record.methods[0], record.queries)["C2"].first
    asked = [first[example.query] for example in record.examples]
    assert len(good) == min(examples.SHOWN, sum(rank == 0 for rank in asked))
    assert len(bad) == min(examples.SHOWN, sum(rank >= 5 for rank in asked))
    assert bad
    for shown in good:
        assert shown.found[0].kind == "right"
        assert shown.outcome == "first right image at rank 1"
        assert [one.caption for one in shown.asked] == ["source", "drawn", "target"]
    for shown in bad:
        assert all(one.kind != "right" for one in shown.found)
        assert all("wrong: " in one.alt for one in shown.found)


def test_captions_say_what_differs_from_the_source(record: Record) -> None:
    shown = examples.choose(record)[0][0]
    title = re.fullmatch(r"(\S+): pose (\S+) → (\S+)", shown.title)
    assert title is not None
    who, _, wished = title.groups()
    assert shown.found[0].caption == f"{who}, pose {wished}"


def test_people_and_wishes_repeat_as_late_as_possible(record: Record) -> None:
    good, _ = examples.choose(record, wanted=4)
    assert len({shown.title.split(":")[0] for shown in good}) == 4
    assert len({shown.title.split()[-1] for shown in good}) == 4


def test_without_pictures_nothing_is_chosen(record: Record) -> None:
    assert examples.choose(replace(record, examples=())) == ([], [])


def test_marks_stand_where_their_numbers_say(summary: dict[str, Any]) -> None:
    marks = views.headline(summary, "C2", "R@5", published(["pose"]))
    assert [mark.at for mark in marks] == sorted((mark.at for mark in marks), reverse=True)
    ours = next(mark for mark in marks if mark.label == "ours")
    figure = summary["methods"][0]["scores"]["C2"]["R@5"]
    assert ours.at == pytest.approx(100 * figure["value"])
    assert ours.text == f"{ours.at:.1f}"
    assert ours.papers == (74.1, 76.1)
    assert (ours.role, marks[0].role, marks[-1].role) == ("ours", "bound", "bound")


def test_the_best_is_the_best_that_a_user_could_run(summary: dict[str, Any]) -> None:
    table = views.rates(summary, "C2", published([]))
    best = {row.head: [cell.tone == "best" for cell in row.cells] for row in table.rows}
    assert all(best["ours"])
    assert not any(best["oracle-target"])
    assert table.rows[-2].empty == "skipped: " + summary["methods"][-2]["skipped"]


def test_differences_are_coloured_where_the_interval_leaves_zero(summary: dict[str, Any]) -> None:
    table = views.differences(summary, "C2")
    tones = {row.head: row.cells[0].tone for row in table.rows}
    assert (tones["raw"], tones["oracle-target"]) == ("down", "up")
    assert "ours" not in tones


def test_colours_rise_in_lightness() -> None:
    colours = pictures.coloured(np.linspace(0, 1, 50)).astype(float)
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()


def test_kinds_of_the_pictures_are_those_of_the_rankings(record: Record) -> None:
    found = kinds(record, record.methods[0])
    shown = examples.choose(record)[1][0]
    names = [one.kind for one in shown.found]
    rows = [[Kind(kind).name.lower() for kind in row[:5]] for row in found.tolist()]
    assert names in rows


MEASURE = """<script>document.title = [document.documentElement.scrollWidth,
document.documentElement.clientWidth, document.querySelectorAll('td').length].join(' ')</script>"""


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no chromium; apt install chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(page: str, tmp_path: Path, width: int) -> None:
    inner = tmp_path / "report.html"
    inner.write_text(page.replace("</body>", f"{MEASURE}</body>"))
    frame = tmp_path / "frame.html"  # a window cannot be as narrow as a phone; a frame can
    frame.write_text(
        f'<iframe src="report.html" style="width:{width}px;height:900px;border:0"></iframe>'
        "<p></p><script>onload = () => { document.querySelector('p').textContent ="
        " document.querySelector('iframe').contentDocument.title }</script>"
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [
        "--dump-dom",
        "--allow-file-access-from-files",
        "--virtual-time-budget=5000",
        frame.as_uri(),
    ]
    dumped = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=NEVER_S
    ).stdout
    measured = re.search(r"<p>(\d+) (\d+) (\d+)</p>", dumped)
    assert measured is not None, dumped[:300]
    needed, there, cells = map(int, measured.groups())
    assert there == width
    assert needed == width
    assert cells > 100
