"""Changes that are made on the page, in a real browser."""

from tests.service.pages.looking import Looker
from tests.service.pages.serving import TOKEN

ENTER = "\ue007"


def test_labels_are_set_for_many_and_images_removed(page: Looker, own_site: str) -> None:
    page.open(f"{own_site}/?id=1&wish=pose%3D45#token={TOKEN}")
    page.answers()
    assert "token" not in page.driver.current_url
    page.js(
        "document.querySelectorAll('[data-select]').forEach((one, at) => at < 2 && one.click())"
    )
    page.reads("#selected", "2 selected")
    page.click("#selected button", 0)
    page.see("dialog input")
    page.js("document.querySelector('dialog input').focus()")
    page.keys("somebody", ENTER)
    page.reads("#notices", "2 pictures labelled")
    names = (
        "return [...document.querySelectorAll('.answer .name')].slice(0, 2).map((e) => e.innerText)"
    )
    assert page.js(names) == ["somebody", "somebody"]
    page.js("document.querySelector('[data-select]').click()")
    gone = page.js("return document.querySelector('[data-select]').dataset.select")
    page.click("#selected button", 1)
    page.click("dialog .danger")
    page.reads("#notices", "1 picture removed")
    left = "return [...document.querySelectorAll('[data-select]')].map((e) => e.dataset.select)"
    page.until(lambda: gone not in page.js(left), "a removed image stays")


def test_a_change_asks_for_the_token_once(page: Looker, own_site: str) -> None:
    page.expected = ["401 (Unauthorized)"]
    page.open(f"{own_site}/?id=1&wish=pose%3D45")
    page.answers()
    page.js("document.querySelector('[data-select]').click()")
    page.click("#selected button", 1)
    page.click("dialog .danger")
    page.see("dialog input[type=password]")
    page.js("document.querySelector('dialog input').focus()")
    page.keys(TOKEN, ENTER)
    page.reads("#notices", "1 picture removed")
