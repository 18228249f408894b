"""The simulated Gemini market data: one live book, told to each websocket with its own numbers."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from aiohttp import WSMsgType, web

from streaming.simulator.order_book import Event, OrderBook

Told = tuple[int, int, list[Event]]
_FLAGS = ("bids", "offers", "trades")
_HEARTBEAT_S = 5.0
_STEPS_PER_S = 10


class GeminiMarket:
    """Moves one book with the wall clock and tells every change to those who listen."""

    def __init__(self, symbol: str, book: OrderBook, *, speed: float) -> None:
        """Fill the book for the present second."""
        self.symbol, self.book, self._speed = symbol, book, speed
        self.listeners: set[asyncio.Queue[Told | bytes]] = set()
        self.trades: list[dict[str, object]] = []
        self._event_id = time.time_ns() // 1_000_000 * 8
        self._second = int(time.time())
        for _ in book.move(self._second):
            pass

    async def run(self) -> None:
        """Move for ever: the path's steps each second, smaller changes ten times a second."""
        owed = 0.0
        while True:
            await asyncio.sleep(1 / _STEPS_PER_S)
            now = int(time.time())
            self._second = max(self._second, now - 60)
            while self._second < now:
                self._second += 1
                for events in self.book.move(self._second):
                    self.tell(events)
            owed += 5 * self._speed / _STEPS_PER_S
            for _ in range(int(owed)):
                self.tell(self.book.wiggle())
            owed -= int(owed)

    def tell(self, events: list[Event]) -> int:
        """Tell listeners one frame's events; gives its event id (which is the trade id too)."""
        self._event_id += 1
        now_ms = time.time_ns() // 1_000_000
        for event in events:
            if event["type"] == "trade":
                event["tid"] = self._event_id
                self._remember(event, now_ms)
        for queue in self.listeners:
            queue.put_nowait((self._event_id, now_ms, events))
        return self._event_id

    def _remember(self, event: Event, now_ms: int) -> None:
        side = "buy" if event["makerSide"] == "ask" else "sell"
        self.trades.append(
            {"timestamp": now_ms // 1000, "timestampms": now_ms, "tid": event["tid"],
             "price": event["price"], "amount": event["amount"], "exchange": "gemini",
             "type": side}
        )  # fmt: skip
        del self.trades[:-5000]

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve `/v1/marketdata/{symbol}`."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        queue: asyncio.Queue[Told | bytes] = asyncio.Queue()
        snapshot = json.dumps(self._first(request.query.get), separators=(",", ":"))
        self.listeners.add(queue)
        sender = asyncio.ensure_future(self._send(socket, queue, request.query, snapshot))
        try:
            async for _ in socket:
                continue
        finally:
            self.listeners.discard(queue)
            sender.cancel()
        return socket

    def _first(self, flag: Callable[[str], str | None]) -> dict[str, object]:
        wanted = {"bid": flag("bids") != "false", "ask": flag("offers") != "false"}
        events = [one for one in self.book.snapshot() if wanted[str(one["side"])]]
        return {"type": "update", "eventId": self._event_id, "socket_sequence": 0, "events": events}

    async def _send(
        self,
        socket: web.WebSocketResponse,
        queue: "asyncio.Queue[Told | bytes]",
        query: Mapping[str, str],
        snapshot: str,
    ) -> None:
        flags = {name: query.get(name) != "false" for name in _FLAGS}
        beats = query.get("heartbeat") == "true"
        seq, due = 1, time.monotonic() + _HEARTBEAT_S
        await socket.send_str(snapshot)
        while not socket.closed:
            try:
                wait_s = max(0.0, due - time.monotonic()) if beats else None
                told = await _next(queue, wait_s)
            except TimeoutError:
                await socket.send_str(f'{{"type":"heartbeat","socket_sequence":{seq}}}')
                seq, due = seq + 1, time.monotonic() + _HEARTBEAT_S
                continue
            if isinstance(told, bytes):
                await socket.send_frame(told, WSMsgType.TEXT)
                continue
            text = _frame(told, seq, flags)
            if text:
                await socket.send_str(text)
                seq += 1

    def top(self) -> tuple[Decimal, Decimal]:
        """Best bid and best ask."""
        return self.book.best("bid"), self.book.best("ask")


async def _next(queue: "asyncio.Queue[Told | bytes]", wait_s: float | None) -> Told | bytes:
    if not queue.empty():
        return queue.get_nowait()
    return await asyncio.wait_for(queue.get(), wait_s)


def _frame(told: Told, seq: int, flags: dict[str, bool]) -> str:
    event_id, now_ms, events = told
    names = {"bid": "bids", "ask": "offers"}
    wanted = [
        one for one in events
        if flags["trades" if one["type"] == "trade" else names[str(one["side"])]]
    ]  # fmt: skip
    if not wanted:
        return ""
    body = json.dumps(wanted, separators=(",", ":"))
    return (
        f'{{"type":"update","eventId":{event_id},"timestamp":{now_ms // 1000},'
        f'"timestampms":{now_ms},"socket_sequence":{seq},"events":{body}}}'
    )
