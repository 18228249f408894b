"""The messages of a connection to Gemini's archived service v1. Pure but for the market.

Source: docs.gemini.com, "Market data", "Multi market data"; a recorded tape of 2018.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Protocol

from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.gemini_parameters import read_flag
from streaming.simulator.order_book import BookEvent, make_change

_FLAGS = ("bids", "offers", "trades", "auctions")
_NAMES = {"bid": "bids", "ask": "offers"}


class Dialect(Protocol):
    """The messages of one connection, in one service's form."""

    def opening_messages(self) -> Iterator[str]:
        """The first messages, before any request."""

    def answer(self, text: str) -> Iterator[str]:
        """The answer to a request."""

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """The messages of a batch of market updates."""

    def heartbeat(self) -> Iterator[str]:
        """The message that shows that the connection lives, if this service sends one."""


class V1Dialect:
    """The symbol named by the URL; each frame has the connection's own next number.

    `counter` is that of a connection that has other symbols too: each event names its own.
    """

    def __init__(
        self,
        market: GeminiMarket,
        query: Mapping[str, str],
        counter: Iterator[int] | None = None,
    ) -> None:
        self._market, self._counter, self._since = market, counter or count(), market.event_id
        self._mark: BookEvent = {"symbol": market.symbol.upper()} if counter else {}
        self._top: dict[str, tuple[Decimal, Decimal]] | None = None
        if read_flag(query, "top_of_book", otherwise=False):
            self._top = dict.fromkeys(_NAMES, (Decimal(0), Decimal(0)))
        self._is_wanted = {name: read_flag(query, name, otherwise=True) for name in _FLAGS}
        self._sends_heartbeats = read_flag(query, "heartbeat", otherwise=False)

    def opening_messages(self) -> Iterator[str]:
        """The whole book, bids then asks, each ascending."""
        self._since = self._market.event_id
        frame_events = self._market.book.snapshot()
        if self._top is not None:
            frame_events = self._changes_of_the_best("initial")
        frame_events = [event for event in frame_events if self._is_wanted[_flag(event)]]
        yield self._number_frame(f'"eventId":{self._since}', "update", frame_events)

    def answer(self, text: str) -> Iterator[str]:
        """Nothing: this service takes no requests."""
        yield from ()

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """One frame for each change, with its trade."""
        for event_id, now_ms, frame_events, symbol in batch:
            if symbol != self._market.symbol:
                continue
            events = self._best_of(frame_events) if self._top is not None else frame_events
            wanted_events = [event for event in events if self._is_wanted[_flag(event)]]
            if event_id <= self._since or not wanted_events:
                continue
            head = f'"eventId":{event_id},"timestamp":{now_ms // 1000},"timestampms":{now_ms}'
            yield self._number_frame(head, "update", wanted_events)

    def _best_of(self, frame_events: list[BookEvent]) -> list[BookEvent]:
        others = [event for event in frame_events if event["type"] != "change"]
        return others + self._changes_of_the_best("top-of-book")

    def _changes_of_the_best(self, reason: str) -> list[BookEvent]:
        """The best levels that are not those sent last."""
        changes, best_levels = list[BookEvent](), self._top or {}
        for side, (price_before, before) in list(best_levels.items()):
            price = self._market.book.best(side)
            remaining = self._market.book.sides[side][price]
            if (price, remaining) != (price_before, before):
                delta = remaining - before if price == price_before else remaining
                changes.append(make_change(side, price, remaining, delta, reason))
                best_levels[side] = price, remaining
        return changes

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, if the URL asked for them."""
        if self._sends_heartbeats:
            yield self._number_frame("", "heartbeat", None)

    def _number_frame(self, head: str, kind: str, frame_events: list[BookEvent] | None) -> str:
        marked = [event | self._mark for event in frame_events or ()]
        body = "" if frame_events is None else f',"events":{_json(marked)}'
        head = f"{head}," if head else ""
        return f'{{"type":"{kind}",{head}"socket_sequence":{next(self._counter)}{body}}}'


class MultiDialect:
    """Several symbols named by the URL, in one sequence."""

    def __init__(self, markets: Sequence[GeminiMarket], query: Mapping[str, str]) -> None:
        counter = count()
        self._parts = {market.symbol: V1Dialect(market, query, counter) for market in markets}

    def opening_messages(self) -> Iterator[str]:
        """Each symbol's whole book."""
        for part in self._parts.values():
            yield from part.opening_messages()

    def answer(self, text: str) -> Iterator[str]:
        """Nothing: this service takes no requests."""
        yield from ()

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """One frame for each change of these symbols."""
        for update in batch:
            for part in self._parts.values():
                yield from part.updates([update])

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat of the connection, if the URL asked for them."""
        yield from next(iter(self._parts.values())).heartbeat()


def _flag(frame_event: BookEvent) -> str:
    if frame_event["type"] == "change":
        return _NAMES[str(frame_event["side"])]
    return "auctions" if str(frame_event["type"]).startswith("auction") else "trades"


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
