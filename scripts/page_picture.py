"""Make the picture of the page that README shows: docs/page.png.

PYTHONPATH=. .venv/bin/python scripts/page_picture.py mindseye-demo/collection docs/page.png

Needs the extra `serve`, selenium, Chromium and its driver. The gallery is that of
`mindseye serve --demo`, whose people do not exist.
"""

import io
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import uvicorn
from PIL import Image
from selenium import webdriver

from service.app import create_app
from service.settings import ServiceSettings

WIDTH, HEIGHT, COLOURS = 1280, 800, 200
ASKED = "identity = 900010 and pose = 0 and illumination = 7"
WISH = "pose=45"
DRAWN = "return document.querySelectorAll('.answer img, .cell img').length"
LOADED = (
    "return [...document.querySelectorAll('.answer:nth-child(-n+8) img, .pair img')]"
    ".every((one) => one.complete && one.naturalWidth > 0)"
)


def main(collection: Path, out: Path) -> None:
    """Serve a collection, ask on its page, keep what is seen."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(ServiceSettings(collections=(collection,))), port=0, log_level="error"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    driver = browser()
    try:
        shoot(driver, f"http://127.0.0.1:{port}").save(out, optimize=True)
    finally:
        driver.quit()
        server.should_exit = True
        thread.join()


def browser() -> webdriver.Chrome:
    """Open a headless Chromium."""
    options = webdriver.ChromeOptions()
    for one in ("headless=new", "no-sandbox", "hide-scrollbars", "disable-dev-shm-usage"):
        options.add_argument(f"--{one}")
    # A named driver, so that selenium looks for none on the web.
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return driver


def shoot(driver: webdriver.Chrome, address: str) -> Image.Image:
    """Ask for a face that is turned, and return what the page shows, in few colours."""
    driver.get(address)
    found = driver.execute_async_script(
        "const done = arguments[1];"
        "fetch('/v1/images?limit=1&where=' + encodeURIComponent(arguments[0]))"
        ".then((answer) => answer.json()).then(done)",
        ASKED,
    )
    driver.get(f"{address}/?id={found['images'][0]['id']}&wish={WISH}")
    wait(lambda: driver.execute_script(DRAWN) >= 12 + 7)
    wait(lambda: driver.execute_script(LOADED))
    seen = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    return seen.quantize(COLOURS, dither=Image.Dither.NONE)


def wait(holds: Callable[[], object], patience_s: float = 300) -> None:
    """Wait until something holds."""
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("the page does not show what was asked")
        time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
