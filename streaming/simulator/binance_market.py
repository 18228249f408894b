"""The simulated Binance streams and REST: two aggregate trades a second and symbol, by the path.

A trade's id follows from its second alone, so ids stay contiguous across restarts and any past
trade can be asked for again.
"""

import asyncio
import json
from decimal import Decimal

from aiohttp import web

from include.market.symbols import table
from streaming.simulator.clock import Clock
from streaming.simulator.faults.live import Faults
from streaming.simulator.price_path import DAY_S, FIRST_DAY, PricePath

PER_SECOND = 2
PING_EVERY_S = 20.0
_ANCHOR_S = FIRST_DAY * DAY_S
_MOST = 1000


def trade(path: PricePath, number: int) -> dict[str, object]:
    """Give aggregate trade `number` as REST tells it."""
    second, part = _ANCHOR_S + number // PER_SECOND, number % PER_SECOND
    _, quantity, side, price = path.at(second)
    whole = Decimal(str(quantity or 0.001)).quantize(Decimal("0.00001")) + Decimal("0.00002")
    first = (whole * Decimal("0.6")).quantize(Decimal("0.00001"))
    return {
        "a": number, "p": f"{price:.8f}", "q": f"{whole - first if part else first:.8f}",
        "f": number, "l": number, "T": second * 1000 + 500 * part, "m": side < 0, "M": True,
    }  # fmt: skip


def number_at(ms: int) -> int:
    """Give the number of the first trade at or after a time in ms."""
    return max(0, -(-(ms - _ANCHOR_S * 1000) * PER_SECOND // 1000))


class BinanceMarket:
    """Serves the streams and REST of the symbols of `paths`."""

    def __init__(self, paths: dict[str, PricePath], *, clock: Clock, faults: Faults) -> None:
        """Know symbols by the venue's spelling."""
        self._clock, self._faults = clock, faults
        names = table(tuple(paths))
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
                await socket.send_str(json.dumps(_answer(str(message.data), streams)))
        finally:
            sender.cancel()
        return socket

    async def _send(
        self, socket: web.WebSocketResponse, streams: set[str], *, combined: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        done, ping_at = number_at(self._clock.now_ms()), loop.time() + PING_EVERY_S
        second = self._clock.now_ms() // 1000
        while not socket.closed:
            await asyncio.sleep(0.05)
            now_ms = self._clock.now_ms()
            upto = number_at(now_ms)
            for number in range(done, upto):
                for kind in ("bookTicker", "aggTrade"):
                    await self._each(socket, streams, kind, number, combined=combined)
            done = max(done, upto)
            if now_ms // 1000 > second:
                second = now_ms // 1000
                await self._each(socket, streams, "ticker", second, combined=combined)
            if loop.time() > ping_at:
                ping_at += PING_EVERY_S
                await socket.ping()

    async def _each(
        self,
        socket: web.WebSocketResponse,
        streams: set[str],
        kind: str,
        at: int,
        *,
        combined: bool,
    ) -> None:
        for stream in sorted(streams):
            spelling, _, wanted = stream.partition("@")
            path = self._paths.get(spelling.upper())
            if path is None or wanted != kind:
                continue
            data = _MAKE[kind](path, spelling.upper(), at)
            body = {"stream": stream, "data": data} if combined else data
            await socket.send_str(json.dumps(body, separators=(",", ":")))

    async def agg_trades(self, request: web.Request) -> web.Response:
        """Serve `/api/v3/aggTrades`: from an id, from a time, or the newest."""
        path, query = self._paths.get(request.query.get("symbol", "")), request.query
        if path is None:
            return _error(-1121, "Invalid symbol.")
        limit = min(int(query.get("limit", 500)), _MOST)
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
        limit, now_ms = min(int(query.get("limit", 500)), _MOST), self._clock.now_ms()
        end = min(int(query.get("endTime", now_ms)), now_ms)
        start = int(query.get("startTime", end - (limit - 1) * 60_000 - end % 60_000))
        opens = range(-(-start // 60_000) * 60_000, end + 1, 60_000)[:limit]
        return web.json_response([_kline(path, one, now_ms) for one in opens])


def _kline(path: PricePath, open_ms: int, now_ms: int) -> list[object]:
    upto = number_at(min(open_ms + 60_000, now_ms))
    found = [trade(path, n) for n in range(number_at(open_ms), upto)]
    rows = [(Decimal(str(t["p"])), Decimal(str(t["q"])), t["m"]) for t in found]
    prices = [price for price, _, _ in rows] or [Decimal(0)]
    taken = [(price, quantity) for price, quantity, maker_bought in rows if not maker_bought]
    return [
        open_ms, str(prices[0]), str(max(prices)), str(min(prices)), str(prices[-1]),
        f"{sum(q for _, q, _ in rows):.8f}", open_ms + 59_999,
        f"{sum(p * q for p, q, _ in rows):.8f}", len(rows),
        f"{sum(q for _, q in taken):.8f}", f"{sum(p * q for p, q in taken):.8f}", "0",
    ]  # fmt: skip


def _agg_trade(path: PricePath, spelling: str, number: int) -> dict[str, object]:
    told = trade(path, number)
    return {"e": "aggTrade", "E": told["T"], "s": spelling, **told}


def ticker(path: PricePath, spelling: str, second: int) -> dict[str, object]:
    """Give the rolling 24 hours as `@ticker` tells them."""
    mid, before = path.at(second)[0], path.at(second - DAY_S)[0]
    hours = [path.at(second - 3600 * hour)[0] for hour in range(25)]
    day = path.day(second // DAY_S).quantity
    base = float(day.sum())
    texts = {
        "p": mid - before, "P": (mid / before - 1) * 100, "w": (mid + before) / 2, "x": before,
        "c": mid, "Q": 0.01, "b": mid - 0.01, "B": 1.5, "a": mid + 0.01, "A": 1.25, "o": before,
        "h": max(hours), "l": min(hours), "v": base, "q": base * mid,
    }  # fmt: skip
    last = number_at(second * 1000)
    return {
        "e": "24hrTicker", "E": second * 1000, "s": spelling,
        **{name: f"{value:.8f}" for name, value in texts.items()},
        "O": (second - DAY_S) * 1000, "C": second * 1000, "F": last - DAY_S * PER_SECOND,
        "L": last - 1, "n": DAY_S * PER_SECOND,
    }  # fmt: skip


def _book_ticker(path: PricePath, spelling: str, number: int) -> dict[str, object]:
    """Best bid and ask at the second of a trade; `u` rises with the trade's number."""
    mid = path.at(_ANCHOR_S + number // PER_SECOND)[0]
    return {
        "u": number * 3, "s": spelling, "b": f"{mid - 0.01:.8f}", "B": "1.50000000",
        "a": f"{mid + 0.01:.8f}", "A": "1.25000000",
    }  # fmt: skip


_MAKE = {"aggTrade": _agg_trade, "ticker": ticker, "bookTicker": _book_ticker}


def _answer(text: str, streams: set[str]) -> dict[str, object]:
    try:
        asked = json.loads(text)
        method, params = asked["method"], asked.get("params", [])
    except (ValueError, TypeError, KeyError):
        return {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}
    if method == "SUBSCRIBE":
        streams.update(params)
    elif method == "UNSUBSCRIBE":
        streams.difference_update(params)
    elif method != "LIST_SUBSCRIPTIONS":
        return {"code": 2, "msg": f"Invalid request: unknown variant `{method}`"}
    listed = sorted(streams) if method == "LIST_SUBSCRIPTIONS" else None
    return {"result": listed, "id": asked.get("id")}


def _error(code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "msg": message}, status=400)
