"""The faults of a running simulator: what was loaded, the sockets under them, their control.

`POST /faults` with a script (YAML or JSON) adds it, `GET /faults` says how often each struck,
`DELETE /faults` takes all away. `POST /faults/rest` is short for one `answer`.
"""

import asyncio
import json
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from include.errors import SettingsError
from streaming.simulator.clock import Clock
from streaming.simulator.faults import script
from streaming.simulator.faults.armed import Arsenal
from streaming.simulator.faults.course import Course
from streaming.simulator.faults.socket import FaultySocket

CONTROL = "/faults"
_VENUES = {"/ws/api/v2": "deribit", "/ws": "binance", "/stream": "binance"}
_NEVER_S = 86_400.0


class Faults:
    """What goes wrong in this simulator."""

    def __init__(self, clock: Clock) -> None:
        """Nothing, at first."""
        self.arsenal = Arsenal()
        self._clock = clock

    def load(self, found: script.Script) -> None:
        """Arm a script from now on."""
        self.arsenal.load(found, self._clock.now_s())

    def socket(self, venue: str, *, heartbeat_s: float | None = None) -> FaultySocket:
        """Make a venue's next websocket."""
        course = Course(self.arsenal, self.arsenal.connected(venue, self._clock.now_s()))
        return FaultySocket(course, self._clock, heartbeat_s=heartbeat_s)

    def add_to(self, app: web.Application) -> None:
        """Serve the control addresses."""
        app.router.add_route("*", CONTROL, self._control)
        app.router.add_post(f"{CONTROL}/rest", self._rest)

    async def _control(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.arsenal.loaded.clear()
        elif request.method == "POST":
            return self._added(await request.text())
        told = [
            {**msgspec.to_builtins(armed.fault), "struck": armed.struck}
            for armed in self.arsenal.loaded
        ]
        return web.json_response({"faults": told})

    def _added(self, text: str) -> web.Response:
        try:
            found = script.read(text)
        except SettingsError as error:
            return web.json_response({"error": str(error)}, status=400)
        self.load(found)
        return web.json_response({"loaded": len(found.faults)})

    async def _rest(self, request: web.Request) -> web.Response:
        """Take one answer; `times` of 0 ends it, none lasts."""
        asked = await request.json()
        times = int(asked.pop("times", -1))
        self.arsenal.loaded = [
            armed
            for armed in self.arsenal.loaded
            if getattr(armed.fault, "path", None) != asked.get("path")
        ]
        if not times:
            return web.json_response({"loaded": 0})
        answer = {"fault": "answer", "times": max(times, 0), **asked}
        return self._added(json.dumps({"faults": [answer]}))

    @web.middleware
    async def before(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What aiohttp asks before each answer: handshakes and answers that were set."""
        if request.path.startswith(CONTROL):
            return await handler(request)
        if (answer := self._answer(request.path)) is not None:
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            refused = await self._handshake(request, venue_of(request.path))
            if refused is not None:
                return refused
        return await handler(request)

    def _answer(self, path: str) -> script.Answer | None:
        now_s = self._clock.now_s()
        for armed in self.arsenal.loaded:
            fault = armed.fault
            if not isinstance(fault, script.Answer) or not armed.open_for(fault.venue):
                continue
            due = (now_s - armed.loaded_s) * armed.speed >= (fault.at_s or 0.0)
            if due and path.startswith(fault.path):
                armed.struck += 1
                return fault
        return None

    async def _handshake(self, request: web.Request, venue: str) -> web.Response | None:
        now_s = self._clock.now_s()
        if now_s < (until_s := self.arsenal.cut_off_until_s.get(venue, 0.0)):
            await asyncio.sleep(until_s - now_s)
        if stalled := self.arsenal.meets(script.Stall, venue, now_s):
            armed, stall = stalled
            armed.struck += 1
            await asyncio.sleep(stall.for_s / armed.speed or _NEVER_S)
        if refused := self.arsenal.meets(script.Refuse, venue, now_s):
            armed, refuse = refused
            armed.struck += 1
            if refuse.status:
                return web.Response(status=refuse.status, body=refuse.body, headers=refuse.headers)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return None


def venue_of(path: str) -> str:
    """Whose websocket is served under a path."""
    starts = [start for start in _VENUES if path.startswith(start)]
    return _VENUES[max(starts, key=len)] if starts else "gemini"


def from_file(path: Path) -> script.Script:
    """Read a script's file.

    Raises:
        SettingsError: it is absent, or no script.
    """
    try:
        return script.read(path.read_text())
    except OSError as error:
        raise SettingsError(f"the script of faults {path} cannot be read: {error}") from error
