"""The messages of a connection to Gemini's archived service v2. Pure but for the market.

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
_FEEDS = ("l2", *(f"candles_{frame}" for frame in FRAMES_S))


class V2Dialect:
    """What is subscribed to: the whole book first, with the last trades, then changes; candles."""

    def __init__(self, venue: GeminiPublic) -> None:
        self._venue, self._market = venue, venue.market
        self._since: int | None = None
        self._minutes: dict[str, int] = {}  # of each feed of candles, when it was last sent

    def opening_messages(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def answer(self, text: str) -> Iterator[str]:
        """Subscribe or unsubscribe; only errors are answered."""
        try:
            request = json.loads(text)
            ends = {"subscribe": False, "unsubscribe": True}[request["type"]]
            feeds = {
                str(subscription["name"]): list(subscription["symbols"])
                for subscription in request["subscriptions"]
            }
        except (ValueError, KeyError, TypeError, RecursionError):
            yield _json({"result": "error", "reason": "InvalidJson"})
            return
        for name, symbols in feeds.items():
            if name not in _FEEDS:
                message = f"Supplied value '{name}' is not a valid subscription"
                yield _json({"result": "error", "reason": "Bad Request", "message": message})
            elif self._market.symbol.upper() not in symbols:
                yield _json({"result": "error", "reason": "NoValidTradingPairs"})
            elif ends:
                self._end(name)
            else:
                yield from self._begin(name)

    def _end(self, name: str) -> None:
        self._minutes.pop(name, None)
        self._since = None if name == "l2" else self._since

    def _begin(self, name: str) -> Iterator[str]:
        if name == "l2" and self._since is None:
            self._since = self._market.event_id
            yield self._snapshot()
        elif name != "l2" and name not in self._minutes:
            self._minutes[name] = 0
            yield from self._new_candles()

    def _snapshot(self) -> str:
        symbol = self._market.symbol.upper()
        newest_trades = self._market.trades[: -_TRADES_OF_A_SNAPSHOT - 1 : -1]
        trades = [
            _v2_trade(symbol, trade["tid"], trade["timestampms"], trade, trade["type"])
            for trade in newest_trades
        ]
        changes = _changes(self._market.book.snapshot())
        snapshot = {"type": "l2_updates", "symbol": symbol, "changes": changes}
        auctions = [_v2_auction(symbol, event) for event in self._market.auctions[::-1]]
        return _json({**snapshot, "trades": trades, "auction_events": auctions[:_LAST_AUCTION]})

    def _new_candles(self) -> Iterator[str]:
        """Each feed's candles: all at first, then the newest once a minute."""
        minute = int(self._market.clock.now_s()) // 60
        for name in [name for name, sent_minute in self._minutes.items() if sent_minute < minute]:
            rows = list_candles(self._venue, {"frame": name.removeprefix("candles_")})
            rows = rows[:2] if self._minutes[name] else rows
            self._minutes[name] = minute
            symbol = self._market.symbol.upper()
            yield _json({"type": f"{name}_updates", "symbol": symbol, "changes": rows})

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """A frame for each trade, and one for its change; candles of a minute that ended."""
        yield from self._new_candles()
        symbol = self._market.symbol.upper()
        for event_id, now_ms, events in batch:
            if self._since is None or event_id <= self._since:
                continue
            for event in events:
                if event["type"] in {"trade", BLOCK_TRADE}:
                    yield _json(_v2_trade(symbol, event_id, now_ms, event, side_of(event)))
                elif event["type"] != "change":
                    yield _json(_v2_auction(symbol, event))
            if changes := _changes([event for event in events if event["type"] == "change"]):
                yield _json({"type": "l2_updates", "symbol": symbol, "changes": changes})

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, without a request."""
        yield _json({"type": "heartbeat", "timestamp": self._market.clock.now_ms()})


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


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
