"""The faults of a running simulator: loaded scripts, the sockets they hit, their HTTP control.

`POST /faults` with a script (YAML or JSON) loads it, `GET /faults` counts how often each struck,
`DELETE /faults` removes all. `POST /faults/rest` is short for one `answer`. Only programs of this
machine may ask, no web page: the content type has to be `application/json` or `application/yaml`.
"""

import asyncio
import ipaddress
import json
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from include.errors import SettingsError
from include.market.time import DAY_S
from streaming.simulator.clock import Clock
from streaming.simulator.faults import script
from streaming.simulator.faults.loaded_faults import LoadedFaults
from streaming.simulator.faults.message_filter import MessageFilter
from streaming.simulator.faults.socket import FaultySocket

CONTROL = "/faults"
_VENUES = {"/ws/api/v2": "deribit", "/ws": "binance", "/stream": "binance"}
_NEVER_S = float(DAY_S)
CONTENT_TYPES = ("application/json", "application/yaml")


def refuse_foreign(request: web.Request) -> web.Response | None:
    """A refusal of what a web page that is open in someone's browser might send; null if none.

    A page may send these content types without asking first, and its origin is another. A name with
    a dot in it may be one that was made to lead to this address.
    """
    host = request.url.host or ""
    if request.headers.get("Origin") not in {None, f"{request.scheme}://{request.host}"}:
        return web.json_response({"error": "foreign Origin"}, status=403)
    if "." in host and not _is_address(host):
        return web.json_response({"error": f"foreign Host {host}"}, status=403)
    if request.method == "POST" and request.content_type not in CONTENT_TYPES:
        error = f"Content-Type {request.content_type}: it must be one of {', '.join(CONTENT_TYPES)}"
        return web.json_response({"error": error}, status=415)
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Faults:
    """The faults of this simulator."""

    def __init__(self, clock: Clock) -> None:
        self.loaded_faults = LoadedFaults()
        self._clock = clock

    def load(self, loaded_script: script.Script) -> None:
        """Load a script; its time starts now."""
        self.loaded_faults.load(loaded_script, self._clock.now_s())

    def socket(self, venue: str, *, heartbeat_s: float | None = None) -> FaultySocket:
        """Make a venue's next websocket."""
        message_filter = MessageFilter(
            self.loaded_faults, self.loaded_faults.connect(venue, self._clock.now_s())
        )
        return FaultySocket(message_filter, self._clock, heartbeat_s=heartbeat_s)

    def add_to(self, app: web.Application) -> None:
        """Serve the control addresses."""
        app.router.add_route("*", CONTROL, self._control)
        app.router.add_post(f"{CONTROL}/rest", self._set_answer)

    async def _control(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self.loaded_faults.faults.clear()
        elif request.method == "POST":
            return self._load_text(await request.text())
        faults = [
            {**msgspec.to_builtins(entry.fault), "struck": entry.struck}
            for entry in self.loaded_faults.faults
        ]
        return web.json_response({"faults": faults})

    def _load_text(self, text: str) -> web.Response:
        try:
            loaded_script = script.read(text)
        except SettingsError as error:
            return web.json_response({"error": str(error)}, status=400)
        self.load(loaded_script)
        return web.json_response({"loaded": len(loaded_script.faults)})

    async def _set_answer(self, request: web.Request) -> web.Response:
        """Set one answer; `times` of 0 removes it, without `times` it stays."""
        answer_fields = await request.json()
        times = int(answer_fields.pop("times", -1))
        self.loaded_faults.faults = [
            entry
            for entry in self.loaded_faults.faults
            if getattr(entry.fault, "path", None) != answer_fields.get("path")
        ]
        if not times:
            return web.json_response({"loaded": 0})
        answer = {"fault": "answer", "times": max(times, 0), **answer_fields}
        return self._load_text(json.dumps({"faults": [answer]}))

    @web.middleware
    async def apply_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware that applies faults of handshakes and of HTTP answers."""
        if request.path.startswith(CONTROL):
            return refuse_foreign(request) or await handler(request)
        if (answer := self._due_answer(request.path)) is not None:
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            refusal = await self._handshake(request, venue_of(request.path))
            if refusal is not None:
                return refusal
        return await handler(request)

    def _due_answer(self, path: str) -> script.Answer | None:
        now_s = self._clock.now_s()
        for entry in self.loaded_faults.faults:
            fault = entry.fault
            if not isinstance(fault, script.Answer) or not entry.applies_to(fault.venue):
                continue
            due = (now_s - entry.loaded_at_s) * entry.speed >= (fault.at_s or 0.0)
            if due and path.startswith(fault.path):
                entry.struck += 1
                return fault
        return None

    async def _handshake(self, request: web.Request, venue: str) -> web.Response | None:
        now_s = self._clock.now_s()
        if now_s < (until_s := self.loaded_faults.cut_off_until_s.get(venue, 0.0)):
            await asyncio.sleep(until_s - now_s)
        if due_stall := self.loaded_faults.first_for_handshake(script.Stall, venue, now_s):
            entry, stall = due_stall
            entry.struck += 1
            await asyncio.sleep(stall.for_s / entry.speed or _NEVER_S)
        if due_refusal := self.loaded_faults.first_for_handshake(script.Refuse, venue, now_s):
            entry, refuse = due_refusal
            entry.struck += 1
            if refuse.status:
                return web.Response(
                    status=refuse.status,
                    body=refuse.body,
                    headers=refuse.headers,
                )
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return None


def venue_of(path: str) -> str:
    """The venue whose websocket is served under a path."""
    starts = [start for start in _VENUES if path.startswith(start)]
    return _VENUES[max(starts, key=len)] if starts else "gemini"


def from_file(path: Path) -> script.Script:
    """Read a script's file.

    Raises:
        SettingsError: it is absent, or not a script.
    """
    try:
        return script.read(path.read_text())
    except OSError as error:
        raise SettingsError(f"the script of faults {path} cannot be read: {error}") from error
