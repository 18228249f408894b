"""The messages of Gemini's archived services, v1 and v2, per connection. Pure but for the market.

Source: docs.gemini.com, "Market Data" v1 and v2; recorded tapes of 2018 and 2021.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Protocol

from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.order_book import BookEvent

_FLAGS = ("bids", "offers", "trades")
_SIDES = {"bid": "buy", "ask": "sell"}
_TRADES_OF_A_SNAPSHOT = 50


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
    """One symbol, named by the URL; each frame has the connection's own next number."""

    def __init__(self, market: GeminiMarket, query: Mapping[str, str]) -> None:
        self._market, self._seq, self._since = market, 0, market.event_id
        self._is_wanted = {name: query.get(name) != "false" for name in _FLAGS}
        self._sends_heartbeats = query.get("heartbeat") == "true"

    def opening_messages(self) -> Iterator[str]:
        """The whole book, bids then asks, each ascending."""
        self._since = self._market.event_id
        names = {"bid": "bids", "ask": "offers"}
        frame_events = [
            event
            for event in self._market.book.snapshot()
            if self._is_wanted[names[str(event["side"])]]
        ]
        yield self._number_frame(f'"eventId":{self._since}', "update", frame_events)

    def answer(self, text: str) -> Iterator[str]:
        """Nothing: this service takes no requests."""
        yield from ()

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """One frame for each change, with its trade."""
        for event_id, now_ms, frame_events in batch:
            wanted_events = [event for event in frame_events if self._is_wanted[_flag(event)]]
            if event_id <= self._since or not wanted_events:
                continue
            head = f'"eventId":{event_id},"timestamp":{now_ms // 1000},"timestampms":{now_ms}'
            yield self._number_frame(head, "update", wanted_events)

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, if the URL asked for them."""
        if self._sends_heartbeats:
            yield self._number_frame("", "heartbeat", None)

    def _number_frame(self, head: str, kind: str, frame_events: list[BookEvent] | None) -> str:
        body = "" if frame_events is None else f',"events":{_json(frame_events)}'
        seq, self._seq = self._seq, self._seq + 1
        head = f"{head}," if head else ""
        return f'{{"type":"{kind}",{head}"socket_sequence":{seq}{body}}}'


class V2Dialect:
    """Symbols subscribed to: the whole book first, with the last trades, then changes."""

    def __init__(self, market: GeminiMarket) -> None:
        self._market = market
        self._since: int | None = None

    def opening_messages(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def answer(self, text: str) -> Iterator[str]:
        """Subscribe or unsubscribe; only errors are answered."""
        try:
            request = json.loads(text)
            symbols = {
                s for subscription in request["subscriptions"] for s in subscription["symbols"]
            }
        except (ValueError, KeyError, TypeError):
            yield _json({"result": "error", "reason": "InvalidJson"})
            return
        symbol = self._market.symbol.upper()
        if symbol not in symbols:
            yield _json({"result": "error", "reason": "NoValidTradingPairs"})
        elif request.get("type") == "unsubscribe":
            self._since = None
        elif self._since is None:
            self._since = self._market.event_id
            newest_trades = self._market.trades[: -_TRADES_OF_A_SNAPSHOT - 1 : -1]
            trades = [
                _v2_trade(
                    symbol,
                    subscription["tid"],
                    subscription["timestampms"],
                    subscription,
                    subscription["type"],
                )
                for subscription in newest_trades
            ]
            changes = _changes(self._market.book.snapshot())
            snapshot = {"type": "l2_updates", "symbol": symbol, "changes": changes}
            yield _json({**snapshot, "trades": trades, "auction_events": []})

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """A frame for each trade, and one for its change."""
        symbol = self._market.symbol.upper()
        for event_id, now_ms, events in batch:
            if self._since is None or event_id <= self._since:
                continue
            for event in events:
                if event["type"] == "trade":
                    side = "buy" if event["makerSide"] == "ask" else "sell"
                    yield _json(_v2_trade(symbol, event_id, now_ms, event, side))
            if changes := _changes([event for event in events if event["type"] == "change"]):
                yield _json({"type": "l2_updates", "symbol": symbol, "changes": changes})

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, without a request."""
        yield _json({"type": "heartbeat", "timestamp": self._market.clock.now_ms()})


def _flag(frame_event: BookEvent) -> str:
    if frame_event["type"] == "trade":
        return "trades"
    return "bids" if frame_event["side"] == "bid" else "offers"


def _changes(frame_events: list[BookEvent]) -> list[list[object]]:
    return [
        [_SIDES[str(event["side"])], event["price"], event["remaining"]] for event in frame_events
    ]


def _v2_trade(
    symbol: str, event_id: object, ms: object, trade_event: BookEvent, side: object
) -> BookEvent:
    return {
        "type": "trade",
        "symbol": symbol,
        "event_id": event_id,
        "timestamp": ms,
        "price": trade_event["price"],
        "quantity": trade_event["amount"],
        "side": side,
    }


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
