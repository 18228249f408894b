"""The Bokeh server: one page at `/`, everything it needs from the same address."""

from typing import Any
from urllib.parse import urlsplit

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.models.widgets import Div
from bokeh.server.server import Server
from tornado.web import RequestHandler

from include.settings import Settings
from streaming.dashboard.flows.pages import flow_addresses
from streaming.dashboard.page import Page
from streaming.dashboard.view import Views

DEFAULT_PORTS = {"http": 80, "https": 443}
_IDLE_MS = 15_000
FULL = (
    "{viewers} pages are open, which is the most that TICKHOUSE_DASHBOARD_VIEWERS allows: close "
    "one and load this page again."
)


class Healthy(RequestHandler):
    """`/healthz`: that the server answers."""

    def get(self) -> None:
        """Answer that all is well."""
        self.write({"ok": True})


def make_server(settings: Settings, views: Views) -> Any:
    """A server bound to the settings' host and dashboard port, not started.

    Raises:
        OSError: the port is taken.
    """
    host, port = settings.ports.host, settings.ports.dashboard

    def open_page(document: Document) -> None:
        if len(server.get_sessions("/")) >= settings.dashboard.viewers:
            document.title = "Tickhouse"
            document.add_root(Div(text=FULL.format(viewers=settings.dashboard.viewers)))
            return
        context: Any = document.session_context
        Page(settings, views, document, context.request.arguments if context else {})

    server = Server(
        {"/": Application(FunctionHandler(open_page))},
        address=host,
        port=port,
        allow_websocket_origin=list_origins(settings),
        extra_patterns=[("/healthz", Healthy), *flow_addresses(settings)],
        check_unused_sessions_milliseconds=5_000,
        unused_session_lifetime_milliseconds=_IDLE_MS,
    )
    return server


def list_origins(settings: Settings) -> list[str]:
    """The host[:port]s from which a page may open its websocket: those of a browser's `Origin`."""
    port, public = settings.ports.dashboard, urlsplit(settings.public_urls["dashboard"])
    names = {f"{name}:{port}" for name in (settings.ports.host, "127.0.0.1", "localhost")}
    origin = public.netloc.rpartition("@")[2]
    if public.port == DEFAULT_PORTS[public.scheme]:
        origin = origin.rpartition(":")[0]  # as browsers leave it out
    return sorted(names | {origin})
