"""The page in a real browser: a whole query, by mouse, keyboard, phone, and far away."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.service.pages.looking import PHONE, Looker
from tests.service.pages.serving import TOKEN

ENTER, ESCAPE, LEFT, RIGHT, DOWN = "\ue007", "\ue00c", "\ue012", "\ue014", "\ue015"


def pick(page: Looker, site: str) -> None:
    """Open the page, pick the first face, wait for its drawings."""
    page.open(site)
    page.click(".face-button")
    page.see("[data-attribute=pose] .cell img", 3)


def ask(page: Looker, site: str) -> None:
    """Pick a face and turn it as far left as it goes."""
    pick(page, site)
    page.click("[data-attribute=pose] .cell")
    page.answers()


def test_a_face_is_picked_turned_and_found(page: Looker, site: str) -> None:
    ask(page, site)
    assert page.text("#found-title") == "12 answers: 45° left"
    assert "45° left" in page.text("#drawn figcaption")
    assert page.all("#drawn .drawn .badge"), "a drawing says that it is drawn"
    assert not page.all(".answer .drawn"), "an answer is no drawing"
    assert "wish=pose%3D45" in page.driver.current_url
    page.click(".shot")
    page.see("dialog.compare .drawn-row.found img")
    assert len(page.all("dialog.compare .four figure")) == 4
    page.require_no_sideways_scroll()


def test_bars_are_as_long_as_scores_are_high(page: Looker, site: str) -> None:
    ask(page, site)
    drawn = page.js(
        "return [...document.querySelectorAll('.answer')].map((one) => ["
        "Number(one.querySelector('.number').innerText),"
        "one.querySelector('.part').offsetWidth / one.querySelector('.track').offsetWidth])"
    )
    best = drawn[0][0]
    assert [share for _, share in drawn] == pytest.approx(
        [max(0, score) / best for score, _ in drawn], abs=0.03
    )


def test_what_is_drawn_to_the_left_stands_on_the_left(page: Looker, site: str) -> None:
    pick(page, site)
    values = page.js("return [...document.querySelectorAll('.cell')].map((c) => c.dataset.value)")
    assert values == ["45", "0", "-45"]


def test_a_query_needs_no_mouse(page: Looker, site: str) -> None:
    page.open(site)
    page.see(".face-button img")
    page.tab_to(".face-button")
    page.keys(ENTER)
    page.see("[data-attribute=pose] .cell img", 3)
    assert page.js("return document.activeElement.type") == "range"
    page.keys("\ue011")  # Home: the first value
    page.answers()
    assert page.js("return document.activeElement.getAttribute('aria-valuetext')") == "45° left"
    page.tab_to(".shot")
    page.keys(ENTER)
    page.reads("dialog.compare h2", "Answer 1")
    page.keys(RIGHT)
    page.reads("dialog.compare h2", "Answer 2")
    page.keys(ESCAPE)
    page.gone("dialog")
    assert page.focus().startswith("Answer 2")
    page.tab_to("[data-select]")
    page.keys(" ")
    page.see("#selected")


def test_a_reload_and_the_back_button_keep_what_was_asked(page: Looker, site: str) -> None:
    ask(page, site)
    page.driver.refresh()
    page.answers()
    assert page.text("#found-title") == "12 answers: 45° left"
    page.driver.back()
    page.see(".face-button")
    assert not page.all("#studio")


def test_wishes_that_no_weights_draw_together_give_way(page: Looker, site: str) -> None:
    ask(page, site)
    page.js("document.querySelector('[data-attribute=light] input[value=left]').click()")
    page.reads("#notices", "the turn of the head stays as it is")
    page.reads("#found-title", "12 answers: left")
    assert "pose" not in page.driver.current_url


@pytest.mark.parametrize("path", ["/", "/?id=1&wish=pose%3D45", "/estimates"])
def test_nothing_is_wider_than_a_phone(page: Looker, site: str, path: str) -> None:
    page.size(*PHONE)
    page.open(site + path)
    page.see({"/": ".face-button img", "/estimates": ".tile img"}.get(path, ".answer .rank"))
    page.require_no_sideways_scroll()
    if "wish" in path:
        page.click(".shot")
        page.see("dialog.compare")
        page.require_no_sideways_scroll()


def test_far_away_the_last_wish_is_the_one_that_is_answered(page: Looker, site: str) -> None:
    pick(page, site)
    page.network(latency_ms=250, kilobytes_s=100)
    for at in (0, 2, 1, 2):
        page.click("[data-attribute=pose] .cell", at)
    page.reads("#found-title", "45° right")
    page.answers()
    assert page.text("#found-title") == "12 answers: 45° right"
    assert page.text("#drawn figcaption") == "45° right"


def test_without_the_server_the_page_says_so_and_goes_on(page: Looker, site: str) -> None:
    pick(page, site)
    page.expected = ["ERR_INTERNET_DISCONNECTED"]
    page.offline()
    page.click("[data-attribute=pose] .cell")
    page.reads("#found-problem", "The server does not answer")
    page.network(latency_ms=0)
    page.click("#found-problem button")
    page.answers()


def test_the_filter_completes_and_says_what_is_wrong(page: Looker, site: str) -> None:
    page.open(site)
    page.click("#picker-filter input")
    page.keys("ide", DOWN, ENTER)
    assert page.js("return document.activeElement.value") == "identity "
    page.keys("= p", DOWN, DOWN, ENTER, ENTER)
    page.reads(".filter-said", "1 face")
    assert page.text(".face .name") == "p2"
    page.expected = ["400 (Bad Request)"]
    page.keys("and", ENTER)
    page.see("#picker-filter input[aria-invalid]")


def test_where_reading_needs_the_token_pictures_are_shown_with_it(
    page: Looker, collection_dir: Path, serve_at: Callable[..., Any]
) -> None:
    page.expected = ["401 (Unauthorized)"]
    with serve_at(collection_dir, token_for_reading=True) as site:
        page.open(site)
        page.see("dialog input[type=password]")
        page.keys(TOKEN, ENTER)
        page.see(".face-button img")
        page.until(
            lambda: page.js("return document.querySelector('.face-button img').naturalWidth > 0"),
            "the picture does not come",
        )


def test_an_own_picture_is_cropped_and_asked_about(
    page: Looker, site: str, faces_dir: Path
) -> None:
    page.open(site)
    page.see(".face-button")
    page.driver.find_element("id", "own-file").send_keys(str(faces_dir / "p2-0-left.png"))
    page.until(lambda: page.all("dialog.cropping") or page.all("#studio"), "the picture is lost")
    if not page.all("dialog.cropping"):  # a face was found
        page.click("#source-acts button", 1)
    square = "return document.querySelector('.square').getAttribute('aria-label')"
    before = page.js(square)
    page.keys("-", RIGHT, DOWN)
    assert page.js(square) != before
    page.click("dialog .main")
    page.see("[data-attribute=pose] .cell img", 3)
    page.click("[data-attribute=pose] .cell")
    page.answers()
    assert page.text("#source figcaption") == "your picture"


def test_a_file_that_is_no_picture_is_refused_in_words(
    page: Looker, site: str, tmp_path: Path
) -> None:
    page.open(site)
    page.see(".face-button")
    (tmp_path / "notes.txt").write_text("no picture")
    page.driver.find_element("id", "own-file").send_keys(str(tmp_path / "notes.txt"))
    page.reads("#notices", "notes.txt is no picture")


@pytest.mark.parametrize("uploads", [False, True])
def test_an_empty_gallery_says_what_to_do(
    page: Looker, tmp_path: Path, serve_at: Callable[..., Any], uploads: bool
) -> None:
    said = {"uploads": tmp_path / "uploads"} if uploads else {}
    page.expected = ["404 (Not Found)", "409 (Conflict)"]
    with serve_at(tmp_path / "nothing-yet", **said) as site:
        page.open(site)
        page.reads("main", "There is no face here yet")
        assert "mindseye index build" in page.text("main")
        assert "mindseye serve --demo" in page.text("main")
        assert ("Add pictures here" in page.text("main")) == uploads


def test_labels_that_differ_from_the_estimate_stand_first(page: Looker, site: str) -> None:
    page.open(f"{site}/estimates")
    page.see("#estimates[aria-busy=false]")
    said = page.text("#estimate-sum")
    wrong = page.all(".tile.wrong")
    assert said.startswith(f"{len(wrong)} label"), (said, len(wrong))
    firsts = page.js(
        "return [...document.querySelectorAll('.tiles')].map((list) => "
        "[...list.children].map((one) => one.classList.contains('wrong')))"
    )
    assert all(column == sorted(column, reverse=True) for column in firsts)


def test_light_and_dark_are_kept(page: Looker, site: str) -> None:
    page.open(site)
    page.see(".face-button")
    colour = "return getComputedStyle(document.body).backgroundColor"
    before = page.js(colour)
    page.click("#theme")
    after = page.js(colour)
    assert before != after
    page.open(f"{site}/estimates")
    assert page.js(colour) == after


def test_images_become_a_table_that_runs_no_formula(page: Looker, site: str) -> None:
    page.open(site)
    image = {
        "id": 7, "name": 'a "b", c.png', "identity": "=1+1", "score": -0.5,
        "parts": {"drawing": 0.25}, "condition": {"pose": "-45"}, "sha256": "ab",
    }  # fmt: skip
    text = page.js("return (await import('/static/csv.js')).toCsv(given[0])", [image])
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["name"] == 'a "b", c.png'
    assert row["identity"] == "'=1+1"
    assert (row["score"], row["parts.drawing"], row["condition.pose"]) == ("-0.5", "0.25", "-45")


@pytest.mark.parametrize(
    ("text", "begun", "expected"),
    [
        ("", "", "name"),
        ("po", "po", "name"),
        ("pose ", "", "sign"),
        ("pose = ", "", {"valueOf": "pose"}),
        ("pose = 4", "4", {"valueOf": "pose"}),
        ("identity in (ann, b", "b", {"valueOf": "identity"}),
        ("identity in (ann) ", "", "joint"),
        ("pose = 45 and not ", "", "name"),
        ("estimate.pose is ", "", "known"),
        ('identity = "Ann B." o', "o", "joint"),
    ],
)
def test_a_filter_that_was_begun_knows_what_comes_next(
    page: Looker, site: str, text: str, begun: str, expected: object
) -> None:
    if "/static/filter.js" not in page.driver.current_url:
        page.open(f"{site}/static/filter.js")
    came = page.js("return (await import('/static/filter.js')).where(given[0])", text)
    assert came == {"begun": begun, "expected": expected}


def require_nothing_serious(page: Looker, axe: str) -> None:
    """Fail if axe-core finds something serious in what is shown."""
    page.cdp("Runtime.evaluate", expression=axe)  # as the console does: the page's rules stay
    found = page.js("return (await axe.run({resultTypes: ['violations']})).violations")
    serious = [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/?id=1&wish=pose%3D45", "compare", "crop", "/estimates"])
def test_axe_finds_nothing_serious(
    page: Looker, site: str, axe: str, path: str, theme: str
) -> None:
    page.cdp(
        "Emulation.setEmulatedMedia",
        features=[
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ],
    )
    page.open(site + (path if path.startswith("/") else "/?id=1&wish=pose%3D45"))
    page.see({"/": ".face-button img", "/estimates": ".tile img"}.get(path, ".answer .rank"))
    if path == "compare":
        page.click(".shot")
        page.see("dialog.compare .drawn-row.found img")
    if path == "crop":
        page.js(
            "const {askCrop} = await import('/static/crop.js');"
            "const image = document.createElement('canvas').toDataURL();"
            "askCrop(image, {width: 300, height: 150, crop: [20, 20, 90, 90], found: true})"
        )
        page.see("dialog.cropping")
    require_nothing_serious(page, axe)


def test_axe_finds_nothing_serious_in_dialogs_and_where_there_is_nothing(
    page: Looker, collection_dir: Path, tmp_path: Path, serve_at: Callable[..., Any], axe: str
) -> None:
    page.expected = ["404 (Not Found)", "409 (Conflict)"]
    (tmp_path / "results" / "torn").mkdir(parents=True)
    (tmp_path / "results" / "torn" / "results.json").write_text("{}")
    with serve_at(collection_dir, results=tmp_path / "results") as site:
        page.open(f"{site}/benchmarks")
        page.see(".problem")
        require_nothing_serious(page, axe)
        page.open(f"{site}/?id=1&wish=pose%3D45&where=identity%3Dnobody")
        page.reads("#found-title", "No answer")
        require_nothing_serious(page, axe)
        page.open(f"{site}/?id=1&wish=pose%3D45")
        page.answers()
        page.js("document.querySelector('[data-select]').click()")
        page.click("#selected button", 0)
        page.see("dialog select")
        require_nothing_serious(page, axe)
    with serve_at(tmp_path / "nothing-yet") as site:
        page.open(site)
        page.see(".ways")
        require_nothing_serious(page, axe)
