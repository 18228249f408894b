"""Serves the simulated Deribit: websocket with heartbeats and channels, and its HTTP twin."""

import asyncio
import json
from contextlib import suppress

from aiohttp import WSMessage, web

from include.settings import Settings
from streaming.simulator import deribit_market as market
from streaming.simulator.clock import Clock
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_refused import Refused
from streaming.simulator.deribit_rpc import TOO_MANY, Credits, Fields, Rpc
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.price_path import PricePath

MOST_CONNECTIONS = 32  # of one address


class DeribitServer:
    """One instrument for any number of connections."""

    def __init__(
        self, path: PricePath, settings: Settings, *, clock: Clock, faults: Faults
    ) -> None:
        """Know the credentials to check."""
        self._path, self._venues = path, settings.venues
        self._clock, self._faults, self._account = clock, faults, DeribitAccount(path)
        self._http_credits, self._open = Credits(), 0

    def add_to(self, app: web.Application) -> None:
        """Serve under Deribit's own paths."""
        app.router.add_get("/ws/api/v2", self.websocket)
        app.router.add_get("/api/v2/{method:(public|private)/[a-z_]+}", self.http)

    def _rpc(self, credits: Credits) -> Rpc:
        key, secret = self._venues.deribit.key.reveal(), self._venues.deribit.secret.reveal()
        return Rpc(self._path, key, secret, self._account, credits)

    async def http(self, request: web.Request) -> web.Response:
        """Answer one method by GET, signed if it is private."""
        rpc = self._rpc(self._http_credits)
        asked = {"method": request.match_info["method"], "params": dict(request.query)}
        header, target = request.headers.get("Authorization", ""), request.raw_path
        try:
            rpc.sign_in(header, target, self._clock.now_ms())
        except Refused as refused:
            return web.json_response({"jsonrpc": "2.0", "error": refused.body}, status=400)
        reply = _reply(rpc, asked, self._clock)
        status = 429 if _too_many(reply) else 400 if "error" in reply else 200
        return web.json_response(reply, status=status)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection, unless there are too many."""
        if self._open >= MOST_CONNECTIONS:
            return web.Response(status=429)
        self._open += 1
        try:
            return await self._serve(request)
        finally:
            self._open -= 1

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = self._faults.socket("deribit")
        await socket.prepare(request)
        rpc = self._rpc(Credits())
        jobs = [
            asyncio.ensure_future(self._notify(socket, rpc)),
            asyncio.ensure_future(_beat(socket, rpc)),
        ]
        try:
            async for message in socket:
                reply = _reply(rpc, _asked(message), self._clock)
                await socket.send_json(reply)
                if _too_many(reply):
                    await socket.close()
        finally:
            for job in jobs:
                job.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*jobs, return_exceptions=True)
        return socket

    async def _notify(self, socket: FaultySocket, rpc: Rpc) -> None:
        """Tell each channel what is new, ten times a second."""
        told: dict[str, int] = {}
        while not socket.closed:
            await asyncio.sleep(1 / market.STEPS_PER_S)
            if socket.quiet:
                continue
            told = {one: at for one, at in told.items() if one not in rpc.fresh}
            rpc.fresh.clear()
            for channel in list(rpc.channels):
                for data in self._news(channel, told, self._clock.now_ms()):
                    await socket.send_str(_notification(channel, data))

    def _news(self, channel: str, told: dict[str, int], now_ms: int) -> list[object]:
        kind, *rest = channel.split(".")
        step, before = market.step_at(now_ms), told.get(channel)
        if kind == "trades":
            upto = market.number_at(now_ms)
            told[channel] = upto
            numbers = range(upto if before is None else before, upto)
            return [[market.trade(self._path, one)] for one in numbers]
        if before == step:
            return []
        told[channel] = step
        if kind == "ticker":
            return [market.ticker(self._path, step)]
        if len(rest) == 2:  # noqa: PLR2004 (instrument and interval: the incremental book)
            if before is None:
                return [market.snapshot(self._path, step)]
            return [market.change(self._path, before, step)]
        return [market.grouped(self._path, step, int(rest[2]))]


def _asked(message: WSMessage) -> Fields:
    try:
        asked = json.loads(message.data)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _reply(rpc: Rpc, asked: Fields, clock: Clock) -> Fields:
    now_us = clock.now_us()
    reply: Fields = {"jsonrpc": "2.0"} | ({"id": asked["id"]} if "id" in asked else {})
    try:
        if not asked.get("method"):
            raise Refused(-32600, "Invalid request")
        result = rpc.answer(str(asked["method"]), asked.get("params") or {}, now_us // 1000)
        reply["result"] = result
    except Refused as refused:
        reply["error"] = refused.body
    except (TypeError, ValueError) as error:
        reply["error"] = {"code": -32602, "message": "Invalid params", "data": str(error)}
    return reply | {"usIn": now_us, "usOut": now_us, "usDiff": 0, "testnet": False}


def _too_many(reply: Fields) -> bool:
    return bool(reply.get("error", {}).get("code") == TOO_MANY)


def _notification(channel: str, data: object) -> str:
    params = {"channel": channel, "data": data}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


async def _beat(socket: web.WebSocketResponse, rpc: Rpc) -> None:
    """Heartbeats once asked for; each other one asks for a test, and none means goodbye."""
    beats = 0
    while not socket.closed:
        await asyncio.sleep(rpc.heartbeat_s / 2 or 0.2)
        if not rpc.heartbeat_s:
            continue
        beats += 1
        kind = "heartbeat" if beats % 2 else "test_request"
        if kind == "test_request":
            if not rpc.tested:
                await socket.close(code=1000)
                return
            rpc.tested = False
        params = {"type": kind}
        await socket.send_json({"jsonrpc": "2.0", "method": "heartbeat", "params": params})
