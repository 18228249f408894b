"""The simulated Binance streams: what each connection has subscribed to, as it happens."""

import asyncio
import json
from collections.abc import Iterator

from aiohttp import web

from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_streams import (
    OF_ALL,
    PER_TRADE,
    is_stream,
    of_second,
)
from streaming.simulator.binance_subscriptions import Subscriptions
from streaming.simulator.binance_time_unit import in_microseconds, is_microseconds
from streaming.simulator.binance_trades import number_at
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.faults.live import Faults
from streaming.simulator.json_fields import Fields

PING_EVERY_S = 20.0
_INVALID_STREAM = {"code": 2, "msg": "Invalid request: invalid stream"}
StreamMessages = Iterator[tuple[str, object]]


class BinanceSockets:
    """Serves the streams of the venue's symbols."""

    def __init__(self, venue: BinanceVenue, faults: Faults) -> None:
        self._venue, self._clock, self._faults = venue, venue.clock, faults

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths, with or without a slash at their end."""
        for path in ("/ws", "/ws/{streams:.*}", "/stream", "/stream/"):
            app.router.add_get(path, self.websocket)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve `/ws`, `/ws/<stream>` and `/stream?streams=a/b`."""
        try:
            uses_us = is_microseconds(request.query.get("timeUnit", ""))
        except BinanceError as error:
            return web.json_response(error.body(), status=error.status)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.json_response(_INVALID_STREAM, status=400)
        socket = self._faults.socket("binance", heartbeat_s=PING_EVERY_S * 2)
        await socket.prepare(request)
        joined_names = request.match_info.get("streams") or request.query.get("streams", "")
        names = {name for name in joined_names.split("/") if name and not name.isdecimal()}
        subscriptions = Subscriptions(request.path.startswith("/stream"), set(names))
        if not all(map(is_stream, names)):
            await socket.send_str(json.dumps(_INVALID_STREAM))
        sender = asyncio.ensure_future(self._send(socket, subscriptions, uses_us=uses_us))
        try:
            async for message in socket:
                await socket.send_str(json.dumps(subscriptions.reply(str(message.data))))
        finally:
            sender.cancel()
        return socket

    async def _send(
        self, socket: web.WebSocketResponse, subscriptions: Subscriptions, *, uses_us: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        sent_until, ping_at = number_at(self._clock.now_ms()), loop.time() + PING_EVERY_S
        second = self._clock.now_ms() // 1000
        while not socket.closed:
            await asyncio.sleep(0.05)
            now_ms = self._clock.now_ms()
            messages: list[tuple[str, object]] = []
            next_number = number_at(now_ms)
            for number in range(sent_until, next_number):
                messages += self._of_trade(subscriptions.streams, number)
            sent_until = max(sent_until, next_number)
            if now_ms // 1000 > second:
                previous_second, second = second, now_ms // 1000
                messages += self._of_second(subscriptions.streams, previous_second, second)
            for stream, message in messages:
                data = in_microseconds(message) if uses_us else message
                body = {"stream": stream, "data": data} if subscriptions.combined else data
                await socket.send_str(json.dumps(body, separators=(",", ":")))
            if loop.time() > ping_at:
                ping_at += PING_EVERY_S
                await socket.ping()

    def _of_trade(self, streams: set[str], number: int) -> StreamMessages:
        for kind, make in PER_TRADE.items():
            for stream in sorted(streams):
                spelling, _, stream_kind = stream.partition("@")
                path = self._venue.symbols.get(spelling.upper())
                if path is not None and stream_kind == kind:
                    yield stream, make(path, spelling.upper(), number)

    def _of_second(self, streams: set[str], last_second: int, second: int) -> StreamMessages:
        for stream in sorted(streams):
            spelling, _, kind = stream.partition("@")
            path, make = self._venue.symbols.get(spelling.upper()), of_second(kind)
            if make is not None and path is not None:
                for message in make(path, spelling.upper(), last_second, second):
                    yield stream, message
            elif stream in OF_ALL:
                yield stream, self._of_all(stream, last_second, second)

    def _of_all(self, stream: str, last_second: int, second: int) -> list[Fields]:
        return [
            message
            for spelling, path in self._venue.symbols.items()
            for message in OF_ALL[stream](path, spelling, last_second, second)
        ]
