"""What a connection of Gemini's archived services, v1 and v2, is told. Pure but for the market.

Source: docs.gemini.com, "Market Data" v1 and v2; recorded tapes of 2018 and 2021.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Protocol

from streaming.simulator.gemini_market import GeminiMarket, Told
from streaming.simulator.order_book import Event

_FLAGS = ("bids", "offers", "trades")
_SIDES = {"bid": "buy", "ask": "sell"}
_TRADES_OF_A_SNAPSHOT = 50


class Dialect(Protocol):
    """One connection's words."""

    def opening(self) -> Iterator[str]:
        """Say what comes first, unasked."""

    def heard(self, text: str) -> Iterator[str]:
        """Answer a request."""

    def told(self, batch: list[Told]) -> Iterator[str]:
        """Tell what the market did."""

    def beat(self) -> Iterator[str]:
        """Say that the connection lives."""


class V1Dialect:
    """One symbol, wanted by URL; each frame has the connection's own next number."""

    def __init__(self, market: GeminiMarket, query: Mapping[str, str]) -> None:
        """Know the flags of the URL."""
        self._market, self._seq, self._since = market, 0, market.event_id
        self._wanted = {name: query.get(name) != "false" for name in _FLAGS}
        self._beats = query.get("heartbeat") == "true"

    def opening(self) -> Iterator[str]:
        """The whole book, bids then asks, each ascending."""
        self._since = self._market.event_id
        names = {"bid": "bids", "ask": "offers"}
        events = [
            one for one in self._market.book.snapshot() if self._wanted[names[str(one["side"])]]
        ]
        yield self._numbered(f'"eventId":{self._since}', "update", events)

    def heard(self, text: str) -> Iterator[str]:
        """Nothing is asked for on this service."""
        yield from ()

    def told(self, batch: list[Told]) -> Iterator[str]:
        """One frame for each change, its trade with it."""
        for event_id, now_ms, events in batch:
            found = [one for one in events if self._wanted[_flag(one)]]
            if event_id <= self._since or not found:
                continue
            head = f'"eventId":{event_id},"timestamp":{now_ms // 1000},"timestampms":{now_ms}'
            yield self._numbered(head, "update", found)

    def beat(self) -> Iterator[str]:
        """A heartbeat, if the URL asked for them."""
        if self._beats:
            yield self._numbered("", "heartbeat", None)

    def _numbered(self, head: str, kind: str, events: list[Event] | None) -> str:
        body = "" if events is None else f',"events":{_json(events)}'
        seq, self._seq = self._seq, self._seq + 1
        head = f"{head}," if head else ""
        return f'{{"type":"{kind}",{head}"socket_sequence":{seq}{body}}}'


class V2Dialect:
    """Symbols subscribed to: the whole book first, with the last trades, then changes."""

    def __init__(self, market: GeminiMarket) -> None:
        """Follow nothing yet."""
        self._market = market
        self._since: int | None = None

    def opening(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def heard(self, text: str) -> Iterator[str]:
        """Subscribe or unsubscribe; only a mistake is answered."""
        try:
            asked = json.loads(text)
            wanted = {s for one in asked["subscriptions"] for s in one["symbols"]}
        except (ValueError, KeyError, TypeError):
            yield _json({"result": "error", "reason": "InvalidJson"})
            return
        symbol = self._market.symbol.upper()
        if symbol not in wanted:
            yield _json({"result": "error", "reason": "NoValidTradingPairs"})
        elif asked.get("type") == "unsubscribe":
            self._since = None
        elif self._since is None:
            self._since = self._market.event_id
            newest = self._market.trades[: -_TRADES_OF_A_SNAPSHOT - 1 : -1]
            trades = [
                _v2_trade(symbol, one["tid"], one["timestampms"], one, one["type"])
                for one in newest
            ]
            changes = _changes(self._market.book.snapshot())
            snapshot = {"type": "l2_updates", "symbol": symbol, "changes": changes}
            yield _json({**snapshot, "trades": trades, "auction_events": []})

    def told(self, batch: list[Told]) -> Iterator[str]:
        """A trade and its change are frames of their own."""
        symbol = self._market.symbol.upper()
        for event_id, now_ms, events in batch:
            if self._since is None or event_id <= self._since:
                continue
            for one in events:
                if one["type"] == "trade":
                    side = "buy" if one["makerSide"] == "ask" else "sell"
                    yield _json(_v2_trade(symbol, event_id, now_ms, one, side))
            if changes := _changes([one for one in events if one["type"] == "change"]):
                yield _json({"type": "l2_updates", "symbol": symbol, "changes": changes})

    def beat(self) -> Iterator[str]:
        """A heartbeat, unasked."""
        yield _json({"type": "heartbeat", "timestamp": self._market.clock.now_ms()})


def _flag(event: Event) -> str:
    if event["type"] == "trade":
        return "trades"
    return "bids" if event["side"] == "bid" else "offers"


def _changes(events: list[Event]) -> list[list[object]]:
    return [[_SIDES[str(one["side"])], one["price"], one["remaining"]] for one in events]


def _v2_trade(symbol: str, event_id: object, ms: object, trade: Event, side: object) -> Event:
    return {
        "type": "trade",
        "symbol": symbol,
        "event_id": event_id,
        "timestamp": ms,
        "price": trade["price"],
        "quantity": trade["amount"],
        "side": side,
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
