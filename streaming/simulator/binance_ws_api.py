"""The simulated Binance's WebSocket API, `/ws-api/v3`: the table of calls, by name.

Source: binance/binance-spot-api-docs, web-socket-api.md (2026-07-17). Keys are HMAC keys, so no
session can log on; each signed request carries its signature.
"""

import asyncio
import json

from aiohttp import web

from streaming.simulator.binance_calls import CALLS
from streaming.simulator.binance_info import rate_limits
from streaming.simulator.binance_parameters import BinanceError, read_values
from streaming.simulator.binance_rest import BinanceRest
from streaming.simulator.binance_signing import exclude_signature
from streaming.simulator.binance_subscriptions import is_request_id
from streaming.simulator.binance_time_unit import in_microseconds, is_microseconds
from streaming.simulator.binance_unsupported import UNSUPPORTED, refuse_unsupported
from streaming.simulator.binance_user_stream import UNSUBSCRIBE, UserStreamSession
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.json_fields import Fields, parse_json

_BY_NAME = {call.name: call for call in CALLS if call.name}
_UNSUPPORTED = {name for _, _, name in UNSUPPORTED if name}
_SESSION = ("session.status", "session.logout")
_USER_STREAM = "userDataStream."
_PUSH_S = 0.1


class BinanceWsApi:
    """Answers requests by name over a websocket, with the weight of REST."""

    def __init__(self, binance_rest: BinanceRest, faults: Faults) -> None:
        self._binance_rest, self._faults = binance_rest, faults

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own path, with or without a slash at its end."""
        for path in ("/ws-api/v3", "/ws-api/v3/"):
            app.router.add_get(path, self.websocket)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection, its requests in order."""
        query = request.query
        try:
            uses_us = is_microseconds(query.get("timeUnit", ""))
        except BinanceError as error:
            return web.json_response(error.body(), status=error.status)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            body = {"code": -1000, "msg": "A websocket upgrade is expected."}
            return web.json_response(body, status=400)
        shows_limits = query.get("returnRateLimits", "true") != "false"
        socket = self._faults.socket("binance")
        await socket.prepare(request)
        session = UserStreamSession(self._binance_rest.account)
        pushing = asyncio.ensure_future(_push(socket, session, uses_us=uses_us))
        try:
            async for message in socket:
                reply = await self._reply(str(message.data), session, shows_limits)
                await _send(socket, reply, uses_us=uses_us)
        finally:
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
        return socket

    async def _reply(self, text: str, session: UserStreamSession, shows_limits: bool) -> Fields:
        head: Fields = {"id": None}
        try:
            request = _read(text)
            head["id"] = _read_id(request)
            params = _read_params(request)
            shows_limits = bool(params.pop("returnRateLimits", shows_limits))
            result = await self._answer(str(request.get("method")), params, session)
            reply = head | {"status": 200, "result": result}
        except BinanceError as error:
            body = {"code": error.code, "msg": str(error)}
            details = {"data": error.details["data"]} if "data" in error.details else {}
            reply = head | {"status": error.status, "error": body | details}
        if shows_limits:
            used, weight = self._binance_rest.venue.weight.used(), rate_limits()[0]
            reply["rateLimits"] = [weight | {"count": used}]
        return reply

    async def _answer(self, method: str, params: Fields, session: UserStreamSession) -> object:
        now_ms = self._binance_rest.venue.clock.now_ms()
        if method in _SESSION:
            return session.describe(now_ms)
        if method == "session.subscriptions":
            return session.subscriptions()
        if method == "session.logon":
            raise BinanceError(400, -4056, "HMAC_SHA256 API key is not supported.")
        if method in _UNSUPPORTED:
            raise refuse_unsupported(method)
        if method.startswith(_USER_STREAM):
            return self._change_stream(method.removeprefix(_USER_STREAM), params, session)
        if method not in _BY_NAME:
            raise BinanceError(400, -1135, "Invalid 'method' in JSON request; it is unknown.")
        call, texts = _BY_NAME[method], {name: _text(value) for name, value in params.items()}
        if call.signed:
            texts = self._binance_rest.signing.check_params(texts, now_ms)
        values = read_values(call.params, exclude_signature(texts))
        self._binance_rest.venue.weight.use(call.weight_of(values))
        result = await self._binance_rest.answer(call, values)
        if isinstance(result, dict) and "rateLimits" in result:
            result["rateLimits"] = rate_limits(of_sockets=True)
        return result

    def _change_stream(self, kind: str, params: Fields, session: UserStreamSession) -> Fields:
        """Subscribe to the account's events, or end that."""
        self._binance_rest.venue.weight.use(2)
        if kind == "unsubscribe":
            read_values(UNSUBSCRIBE, {name: _text(value) for name, value in params.items()})
            return session.unsubscribe(params.get("subscriptionId"))
        if kind == "subscribe":
            message = "WebSocket session not authenticated. Recommendation: use 'session.logon'"
            raise BinanceError(401, -1193, message)
        if kind != "subscribe.signature":
            raise BinanceError(400, -1135, "Invalid 'method' in JSON request; it is unknown.")
        now_ms = self._binance_rest.venue.clock.now_ms()
        texts = {name: _text(value) for name, value in params.items()}
        read_values((), self._binance_rest.signing.check_params(texts, now_ms))
        return session.subscribe()


async def _send(socket: FaultySocket, reply: Fields, *, uses_us: bool) -> None:
    text = in_microseconds(reply) if uses_us else reply
    await socket.send_str(json.dumps(text, separators=(",", ":")))


async def _push(socket: FaultySocket, session: UserStreamSession, *, uses_us: bool) -> None:
    """Send the account's events as they happen, once subscribed to."""
    while not socket.closed:
        await asyncio.sleep(_PUSH_S)
        for event in session.new_events():
            await _send(socket, event, uses_us=uses_us)


def _read(text: str) -> Fields:
    try:
        request = parse_json(text)
    except ValueError:
        raise BinanceError(400, -1135, "Invalid JSON Request") from None
    if not isinstance(request, dict):
        raise BinanceError(400, -1135, "Invalid JSON request; expected an object.")
    return request


def _read_id(request: Fields) -> object:
    if not is_request_id(request.get("id")):
        legal = "an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null"
        message = f"Invalid 'id' in JSON request; expected {legal}."
        raise BinanceError(400, -1135, message)
    return request.get("id")


def _read_params(request: Fields) -> Fields:
    params = request.get("params", {})
    if params is None:
        return {}
    if not isinstance(params, dict):
        message = "Invalid 'params' in JSON request; expected an object."
        raise BinanceError(400, -1135, message)
    return params


def _text(json_value: object) -> str:
    """A JSON value as REST would send it."""
    if isinstance(json_value, str):
        return json_value
    return json.dumps(json_value, separators=(",", ":"))
