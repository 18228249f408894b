"""The simulated Binance streams, and REST of past trades: two trades a second and symbol.

A trade's id follows from its second alone, so ids stay contiguous across restarts and any past
trade can be requested again.
"""

import asyncio
import json
from collections.abc import Iterator

from aiohttp import web

from include.market.symbols import CONCATENATED
from streaming.simulator.binance_streams import (
    EACH_SECOND,
    PER_TRADE,
    Fields,
    kline,
    number_at,
    trade,
)
from streaming.simulator.clock import Clock
from streaming.simulator.faults.live import Faults
from streaming.simulator.price_path import PricePath

PING_EVERY_S = 20.0
_MAX_ROWS = 1000


class BinanceMarket:
    """Serves the streams and REST of the symbols of `paths`."""

    def __init__(self, paths: dict[str, PricePath], *, clock: Clock, faults: Faults) -> None:
        self._clock, self._faults = clock, faults
        names = CONCATENATED.symbols_by_spelling(paths)
        self._paths = {spelling: paths[symbol] for spelling, symbol in names.items()}

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths."""
        for path in ("/ws", "/ws/{stream}", "/stream"):
            app.router.add_get(path, self.websocket)
        app.router.add_get("/api/v3/aggTrades", self.agg_trades)
        app.router.add_get("/api/v3/klines", self.klines)

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve `/ws`, `/ws/<stream>` and `/stream?streams=a/b`."""
        socket = self._faults.socket("binance", heartbeat_s=PING_EVERY_S * 2)
        await socket.prepare(request)
        combined = request.path.endswith("/stream")
        named = request.match_info.get("stream") or request.query.get("streams", "")
        streams = set(filter(None, named.split("/")))
        sender = asyncio.ensure_future(self._send(socket, streams, combined=combined))
        try:
            async for message in socket:
                await socket.send_str(json.dumps(_reply(str(message.data), streams)))
        finally:
            sender.cancel()
        return socket

    async def _send(
        self, socket: web.WebSocketResponse, streams: set[str], *, combined: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        sent_until, ping_at = number_at(self._clock.now_ms()), loop.time() + PING_EVERY_S
        second = self._clock.now_ms() // 1000
        while not socket.closed:
            await asyncio.sleep(0.05)
            now_ms = self._clock.now_ms()
            next_number = number_at(now_ms)
            for number in range(sent_until, next_number):
                await _send_messages(socket, self._of_trade(streams, number), combined=combined)
            sent_until = max(sent_until, next_number)
            if now_ms // 1000 > second:
                previous_second, second = second, now_ms // 1000
                second_messages = self._of_second(streams, previous_second, second)
                await _send_messages(socket, second_messages, combined=combined)
            if loop.time() > ping_at:
                ping_at += PING_EVERY_S
                await socket.ping()

    def _of_trade(self, streams: set[str], number: int) -> Iterator[tuple[str, Fields]]:
        for kind, make in PER_TRADE.items():
            for stream, spelling, path in self._subscribers_of(streams, kind):
                yield stream, make(path, spelling, number)

    def _of_second(
        self, streams: set[str], since: int, second: int
    ) -> Iterator[tuple[str, Fields]]:
        for kind, make in EACH_SECOND.items():
            for stream, spelling, path in self._subscribers_of(streams, kind):
                yield from ((stream, message) for message in make(path, spelling, since, second))

    def _subscribers_of(self, streams: set[str], kind: str) -> Iterator[tuple[str, str, PricePath]]:
        for stream in sorted(streams):
            spelling, _, stream_kind = stream.partition("@")
            path = self._paths.get(spelling.upper())
            if path is not None and stream_kind == kind:
                yield stream, spelling.upper(), path

    async def agg_trades(self, request: web.Request) -> web.Response:
        """Serve `/api/v3/aggTrades`: from an id, from a time, or the newest."""
        path, query = self._paths.get(request.query.get("symbol", "")), request.query
        if path is None:
            return _error(-1121, "Invalid symbol.")
        limit = min(int(query.get("limit", 500)), _MAX_ROWS)
        end = number_at(self._clock.now_ms())
        if "endTime" in query:
            end = min(end, number_at(int(query["endTime"]) + 1))
        start = end - limit
        if "fromId" in query:
            start = int(query["fromId"])
        elif "startTime" in query:
            start = number_at(int(query["startTime"]))
        return web.json_response([trade(path, n) for n in range(start, min(end, start + limit))])

    async def klines(self, request: web.Request) -> web.Response:
        """Serve `/api/v3/klines` of one minute: the sums of the trades themselves."""
        path, query = self._paths.get(request.query.get("symbol", "")), request.query
        if path is None:
            return _error(-1121, "Invalid symbol.")
        if query.get("interval") != "1m":
            return _error(-1120, "Invalid interval.")
        limit, now_ms = min(int(query.get("limit", 500)), _MAX_ROWS), self._clock.now_ms()
        end = min(int(query.get("endTime", now_ms)), now_ms)
        start = int(query.get("startTime", end - (limit - 1) * 60_000 - end % 60_000))
        opens = range(-(-start // 60_000) * 60_000, end + 1, 60_000)[:limit]
        return web.json_response([kline(path, open_ms, now_ms) for open_ms in opens])


async def _send_messages(
    socket: web.WebSocketResponse, stream_messages: Iterator[tuple[str, Fields]], *, combined: bool
) -> None:
    for stream, data in stream_messages:
        body = {"stream": stream, "data": data} if combined else data
        await socket.send_str(json.dumps(body, separators=(",", ":")))


def _reply(text: str, streams: set[str]) -> dict[str, object]:
    try:
        request = json.loads(text)
        method, params = request["method"], request.get("params", [])
    except (ValueError, TypeError, KeyError):
        return {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}
    if method == "SUBSCRIBE":
        streams.update(params)
    elif method == "UNSUBSCRIBE":
        streams.difference_update(params)
    elif method != "LIST_SUBSCRIPTIONS":
        return {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}
    subscriptions = sorted(streams) if method == "LIST_SUBSCRIPTIONS" else None
    return {"result": subscriptions, "id": request.get("id")}


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=400)
