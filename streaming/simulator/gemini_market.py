"""The simulated Gemini market: one live book that moves with the clock, and its listeners."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.clock import Clock
from streaming.simulator.order_book import BookEvent, OrderBook

MarketUpdate = tuple[int, int, list[BookEvent]]
STEPS_PER_S = 10
_MAX_TRADES = 5000


class GeminiMarket:
    """Moves one book with the clock and publishes every change to its listeners.

    An update is an event id, its time in ms, and the events; bytes are passed on as they are.
    """

    def __init__(self, symbol: str, order_book: OrderBook, *, speed: float, clock: Clock) -> None:
        self.symbol, self.book, self.clock, self._speed = symbol, order_book, clock, speed
        self.listeners: set[asyncio.Queue[MarketUpdate | bytes]] = set()
        self.watchers: list[Callable[[], None]] = []
        self.trades: list[dict[str, object]] = []
        self.event_id = clock.now_ms() * 8
        self._second = int(clock.now_s())
        for _ in order_book.move(self._second):
            pass

    async def run(self) -> None:
        """Move for ever: the path's steps each second, smaller changes ten times a second."""
        due_changes = 0.0
        while True:
            await asyncio.sleep(1 / STEPS_PER_S)
            now = int(self.clock.now_s())
            self._second = max(self._second, now - 60)
            while self._second < now:
                self._second += 1
                for events in self.book.move(self._second):
                    self.publish(events)
            due_changes += 5 * self._speed / STEPS_PER_S
            for _ in range(int(due_changes)):
                self.publish(self.book.wiggle())
            due_changes -= int(due_changes)
            for watcher in self.watchers:
                watcher()

    def publish(self, frame_events: list[BookEvent]) -> int:
        """Publish one frame's events; give its event id (which is the trade id too)."""
        self.event_id += 1
        now_ms = self.clock.now_ms()
        for event in frame_events:
            if event["type"] == "trade":
                event["tid"] = self.event_id
                self._remember(event, now_ms)
        for queue in self.listeners:
            queue.put_nowait((self.event_id, now_ms, frame_events))
        return self.event_id

    def _remember(self, printed: BookEvent, now_ms: int) -> None:
        side = "buy" if printed["makerSide"] == "ask" else "sell"
        self.trades.append(
            {
                "timestamp": now_ms // 1000,
                "timestampms": now_ms,
                "tid": printed["tid"],
                "price": printed["price"],
                "amount": printed["amount"],
                "exchange": "gemini",
                "type": side,
            }
        )
        del self.trades[:-_MAX_TRADES]

    def top(self) -> tuple[Decimal, Decimal]:
        """Best bid and best ask."""
        return self.book.best("bid"), self.book.best("ask")
