"""The dashboard opened in the browser of a person who starts the platform at a terminal."""

import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
OpenPage = Callable[[str], object]


def open_dashboard(
    url: str,
    environ: Mapping[str, str],
    *,
    is_wanted: bool,
    open_page: OpenPage = webbrowser.open,
) -> bool:
    """Open the page if somebody can see it; gives whether it was tried.

    Somebody can where standard output and input are a terminal, and there is a screen or `BROWSER`.
    """
    is_seen = sys.stdout.isatty() and sys.stdin.isatty()
    if not (is_wanted and is_seen and any(environ.get(name) for name in DISPLAYS)):
        return False
    # a browser in the foreground would hold up the platform
    threading.Thread(target=_open_quietly, args=(url, open_page), daemon=True).start()
    return True


def _open_quietly(url: str, open_page: OpenPage) -> None:
    """Open the page; the link is printed anyway, so one that does not open is no fault."""
    try:
        open_page(url)
    except (webbrowser.Error, OSError):
        return
