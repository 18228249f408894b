"""Serves the simulated Deribit: websocket with heartbeats and channels, and its HTTP twin."""

import asyncio
import json
from contextlib import suppress

from aiohttp import WSMessage, web

from include.settings import Settings
from streaming.simulator import deribit_market as market
from streaming.simulator.clock import Clock
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_rpc import TOO_MANY, Credits, Fields, Rpc
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.price_path import PricePath

MAX_CONNECTIONS = 32  # of one address


class DeribitServer:
    """One instrument for any number of connections."""

    def __init__(
        self, path: PricePath, settings: Settings, *, clock: Clock, faults: Faults
    ) -> None:
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
        request_fields = {"method": request.match_info["method"], "params": dict(request.query)}
        header, target = request.headers.get("Authorization", ""), request.raw_path
        try:
            rpc.sign_in(header, target, self._clock.now_ms())
        except DeribitError as error:
            return web.json_response({"jsonrpc": "2.0", "error": error.body}, status=400)
        reply = _make_reply(rpc, request_fields, self._clock)
        status = 429 if _too_many(reply) else 400 if "error" in reply else 200
        return web.json_response(reply, status=status)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection, unless there are too many."""
        if self._open >= MAX_CONNECTIONS:
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
            asyncio.ensure_future(_send_heartbeats(socket, rpc)),
        ]
        try:
            async for message in socket:
                reply = _make_reply(rpc, _request_fields(message), self._clock)
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
        """Send each channel's new messages, ten times a second."""
        sent_until: dict[str, int] = {}
        while not socket.closed:
            await asyncio.sleep(1 / market.STEPS_PER_S)
            if socket.withholds_data:
                continue
            sent_until = {
                channel: until for channel, until in sent_until.items() if channel not in rpc.fresh
            }
            rpc.fresh.clear()
            for channel in list(rpc.channels):
                for data in self._new_messages(channel, sent_until, self._clock.now_ms()):
                    await socket.send_str(_make_notification(channel, data))

    def _new_messages(self, channel: str, sent_until: dict[str, int], now_ms: int) -> list[object]:
        kind, *parameters = channel.split(".")
        step, previous = market.step_at(now_ms), sent_until.get(channel)
        if kind == "trades":
            next_number = market.number_at(now_ms)
            sent_until[channel] = next_number
            numbers = range(next_number if previous is None else previous, next_number)
            return [[market.make_trade(self._path, number)] for number in numbers]
        if previous == step:
            return []
        sent_until[channel] = step
        if kind == "ticker":
            return [market.make_ticker(self._path, step)]
        if len(parameters) == 2:  # noqa: PLR2004 (instrument and interval: the incremental book)
            if previous is None:
                return [market.make_snapshot(self._path, step)]
            return [market.make_change(self._path, previous, step)]
        return [market.grouped_book(self._path, step, int(parameters[2]))]


def _request_fields(websocket_message: WSMessage) -> Fields:
    try:
        fields = json.loads(websocket_message.data)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _make_reply(rpc: Rpc, request_fields: Fields, clock: Clock) -> Fields:
    now_us = clock.now_us()
    reply: Fields = {"jsonrpc": "2.0"} | (
        {"id": request_fields["id"]} if "id" in request_fields else {}
    )
    try:
        if not request_fields.get("method"):
            raise DeribitError(-32600, "Invalid request")
        result = rpc.answer(
            str(request_fields["method"]), request_fields.get("params") or {}, now_us // 1000
        )
        reply["result"] = result
    except DeribitError as error:
        reply["error"] = error.body
    except (TypeError, ValueError) as error:
        reply["error"] = {"code": -32602, "message": "Invalid params", "data": str(error)}
    return reply | {"usIn": now_us, "usOut": now_us, "usDiff": 0, "testnet": False}


def _too_many(reply: Fields) -> bool:
    return bool(reply.get("error", {}).get("code") == TOO_MANY)


def _make_notification(channel: str, channel_data: object) -> str:
    params = {"channel": channel, "data": channel_data}
    return json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})


async def _send_heartbeats(socket: web.WebSocketResponse, rpc: Rpc) -> None:
    """Send heartbeats once requested; every other one requests a test, without which it closes."""
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
