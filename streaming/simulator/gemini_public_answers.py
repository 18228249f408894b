"""The simulated Gemini's public answers: symbols, prices, book, trades, candles. Pure.

Source: docs.gemini.com, "Market data".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from include.market.time import DAY_S
from streaming.simulator.candles import make_candles, traded_in_day
from streaming.simulator.gemini_auction_answers import describe_current, describe_past
from streaming.simulator.gemini_auctions import AUCTION, INDICATIVE
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.gemini_pages import choose_page
from streaming.simulator.gemini_pairs import NETWORKS, PAIRS, GeminiPair
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import PricePath

FRAMES_S = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1hr": 3600,
    "1h": 3600,
    "6hr": 21_600,
    "6h": 21_600,
    "1day": DAY_S,
    "1d": DAY_S,
}
_HOURS, _ROWS = 24, 50


@dataclass(frozen=True)
class GeminiPublic:
    """What public answers about a symbol are made of: the market, and the path it follows."""

    market: GeminiMarket
    path: PricePath

    @property
    def pair(self) -> GeminiPair:
        """What is bought and sold."""
        return PAIRS[self.market.symbol]


GeminiVenue = Mapping[str, GeminiPublic]  # by symbol


def list_symbols(venue: GeminiVenue, _values: Values) -> list[str]:
    """The symbols, in lower case."""
    return list(venue)


def describe_all(venue: GeminiVenue, _values: Values) -> list[Fields]:
    """The symbols' details."""
    return [public.pair.details() for public in venue.values()]


def describe(public: GeminiPublic, _values: Values) -> Fields:
    """A symbol's details."""
    return public.pair.details()


def name_networks(_venue: GeminiVenue, values: Values) -> Fields:
    """The networks of a token; dollars have none."""
    networks = [NETWORKS[values["token"]]] if values["token"] in NETWORKS else []
    return {"token": values["token"], "network": networks}


def list_fee_promotions(_venue: GeminiVenue, _values: Values) -> Fields:
    """No symbol has another fee."""
    return {"symbols": []}


def quote(public: GeminiPublic, _values: Values) -> Fields:
    """Best prices, last price and volume (ticker v1)."""
    bid, ask = public.market.top()
    now_ms = public.market.clock.now_ms()
    pair = public.pair
    base, quote = traded_in_day(public.path, now_ms // 1000)
    volume = {pair.base: f"{base:.8f}", pair.quote: f"{quote:.8f}", "timestamp": now_ms}
    return {
        "bid": f"{bid}",
        "ask": f"{ask}",
        "last": f"{public.market.book.last}",
        "volume": volume,
    }


def list_prices(venue: GeminiVenue, _values: Values) -> list[Fields]:
    """Each pair's price and its change over a day."""
    return [_price_of(public) for public in venue.values()]


def _price_of(public: GeminiPublic) -> Fields:
    now_s, price = int(public.market.clock.now_s()), public.market.book.last
    change = f"{float(price) / public.path.tick_at(now_s - DAY_S)[0] - 1:.4f}"
    pair = public.market.symbol.upper()
    return {"pair": pair, "price": f"{price}", "percentChange24h": change}


def summarize_day(public: GeminiPublic, _values: Values) -> Fields:
    """The day's prices by the hour (ticker v2)."""
    now_s, (bid, ask) = int(public.market.clock.now_s()), public.market.top()
    hours = [public.path.tick_at(now_s - 3600 * hour)[0] for hour in range(_HOURS)]
    texts = {"open": hours[-1], "high": max(hours), "low": min(hours), "close": hours[0]}
    return {
        "symbol": public.market.symbol.upper(),
        **{name: f"{value:.2f}" for name, value in texts.items()},
        "changes": [f"{hour:.2f}" for hour in hours],
        "bid": f"{bid}",
        "ask": f"{ask}",
    }


def list_levels(public: GeminiPublic, values: Values) -> Fields:
    """The book, best first; a limit of 0 gives all levels."""
    now_s = int(public.market.clock.now_s())
    return {
        side: [
            {"price": f"{price}", "amount": f"{amount}", "timestamp": str(now_s)}
            for price, amount in sorted(levels.items(), reverse=side == "bids")
        ][: values.get(f"limit_{side}", _ROWS) or None]
        for side, levels in zip(("bids", "asks"), public.market.book.sides.values(), strict=True)
    }


def list_trades(public: GeminiPublic, values: Values) -> list[dict[str, object]]:
    """The trades, newest first: the oldest after a number, from a time on, or the newest of all."""
    limit = values.get("limit_trades", _ROWS)
    if (since_tid := values.get("since_tid")) is not None:  # which trumps the time
        newer = [trade for trade in public.market.trades if int(str(trade["tid"])) > since_tid]
        return newer[:limit][::-1]
    return choose_page(public.market.trades, values, limit)


def list_candles(public: GeminiPublic, values: Values) -> list[list[float]]:
    """The candles of a frame, newest first."""
    now_s = int(public.market.clock.now_s())
    return make_candles(public.path, frame_s=FRAMES_S[values["frame"]], now_s=now_s)


def describe_auction(public: GeminiPublic, _values: Values) -> Fields:
    """The auction that is open, and the one before it."""
    return describe_current(public.market.auctions, int(public.market.clock.now_s()))


def list_auctions(public: GeminiPublic, values: Values) -> list[Fields]:
    """Past auctions, and by default their indicative prices, newest first."""
    kinds = (AUCTION, INDICATIVE) if values.get("include_indicative", True) else (AUCTION,)
    past = [describe_past(event) for event in public.market.auctions if event["type"] in kinds]
    return choose_page(past, values, values.get("limit_auction_results", _ROWS))
