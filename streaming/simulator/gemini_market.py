"""The simulated Gemini market: one live book that moves with the clock and tells its listeners."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.clock import Clock
from streaming.simulator.order_book import Event, OrderBook

Told = tuple[int, int, list[Event]]
STEPS_PER_S = 10
_MOST_TRADES = 5000


class GeminiMarket:
    """Moves one book with the clock and tells every change to those who listen.

    What is told is an event id, its time in ms, and the events; bytes are passed on as they are.
    """

    def __init__(self, symbol: str, book: OrderBook, *, speed: float, clock: Clock) -> None:
        """Fill the book for the present second."""
        self.symbol, self.book, self.clock, self._speed = symbol, book, clock, speed
        self.listeners: set[asyncio.Queue[Told | bytes]] = set()
        self.watchers: list[Callable[[], None]] = []
        self.trades: list[dict[str, object]] = []
        self.event_id = clock.now_ms() * 8
        self._second = int(clock.now_s())
        for _ in book.move(self._second):
            pass

    async def run(self) -> None:
        """Move for ever: the path's steps each second, smaller changes ten times a second."""
        owed = 0.0
        while True:
            await asyncio.sleep(1 / STEPS_PER_S)
            now = int(self.clock.now_s())
            self._second = max(self._second, now - 60)
            while self._second < now:
                self._second += 1
                for events in self.book.move(self._second):
                    self.tell(events)
            owed += 5 * self._speed / STEPS_PER_S
            for _ in range(int(owed)):
                self.tell(self.book.wiggle())
            owed -= int(owed)
            for watcher in self.watchers:
                watcher()

    def tell(self, events: list[Event]) -> int:
        """Tell listeners one frame's events; gives its event id (which is the trade id too)."""
        self.event_id += 1
        now_ms = self.clock.now_ms()
        for event in events:
            if event["type"] == "trade":
                event["tid"] = self.event_id
                self._remember(event, now_ms)
        for queue in self.listeners:
            queue.put_nowait((self.event_id, now_ms, events))
        return self.event_id

    def _remember(self, event: Event, now_ms: int) -> None:
        side = "buy" if event["makerSide"] == "ask" else "sell"
        self.trades.append(
            {
                "timestamp": now_ms // 1000,
                "timestampms": now_ms,
                "tid": event["tid"],
                "price": event["price"],
                "amount": event["amount"],
                "exchange": "gemini",
                "type": side,
            }
        )
        del self.trades[:-_MOST_TRADES]

    def top(self) -> tuple[Decimal, Decimal]:
        """Best bid and best ask."""
        return self.book.best("bid"), self.book.best("ask")
