"""Headless Chromium over WebDriver's HTTP protocol, with the standard library alone."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.absences import absent_programs
from tests.support.services import eventually, free_ports, running

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars",
]


def missing() -> str:
    """What keeps the browser tests from running, in a sentence; empty if nothing does."""
    return absent_programs("chromium", "chromedriver", package="chromium chromium-driver")


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._base = f"{driver}/session/{session}"

    def open(self, url: str) -> None:
        self._post("url", url=url)

    def run(self, script: str) -> Any:
        """The value of a JavaScript function body."""
        return self._post("execute/sync", script=script, args=[])

    def wait(self, script: str, *, timeout_s: float = 60.0, what: str = "") -> Any:
        return eventually(lambda: self.run(script), timeout_s=timeout_s, what=what or script)

    def size(self, width: int, height: int) -> None:
        self._post("window/rect", width=width, height=height)

    def drag(self, x: int, y: int, by: int) -> None:
        """Press at a point of the window, move sideways by so many pixels, let go."""
        steps = [
            {"type": "pointerMove", "x": x + by * n // 4, "y": y, "duration": 40} for n in range(5)
        ]
        actions = [steps[0], {"type": "pointerDown", "button": 0}, *steps[1:]]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        released = [*actions, {"type": "pointerUp", "button": 0}]
        self._post("actions", actions=[mouse | {"actions": released}])

    def pinch(self, x: int, y: int, *, start: int, end: int) -> None:
        """Two fingers about a point, so many pixels apart at first and then, beside each other."""
        widths = [start + (end - start) * n // 8 for n in range(9)]
        self._touch(*([(x + side * width // 2, y) for width in widths] for side in (-1, 1)))

    def swipe(self, x: int, y: int, *, by: int) -> None:
        """One finger from a point of the window so many pixels down; up for a negative number."""
        self._touch([(x, y + by * n // 8) for n in range(9)])

    def _touch(self, *paths: list[tuple[int, int]]) -> None:
        """Fingers that go down at the first point of their paths and up at the last."""
        fingers = []
        for number, path in enumerate(paths):
            steps = [{"type": "pointerMove", "x": x, "y": y, "duration": 40} for x, y in path]
            moves = [steps[0], {"type": "pointerDown", "button": 0}, *steps[1:]]
            finger = {"type": "pointer", "id": f"finger{number}"}
            finger |= {"parameters": {"pointerType": "touch"}}
            fingers.append(finger | {"actions": [*moves, {"type": "pointerUp", "button": 0}]})
        self._post("actions", actions=fingers)

    def dark(self, dark: bool) -> None:
        """What the system prefers, as pages see it."""
        value = "dark" if dark else "light"
        self._post(
            "goog/cdp/execute",
            cmd="Emulation.setEmulatedMedia",
            params={"features": [{"name": "prefers-color-scheme", "value": value}]},
        )

    def phone(self, width: int, height: int) -> None:
        """A phone's screen: windows have a least width, phones have not."""
        self._post(
            "goog/cdp/execute",
            cmd="Emulation.setDeviceMetricsOverride",
            params={"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True},
        )
        self._post(
            "goog/cdp/execute",
            cmd="Emulation.setTouchEmulationEnabled",
            params={"enabled": True, "maxTouchPoints": 5},
        )

    def picture(self) -> bytes:
        """What the window shows, as a PNG."""
        return base64.b64decode(_call("GET", f"{self._base}/screenshot"))

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What came since the last call: `browser` (the console) or `performance` (requests)."""
        entries: list[dict[str, Any]] = self._post("se/log", type=kind)
        return entries

    def requested(self) -> set[str]:
        """Every URL asked for since the last call, websockets too."""
        urls = set()
        for entry in self.log("performance"):
            message = json.loads(entry["message"])["message"]
            params = message.get("params", {})
            if message["method"] == "Network.requestWillBeSent":
                urls.add(params["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                urls.add(params["url"])
        return urls

    def close(self) -> None:
        _call("DELETE", self._base)

    def _post(self, verb: str, **body: Any) -> Any:
        return _call("POST", f"{self._base}/{verb}", body)


@contextmanager
def browsing(folder: Path, *, width: int = 1600, height: int = 1400) -> Iterator[Browser]:
    """A fresh browser with a profile of its own in `folder`; nothing is left running."""
    (port,) = free_ports(1)
    driver = f"http://127.0.0.1:{port}"
    with running(["chromedriver", f"--port={port}"], log=folder / "chromedriver.log"):
        eventually(lambda: _ready(driver), what="chromedriver answers")
        options = {
            "args": [
                *FLAGS,
                f"--window-size={width},{height}",
                f"--user-data-dir={folder / 'profile'}",
            ],
        }
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _call(
            "POST", f"{driver}/session", {"capabilities": {"alwaysMatch": capabilities}}
        )
        browser = Browser(driver, session["sessionId"])
        try:
            yield browser
        finally:
            browser.close()


def _ready(driver: str) -> bool:
    try:
        return bool(_call("GET", f"{driver}/status")["ready"])
    except OSError:
        return False


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"WebDriver {url}: {error.read().decode()[:600]}") from error
