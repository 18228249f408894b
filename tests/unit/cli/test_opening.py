"""The page opens for a person at a terminal with a browser, and for nobody else."""

import threading
import webbrowser

import pytest

from cli.opening import open_dashboard

URL = "http://127.0.0.1:5006/"


@pytest.mark.parametrize(
    ("environ", "terminal", "wanted", "opens"),
    [
        ({"DISPLAY": ":0"}, True, True, True),
        ({"BROWSER": "firefox"}, True, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True, True),
        ({"DISPLAY": ""}, True, True, False),
        ({}, True, True, False),
        ({"DISPLAY": ":0"}, False, True, False),
        ({"DISPLAY": ":0"}, True, False, False),
    ],
)
def test_who_gets_the_page(
    environ: dict[str, str],
    terminal: bool,
    wanted: bool,
    opens: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal)
    opened, urls = threading.Event(), list[str]()

    def open_page(url: str) -> None:
        urls.append(url)
        opened.set()

    assert open_dashboard(URL, environ, is_wanted=wanted, open_page=open_page) == opens
    assert opened.wait(5 if opens else 0.05) == opens
    assert urls == ([URL] if opens else [])


def test_a_browser_that_fails_or_blocks_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    gate = threading.Event()

    def fail(_url: str) -> None:
        gate.wait(5)
        raise webbrowser.Error("no browser")

    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    assert open_dashboard(URL, {"DISPLAY": ":0"}, is_wanted=True, open_page=fail)
    gate.set()
    for thread in threading.enumerate():
        if thread.name.endswith("(_open_quietly)"):
            thread.join(5)
    assert faults == []
