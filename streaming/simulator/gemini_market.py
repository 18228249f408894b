"""The simulated Gemini market: one live book that moves with the clock, and its listeners."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

from streaming.simulator.clock import Clock
from streaming.simulator.gemini_auctions import (
    AUCTION,
    BLOCK_TRADE,
    INDICATIVE,
    PERIOD_S,
    Auctions,
)
from streaming.simulator.order_book import BookEvent, OrderBook

STEPS_PER_S = 10
_MAX_TRADES, _MAX_AUCTIONS = 5000, 500
_AUCTIONS_BEFORE_S = 2 * PERIOD_S  # of which the history begins with
_TRADES, _AUCTIONS = ("trade", BLOCK_TRADE), (AUCTION, INDICATIVE)
TAKERS = {"ask": "buy", "bid": "sell", "auction": "auction"}


class MarketUpdate(NamedTuple):
    """What one frame brings of a symbol."""

    event_id: int
    at_ms: int
    events: list[BookEvent]
    symbol: str


class GeminiMarket:
    """Moves one book with the clock and publishes every change to its listeners.

    Bytes in the listeners' queues are passed on as they are.
    `auctions` has what was published of auctions, the newest last.
    """

    def __init__(
        self,
        symbol: str,
        order_book: OrderBook,
        *,
        speed: float,
        clock: Clock,
        schedule: Auctions | None = None,
    ) -> None:
        self.symbol, self.book, self.clock, self._speed = symbol, order_book, clock, speed
        self.listeners: set[asyncio.Queue[MarketUpdate | bytes]] = set()
        self.watchers: list[Callable[[], None]] = []
        self.trades: list[dict[str, object]] = []
        self.event_id = clock.now_ms() * 8
        self._second = int(clock.now_s())
        for _ in order_book.move(self._second):
            pass
        self.auctions: list[BookEvent] = []
        self._schedule = schedule
        for second in range(self._second - _AUCTIONS_BEFORE_S, self._second + 1):
            for events in self._due_auctions(second):
                self._name(events)

    def _due_auctions(self, second: int) -> Iterator[list[BookEvent]]:
        yield from self._schedule.frames_at(second) if self._schedule else ()

    async def run(self) -> None:
        """Move for ever: the path's steps each second, smaller changes ten times a second."""
        due_changes = 0.0
        while True:
            await asyncio.sleep(1 / STEPS_PER_S)
            now = int(self.clock.now_s())
            self._second = max(self._second, now - 60)
            while self._second < now:
                self._second += 1
                for events in (*self.book.move(self._second), *self._due_auctions(self._second)):
                    self.publish(events)
            due_changes += 5 * self._speed / STEPS_PER_S
            for _ in range(int(due_changes)):
                self.publish(self.book.wiggle())
            due_changes -= int(due_changes)
            for watcher in self.watchers:
                watcher()

    def publish(self, frame_events: list[BookEvent]) -> int:
        """Publish one frame's events; give its event id (which is the trade id too)."""
        self._name(frame_events)
        now_ms = self.clock.now_ms()
        for event in frame_events:
            if event["type"] in _TRADES:
                self._remember(event, now_ms)
        for queue in self.listeners:
            queue.put_nowait(MarketUpdate(self.event_id, now_ms, frame_events, self.symbol))
        return self.event_id

    def _name(self, frame_events: list[BookEvent]) -> None:
        """Give a frame's events the next id, and remember those of auctions."""
        self.event_id += 1
        for event in frame_events:
            if event["type"] in _TRADES:
                event["tid"] = self.event_id
            elif event["type"] in _AUCTIONS:
                event["eid"] = self.event_id
                self.auctions.append(event)
        del self.auctions[:-_MAX_AUCTIONS]

    def _remember(self, printed: BookEvent, now_ms: int) -> None:
        self.trades.append(
            {
                "timestamp": now_ms // 1000,
                "timestampms": now_ms,
                "tid": printed["tid"],
                "price": printed["price"],
                "amount": printed["amount"],
                "exchange": "gemini",
                "type": side_of(printed),
            }
        )
        del self.trades[:-_MAX_TRADES]

    def top(self) -> tuple[Decimal, Decimal]:
        """Best bid and best ask."""
        return self.book.best("bid"), self.book.best("ask")


def side_of(printed: BookEvent) -> str:
    """The taker's side of a trade, else `auction` or `block`."""
    return TAKERS.get(str(printed.get("makerSide")), "block")
