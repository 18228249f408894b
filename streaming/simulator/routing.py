"""How the simulated venues' addresses are served: HEAD wherever GET is."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_call(app: web.Application, method: str, path: str, endpoint: Endpoint) -> None:
    """Serve an address; what GET answers, HEAD answers without its body."""
    app.router.add_route(method, path, endpoint)
    if method == "GET":
        app.router.add_route("HEAD", path, endpoint)
