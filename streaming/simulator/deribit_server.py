"""Serves the simulated Deribit: websocket with heartbeats and channels, and its HTTP twin."""

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from include.settings import Settings
from streaming.simulator import deribit_channels
from streaming.simulator import deribit_market as market
from streaming.simulator.clock import Clock
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import TOO_MANY, Credits, Tokens
from streaming.simulator.deribit_methods import METHODS
from streaming.simulator.deribit_rpc import Rpc, refuse_request
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.json_fields import Fields, parse_json, read_text
from streaming.simulator.price_path import PricePath
from streaming.simulator.routing import add_call

MAX_CONNECTIONS = 32  # of one address


class DeribitServer:
    """One instrument for any number of connections."""

    def __init__(
        self, path: PricePath, settings: Settings, *, clock: Clock, faults: Faults
    ) -> None:
        self._path, self._venues = path, settings.venues
        self._clock, self._faults, self._account = clock, faults, DeribitAccount(path)
        self._http_credits, self._open, self._tokens = Credits(), 0, Tokens()

    def add_to(self, app: web.Application) -> None:
        """Serve under Deribit's own paths, with or without a slash at their end."""
        for end in ("", "/"):
            app.router.add_get(f"/ws/api/v2{end}", self.websocket)
            app.router.add_post(f"/api/v2{end}", self.http)
            app.router.add_get(f"/api/v2{end}", self.http)
        for method in ("GET", "POST"):
            add_call(app, method, "/api/v2/{method:(?:public|private)/.*}", self.http)

    def _rpc(self, credits: Credits, *, is_websocket: bool) -> Rpc:
        key, secret = self._venues.deribit.key.reveal(), self._venues.deribit.secret.reveal()
        rpc = Rpc(self._path, key, secret, self._account, credits)
        rpc.tokens, rpc.is_websocket = self._tokens, is_websocket
        return rpc

    async def http(self, request: web.Request) -> web.Response:
        """Answer one method: by GET, or by POST with the request as JSON."""
        rpc, text = self._rpc(self._http_credits, is_websocket=False), await read_text(request)
        header, now_ms = request.headers.get("Authorization", ""), self._clock.now_ms()
        fields: Fields = {"params": dict(request.query)}
        try:
            fields |= _request_fields(text) if request.method == "POST" and text else {}
            method = request.match_info.get("method", "").rstrip("/")
            fields.setdefault("method", method)
            rpc.sign_in(header, f"{request.method}\n{request.raw_path}\n{text}", now_ms)
        except DeribitError as error:
            return web.json_response(_envelope(fields, self._clock, error=error.body), status=400)
        reply = await _make_reply(rpc, fields, self._clock)
        status = 429 if _too_many(reply) else 400 if "error" in reply else 200
        return web.json_response(reply, status=status)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection, unless there are too many."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            error = DeribitError(11050, "bad_request", reason="a websocket upgrade is expected")
            return web.json_response(_envelope({}, self._clock, error=error.body), status=400)
        if self._open >= MAX_CONNECTIONS:
            error = DeribitError(TOO_MANY, "too_many_requests")
            return web.json_response(_envelope({}, self._clock, error=error.body), status=429)
        self._open += 1
        try:
            return await self._serve(request)
        finally:
            self._open -= 1

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = self._faults.socket("deribit")
        await socket.prepare(request)
        rpc = self._rpc(Credits(), is_websocket=True)
        jobs = [
            asyncio.ensure_future(self._notify(socket, rpc)),
            asyncio.ensure_future(_send_heartbeats(socket, rpc)),
        ]
        try:
            async for message in socket:
                reply = await self._answer_text(rpc, message.data)
                await socket.send_json(reply)
                if _too_many(reply) or rpc.closes:
                    await socket.close()
        finally:
            for job in jobs:
                job.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*jobs, return_exceptions=True)
            cancels = rpc.cancels_on_disconnect or self._account.cancels_on_disconnect
            for order in self._account.live() if cancels else ():
                self._account.cancel(order, self._clock.now_ms(), reason="cancel_on_disconnect")
        return socket

    async def _answer_text(self, rpc: Rpc, text: object) -> Fields:
        try:
            fields = _request_fields(text)
        except DeribitError as error:
            return _envelope({}, self._clock, error=error.body)
        return await _make_reply(rpc, fields, self._clock)

    async def _notify(self, socket: FaultySocket, rpc: Rpc) -> None:
        """Send each channel's new messages, ten times a second."""
        sent_until: dict[str, int] = {}
        changes_sent = len(self._account.changes)
        while not socket.closed:
            await asyncio.sleep(1 / market.STEPS_PER_S)
            if socket.withholds_data:
                continue
            sent_until = {
                channel: until for channel, until in sent_until.items() if channel not in rpc.fresh
            }
            rpc.fresh.clear()
            now_ms = self._clock.now_ms()
            if any(map(deribit_channels.is_private, rpc.channels)):
                self._account.pass_time(now_ms)
            changes = self._account.changes[changes_sent:]
            changes_sent += len(changes)
            for channel in list(rpc.channels):
                messages = deribit_channels.account_messages(
                    self._account, channel, changes, now_ms
                ) + self._new_messages(channel, sent_until, now_ms)
                for data in messages:
                    await socket.send_str(_notification_text(channel, data))

    def _new_messages(self, channel: str, sent_until: dict[str, int], now_ms: int) -> list[object]:
        since_ms = sent_until.get(channel)
        if not deribit_channels.is_due(channel, since_ms, now_ms):
            return []
        sent_until[channel] = now_ms
        return deribit_channels.new_messages(self._path, channel, since_ms, now_ms)


def _request_fields(text: object) -> Fields:
    try:
        fields = parse_json(str(text))
    except ValueError:
        raise DeribitError(-32700, "Parse error") from None
    if not isinstance(fields, dict):
        raise DeribitError(-32600, "Invalid Request")
    return fields


async def _make_reply(rpc: Rpc, request_fields: Fields, clock: Clock) -> Fields:
    method, params = request_fields.get("method"), request_fields.get("params") or {}
    try:
        if not isinstance(method, str) or not method:
            raise DeribitError(-32600, "Invalid Request")
        method = method.removeprefix("/")  # some clients send the address' own slash
        if refusal := refuse_request(params):
            raise refusal
        if method in METHODS and METHODS[method].slow:
            result = await asyncio.to_thread(rpc.answer, method, params, clock.now_ms())
        else:
            result = rpc.answer(method, params, clock.now_ms())
    except DeribitError as error:
        return _envelope(request_fields, clock, error=error.body)
    return _envelope(request_fields, clock, result=result)


def _envelope(request_fields: Fields, clock: Clock, **outcome: object) -> Fields:
    now_us = clock.now_us()
    head = {name: request_fields[name] for name in ("id",) if name in request_fields}
    times = {"usIn": now_us, "usOut": now_us, "usDiff": 0, "testnet": False}
    return {"jsonrpc": "2.0", **head, **outcome, **times}


def _too_many(reply: Fields) -> bool:
    return bool(reply.get("error", {}).get("code") == TOO_MANY)


def _notification_text(channel: str, channel_data: object) -> str:
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
