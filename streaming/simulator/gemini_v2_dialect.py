"""The messages of a connection to Gemini's archived service v2. Pure but for the market.

Source: docs.gemini.com, "Market data version 2"; a recorded tape of 2021.
"""

from collections.abc import Iterator

from streaming.simulator.gemini_market import MarketUpdate
from streaming.simulator.gemini_public_answers import GeminiVenue
from streaming.simulator.gemini_v2_feeds import FEEDS, SymbolFeeds, to_json
from streaming.simulator.json_fields import parse_json


class V2Dialect:
    """What is subscribed to, of each symbol: the whole book first, then changes; candles."""

    def __init__(self, venue: GeminiVenue) -> None:
        self._symbols = {symbol: SymbolFeeds(public) for symbol, public in venue.items()}
        self._clock = next(iter(venue.values())).market.clock

    def opening_messages(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def answer(self, text: str) -> Iterator[str]:
        """Subscribe or unsubscribe; only errors are answered."""
        try:
            request = parse_json(text)
            ends = {"subscribe": False, "unsubscribe": True}[request["type"]]
            feeds = [
                (
                    str(subscription["name"]),
                    [str(symbol).lower() for symbol in subscription["symbols"]],
                )
                for subscription in request["subscriptions"]
            ]
        except (ValueError, KeyError, TypeError):
            yield to_json({"result": "error", "reason": "InvalidJson"})
            return
        if not feeds:
            yield to_json({"result": "error", "reason": "NoValidTradingPairs"})
        for name, symbols in feeds:
            if name not in FEEDS:
                message = f"Supplied value '{name}' is not a valid subscription"
                yield to_json({"result": "error", "reason": "Bad Request", "message": message})
                continue
            traded = [self._symbols[symbol] for symbol in symbols if symbol in self._symbols]
            if not traded:
                yield to_json({"result": "error", "reason": "NoValidTradingPairs"})
            for symbol_feeds in traded:
                if ends:
                    symbol_feeds.end(name)
                else:
                    yield from symbol_feeds.begin(name)

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """The frames of each change; candles of a minute that ended."""
        for symbol_feeds in self._symbols.values():
            yield from symbol_feeds.new_candles()
        for update in batch:
            if update.symbol in self._symbols:
                yield from self._symbols[update.symbol].update(update)

    def heartbeat(self) -> Iterator[str]:
        """A heartbeat, without a request."""
        yield to_json({"type": "heartbeat", "timestamp": self._clock.now_ms()})
