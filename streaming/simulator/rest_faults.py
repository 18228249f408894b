"""Faults of any address, websocket upgrades included: the next answers are those that were set.

`POST /faults/rest` with `{"path": "/products/", "status": 429, "times": 2, "body": "…",
"headers": {"Retry-After": "3"}}`; without `times` it lasts until a `times` of 0 is sent.
"""

from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

CONTROL = "/faults/rest"


@dataclass
class Fault:
    """One set answer; `left` counts down, below zero it lasts."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    left: int = -1


class RestFaults:
    """The faults that are set, by the beginning of a path."""

    def __init__(self) -> None:
        """No fault."""
        self.faults: dict[str, Fault] = {}

    async def set(self, request: web.Request) -> web.Response:
        """Serve the control address."""
        asked = await request.json()
        self.faults[asked["path"]] = Fault(
            status=int(asked.get("status", 200)), body=str(asked.get("body", "")),
            headers=dict(asked.get("headers", {})), left=int(asked.get("times", -1)),
        )  # fmt: skip
        return web.json_response({"set": asked["path"]})

    def answer(self, path: str) -> web.Response | None:
        """The fault of a path, counted down; null for none."""
        for start, fault in self.faults.items():
            if path.startswith(start) and fault.left != 0:
                fault.left -= 1
                return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
        return None

    @web.middleware
    async def before(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What aiohttp asks before each answer."""
        return self.answer(request.path) or await handler(request)
