"""The simulated Binance statistics of windows: 24 hours, rolling, trading day, average. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "Market data endpoints".
"""

from decimal import Decimal

from include.market.time import DAY_S
from streaming.simulator.binance_book import best
from streaming.simulator.binance_trades import (
    Bar,
    bar_of,
    lots_text,
    number_at,
    price_text,
    quote_text,
    single_trade,
    time_of,
)
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import PricePath

AVERAGE_MINUTES, REFERENCE_SECONDS = 5, 10
_MINUTE_MS, _DAY_MS = 60_000, DAY_S * 1000
_MINI = (
    "symbol openPrice highPrice lowPrice lastPrice volume quoteVolume openTime closeTime firstId"
    " lastId count"
).split()


def reference_price(path: PricePath, second: int) -> str:
    """The mean of the middle prices of the last seconds."""
    mids = [path.tick_at(second - age)[0] for age in range(REFERENCE_SECONDS)]
    return f"{sum(mids) / REFERENCE_SECONDS:.8f}"


def window(path: PricePath, name: str, start_ms: int, now_ms: int, *, mini: bool = False) -> Fields:
    """The statistics of the trades since `start_ms`, as `ticker` and `ticker/tradingDay` give."""
    bar = bar_of(path, number_at(start_ms), number_at(now_ms))
    fields: Fields = {
        "symbol": name,
        "priceChange": price_text(bar.close - bar.open),
        "priceChangePercent": f"{(bar.close - bar.open) * 100 / bar.open:.3f}",
        "weightedAvgPrice": f"{_average(bar):.8f}",
        "openPrice": price_text(bar.open),
        "highPrice": price_text(bar.high),
        "lowPrice": price_text(bar.low),
        "lastPrice": price_text(bar.close),
        "volume": lots_text(bar.base),
        "quoteVolume": quote_text(bar.quote),
        "openTime": start_ms,
        "closeTime": now_ms,
        "firstId": bar.first if bar.trade_count else -1,
        "lastId": bar.last if bar.trade_count else -1,
        "count": bar.trade_count,
    }
    return {field: fields[field] for field in _MINI} if mini else fields


def rolling_window(
    path: PricePath, name: str, size_ms: int, now_ms: int, *, mini: bool = False
) -> Fields:
    """A rolling window; it opens on a whole minute, so it is up to a minute longer."""
    start_ms = (now_ms - size_ms) // _MINUTE_MS * _MINUTE_MS
    return window(path, name, start_ms, now_ms, mini=mini)


def last_day(path: PricePath, name: str, now_ms: int, *, mini: bool = False) -> Fields:
    """The rolling 24 hours, as `ticker/24hr` gives them."""
    start_ms = now_ms - _DAY_MS
    fields = window(path, name, start_ms, now_ms, mini=mini)
    if mini:
        return fields
    previous = single_trade(path, max(0, number_at(start_ms) - 1))
    newest = single_trade(path, max(0, number_at(now_ms) - 1))
    return fields | {
        "prevClosePrice": previous["price"],
        "lastQty": newest["qty"],
        **best_prices(path, now_ms // 1000),
    }


def best_prices(path: PricePath, second: int) -> Fields:
    """Best bid and ask with their quantities, as `ticker/bookTicker` gives them."""
    (bid, bid_quantity), (ask, ask_quantity) = best(path, second)
    return {
        "bidPrice": f"{bid:.8f}",
        "bidQty": f"{bid_quantity:.8f}",
        "askPrice": f"{ask:.8f}",
        "askQty": f"{ask_quantity:.8f}",
    }


def average(path: PricePath, now_ms: int) -> Fields:
    """The average price of the last five minutes, weighted by quantity."""
    end = number_at(now_ms)
    bar = bar_of(path, number_at(now_ms - AVERAGE_MINUTES * _MINUTE_MS), end)
    price = f"{_average(bar):.8f}"
    return {"mins": AVERAGE_MINUTES, "price": price, "closeTime": time_of(max(0, end - 1))}


def _average(bar: Bar) -> Decimal:
    if not bar.base:
        return Decimal(bar.close) / 100
    return Decimal(bar.quote) / (Decimal(bar.base) * 100)
