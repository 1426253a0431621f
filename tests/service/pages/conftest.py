"""A service over the tiny gallery, and a real browser that looks at its page."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service.pages.looking import Looker
from tests.service.pages.serving import serving

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="session")
def site(collection_dir: Path) -> Iterator[str]:
    """The address of a service over the tiny gallery; tests only read."""
    with serving(collection_dir) as address:
        yield address


@pytest.fixture
def own_site(serve_at: Callable[..., Any], collection_dir: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service over a copy of the tiny gallery, which a test may change."""
    copy = tmp_path / "copy"
    shutil.copytree(collection_dir, copy)
    with serve_at(copy) as address:
        yield address


@pytest.fixture
def serve_at(page: Looker) -> Callable[..., Any]:
    """Serve what a test says; the browser leaves before the service stops.

    A page that still loads pictures when its service goes would call that a mistake.
    """

    @contextmanager
    def serve(*collections: Path, **said: Any) -> Iterator[str]:
        with serving(*collections, **said) as address:
            try:
                yield address
            finally:
                page.leave()

    return serve


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (extra dev)")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for one in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{one}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Any) -> Iterator[Looker]:
    """The browser, as new. At the end its console must hold no mistake and no refused content."""
    looker = Looker(chromium)
    looker.begin()
    yield looker
    looker.require_clean_console()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which scripts/axe fetches."""
    path = os.environ.get("MINDSEYE_AXE")
    if not path:
        pytest.skip("needs axe-core: MINDSEYE_AXE=$(bash scripts/axe) (npm)")
    return Path(path).read_text(encoding="utf-8")
