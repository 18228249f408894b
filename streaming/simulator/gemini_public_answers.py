"""The simulated Gemini's public answers: symbols, prices, book, trades, candles. Pure.

Source: docs.gemini.com, "Market data".
"""

from dataclasses import dataclass

from include.market.time import DAY_S
from streaming.simulator.candles import make_candles
from streaming.simulator.gemini_auction_answers import describe_current, describe_past
from streaming.simulator.gemini_auctions import AUCTION, INDICATIVE
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import PricePath

DETAILS = {
    "symbol": "BTCUSD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "tick_size": 1e-08,
    "quote_increment": 0.01,
    "min_order_size": "0.00001",
    "status": "open",
    "wrap_enabled": False,
    "product_type": "spot",
    "contract_type": "vanilla",
    "contract_price_currency": "USD",
}
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
    """What public answers are made of: the market, and the path it follows."""

    market: GeminiMarket
    path: PricePath


def list_symbols(venue: GeminiPublic, _values: Values) -> list[str]:
    """The symbols, in lower case."""
    return [venue.market.symbol]


def describe_all(_venue: GeminiPublic, _values: Values) -> list[Fields]:
    """The symbols' details."""
    return [DETAILS]


def describe(_venue: GeminiPublic, _values: Values) -> Fields:
    """A symbol's details."""
    return DETAILS


def name_networks(_venue: GeminiPublic, values: Values) -> Fields:
    """The networks of a token; dollars have none."""
    networks = ["bitcoin"] if values["token"] == "BTC" else []
    return {"token": values["token"], "network": networks}


def list_fee_promotions(_venue: GeminiPublic, _values: Values) -> Fields:
    """No symbol has another fee."""
    return {"symbols": []}


def quote(venue: GeminiPublic, _values: Values) -> Fields:
    """Best prices, last price and volume (ticker v1)."""
    bid, ask = venue.market.top()
    now_ms = venue.market.clock.now_ms()
    volume = {"BTC": "1000.0", "USD": f"{1000 * bid}", "timestamp": now_ms}
    return {"bid": f"{bid}", "ask": f"{ask}", "last": f"{venue.market.book.last}", "volume": volume}


def list_prices(venue: GeminiPublic, _values: Values) -> list[Fields]:
    """Each pair's price and its change over a day."""
    now_s, price = int(venue.market.clock.now_s()), venue.market.book.last
    change = f"{float(price) / venue.path.tick_at(now_s - DAY_S)[0] - 1:.4f}"
    pair = venue.market.symbol.upper()
    return [{"pair": pair, "price": f"{price}", "percentChange24h": change}]


def summarize_day(venue: GeminiPublic, _values: Values) -> Fields:
    """The day's prices by the hour (ticker v2)."""
    now_s, (bid, ask) = int(venue.market.clock.now_s()), venue.market.top()
    hours = [venue.path.tick_at(now_s - 3600 * hour)[0] for hour in range(_HOURS)]
    texts = {"open": hours[-1], "high": max(hours), "low": min(hours), "close": hours[0]}
    return {
        "symbol": venue.market.symbol.upper(),
        **{name: f"{value:.2f}" for name, value in texts.items()},
        "changes": [f"{hour:.2f}" for hour in hours],
        "bid": f"{bid}",
        "ask": f"{ask}",
    }


def list_levels(venue: GeminiPublic, values: Values) -> Fields:
    """The book, best first; a limit of 0 gives all levels."""
    now_s = int(venue.market.clock.now_s())
    return {
        side: [
            {"price": f"{price}", "amount": f"{amount}", "timestamp": str(now_s)}
            for price, amount in sorted(levels.items(), reverse=side == "bids")
        ][: values.get(f"limit_{side}", _ROWS) or None]
        for side, levels in zip(("bids", "asks"), venue.market.book.sides.values(), strict=True)
    }


def list_trades(venue: GeminiPublic, values: Values) -> list[dict[str, object]]:
    """The trades, newest first; those after `since_tid` are the oldest of them."""
    trades, limit = venue.market.trades, values.get("limit_trades", _ROWS)
    since_ms = int(values.get("timestamp") or values.get("since") or 0)
    trades = [trade for trade in trades if int(str(trade["timestampms"])) >= since_ms]
    if (since_tid := values.get("since_tid")) is not None:
        newer = [trade for trade in trades if int(str(trade["tid"])) > since_tid]
        return newer[:limit][::-1]
    return trades[::-1][:limit]


def list_candles(venue: GeminiPublic, values: Values) -> list[list[float]]:
    """The candles of a frame, newest first."""
    now_s = int(venue.market.clock.now_s())
    return make_candles(venue.path, frame_s=FRAMES_S[values["frame"]], now_s=now_s)


def describe_auction(venue: GeminiPublic, _values: Values) -> Fields:
    """The auction that is open, and the one before it."""
    return describe_current(venue.market.auctions, int(venue.market.clock.now_s()))


def list_auctions(venue: GeminiPublic, values: Values) -> list[Fields]:
    """Past auctions, and by default their indicative prices, newest first."""
    kinds = (AUCTION, INDICATIVE) if values.get("include_indicative", True) else (AUCTION,)
    since_ms = int(values.get("timestamp") or values.get("since") or 0)
    past = [describe_past(event) for event in venue.market.auctions if event["type"] in kinds]
    recent = [fields for fields in past if fields["timestampms"] >= since_ms]
    return recent[::-1][: values.get("limit_auction_results", _ROWS)]
