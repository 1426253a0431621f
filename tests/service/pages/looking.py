"""What tests do with a browser: look, wait, click, type."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 300.0  # a CI machine may be slow
DESKTOP = (1280, 900)
PHONE = (390, 844)


class Looker:
    """A browser with patience: what is not there yet is waited for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.expected: list[str] = []

    def begin(self) -> None:
        """Forget everything: size, network, storage, console."""
        self.size(*DESKTOP)
        self.cdp("Network.enable")
        self.network(latency_ms=0)
        self.cdp("Storage.clearDataForOrigin", origin="*", storageTypes="all")
        self.leave()
        self.driver.get_log("browser")

    def cdp(self, command: str, **said: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, said)

    def size(self, width: int, height: int) -> None:
        """Be a screen of a size, in pixels of CSS."""
        said = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", **said)

    def network(self, *, latency_ms: int, kilobytes_s: int = -1) -> None:
        """Be far away."""
        rate = kilobytes_s * 1024 if kilobytes_s > 0 else -1
        said = {"latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate}
        self.cdp("Network.emulateNetworkConditions", offline=False, **said)

    def offline(self) -> None:
        """Lose the network."""
        said = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.cdp("Network.emulateNetworkConditions", offline=True, **said)

    def leave(self) -> None:
        """Go to an empty page; what is still being loaded is let go of."""
        self.driver.get("about:blank")

    def open(self, address: str) -> None:
        """Open an address anew, also where only what stands behind # differs."""
        self.leave()
        self.driver.get(address)

    def js(self, script: str, *given: Any) -> Any:
        """Run a function's body in the page; what it awaits is awaited."""
        whole = f"""
            const done = arguments[arguments.length - 1];
            (async (...given) => {{ {script} }})(...[...arguments].slice(0, -1))
                .then((value) => done({{value}}), (error) => done({{error: String(error)}}));
        """
        self.driver.set_script_timeout(PATIENCE_S)
        came = self.driver.execute_async_script(whole, *given)
        assert "error" not in came, came["error"]
        return came.get("value")

    def all(self, css: str) -> list[Any]:
        """Return all elements that match and are seen."""
        found = self.driver.find_elements("css selector", css)
        return [one for one in found if one.is_displayed()]

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """Wait until something holds; elements that go meanwhile are looked for again."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                if held := holds():
                    return held
            except Exception as problem:  # selenium's, of elements that went
                if time.monotonic() > end:
                    raise AssertionError(what) from problem
            assert time.monotonic() < end, f"{what}; the page says: {self.text('main')[:600]}"
            time.sleep(0.03)

    def see(self, css: str, least: int = 1) -> Any:
        """Wait until elements are seen; return the first."""
        return self.until(lambda: len(self.all(css)) >= least and self.all(css), css)[0]

    def gone(self, css: str) -> None:
        """Wait until no such element is seen."""
        self.until(lambda: not self.all(css), f"{css} does not go")

    def reads(self, css: str, text: str) -> None:
        """Wait until an element holds a text."""
        self.until(lambda: text in self.text(css), f"{css} does not say {text!r}")

    def text(self, css: str) -> str:
        """Return what is read in the first element that matches."""
        return str(self.js("return document.querySelector(given[0])?.innerText ?? ''", css))

    def click(self, css: str, at: int = 0) -> None:
        """Click on an element, as a mouse does."""
        self.see(css, at + 1)
        self.js(
            "document.querySelectorAll(given[0])[given[1]].scrollIntoView({block: 'center'})",
            css,
            at,
        )
        self.until(lambda: [self.all(css)[at].click()], f"cannot click {css}")

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for one in keys:
            self.driver.switch_to.active_element.send_keys(one)

    def focus(self) -> str:
        """Return how the element that has the focus is told to who cannot see it."""
        return str(
            self.js(
                "const e = document.activeElement;"
                "return e.getAttribute('aria-label') ?? e.innerText ?? e.tagName"
            )
        )

    def tab_to(self, css: str, most: int = 60) -> None:
        """Press Tab until an element has the focus."""
        for _ in range(most):
            if self.js("return document.activeElement.matches(given[0])", css):
                return
            self.keys("\ue004")
        raise AssertionError(f"Tab does not lead to {css}; it is at {self.focus()}")

    def answers(self) -> None:
        """Wait until answers are there, and nothing is on its way."""
        self.see(".answer .rank")
        self.see("#found[aria-busy=false]")

    def require_no_sideways_scroll(self) -> None:
        """Fail if the page is wider than the screen."""
        wide, room = self.js("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room, f"the page is {wide} px wide on a screen of {room}"

    def require_clean_console(self) -> None:
        """Fail if the console holds a mistake that the test did not expect."""
        said = [
            one["message"] for one in self.driver.get_log("browser") if one["level"] == "SEVERE"
        ]
        unexpected = [one for one in said if not any(known in one for known in self.expected)]
        assert not unexpected, unexpected
