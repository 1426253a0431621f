"""Changes that are made on the page, in a real browser."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

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


def test_pictures_are_added_and_the_page_says_how_many(
    page: Looker, collection_dir: Path, tmp_path: Path, serve_at: Callable[..., Any]
) -> None:
    shutil.copytree(collection_dir, tmp_path / "copy")
    Image.new("RGB", (64, 64), "orange").save(tmp_path / "new.png")
    with serve_at(tmp_path / "copy", uploads=tmp_path / "uploads") as site:
        page.open(f"{site}/#token={TOKEN}")
        page.see(".face-button img")
        page.js(  # a file chooser cannot be typed into, but the field behind it can
            "HTMLInputElement.prototype.click = function () {"
            " this.id = 'chooser'; document.body.append(this); };"
            "[...document.querySelectorAll('.own button')].at(-1).click()"
        )
        page.driver.find_element("id", "chooser").send_keys(str(tmp_path / "new.png"))
        page.see("#add-who")
        page.click("dialog .main")
        page.reads("dialog", "1 picture added")
