"""What a connection to Gemini's service v2 gets of one symbol. Pure but for the market.

Source: docs.gemini.com, "Market data version 2"; a recorded tape of 2021.
"""

import json
from collections.abc import Iterator

from streaming.simulator.gemini_auctions import BLOCK_TRADE, INDICATIVE_S, PERIOD_S
from streaming.simulator.gemini_market import MarketUpdate, side_of
from streaming.simulator.gemini_public_answers import FRAMES_S, GeminiPublic, list_candles
from streaming.simulator.order_book import BookEvent

_SIDES = {"bid": "buy", "ask": "sell"}
_INDICATIVE = {"indicative_price", "indicative_quantity"}
_LAST_AUCTION = PERIOD_S // INDICATIVE_S  # events of one
_TRADES_OF_A_SNAPSHOT = 50
FEEDS = ("l2", *(f"candles_{frame}" for frame in FRAMES_S))


class SymbolFeeds:
    """The feeds of a symbol that are subscribed to: the book with trades and auctions; candles."""

    def __init__(self, public: GeminiPublic) -> None:
        self._public, self._market = public, public.market
        self._symbol = public.market.symbol.upper()
        self._since: int | None = None
        self._minutes: dict[str, int] = {}  # of each feed of candles, when it was last sent

    def end(self, name: str) -> None:
        """Unsubscribe from a feed."""
        self._minutes.pop(name, None)
        self._since = None if name == "l2" else self._since

    def begin(self, name: str) -> Iterator[str]:
        """Subscribe to a feed: its first message, unless it is subscribed to already."""
        if name == "l2" and self._since is None:
            self._since = self._market.event_id
            yield self._snapshot()
        elif name != "l2" and name not in self._minutes:
            self._minutes[name] = 0
            yield from self.new_candles()

    def _snapshot(self) -> str:
        symbol = self._symbol
        newest_trades = self._market.trades[: -_TRADES_OF_A_SNAPSHOT - 1 : -1]
        trades = [
            _v2_trade(symbol, trade["tid"], trade["timestampms"], trade, trade["type"])
            for trade in newest_trades
        ]
        changes = _changes(self._market.book.snapshot())
        snapshot = {"type": "l2_updates", "symbol": symbol, "changes": changes}
        auctions = [_v2_auction(symbol, event) for event in self._market.auctions[::-1]]
        return to_json({**snapshot, "trades": trades, "auction_events": auctions[:_LAST_AUCTION]})

    def new_candles(self) -> Iterator[str]:
        """Each feed's candles: all at first, then the newest once a minute."""
        minute = int(self._market.clock.now_s()) // 60
        for name in [name for name, sent_minute in self._minutes.items() if sent_minute < minute]:
            rows = list_candles(self._public, {"frame": name.removeprefix("candles_")})
            rows = rows[:2] if self._minutes[name] else rows
            self._minutes[name] = minute
            yield to_json({"type": f"{name}_updates", "symbol": self._symbol, "changes": rows})

    def update(self, update: MarketUpdate) -> Iterator[str]:
        """A frame for each trade, and one for its change."""
        if self._since is None or update.event_id <= self._since:
            return
        for event in update.events:
            if event["type"] in {"trade", BLOCK_TRADE}:
                ids = update.event_id, update.at_ms
                yield to_json(_v2_trade(self._symbol, *ids, event, side_of(event)))
            elif event["type"] != "change":
                yield to_json(_v2_auction(self._symbol, event))
        if changes := _changes([event for event in update.events if event["type"] == "change"]):
            yield to_json({"type": "l2_updates", "symbol": self._symbol, "changes": changes})


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


def _v2_auction(symbol: str, auction_event: BookEvent) -> BookEvent:
    """The event with its symbol; here an indicative price has the names of the result's."""
    return {
        name.replace("indicative_", "auction_") if name in _INDICATIVE else name: value
        for name, value in auction_event.items()
        if name != "eid"
    } | {"symbol": symbol}


def to_json(document: object) -> str:
    """A message's text."""
    return json.dumps(document, separators=(",", ":"))
