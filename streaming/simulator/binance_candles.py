"""The simulated Binance candles of every interval: sums of the trades themselves. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "Kline/Candlestick data". Days begin at
midnight of a time zone, weeks on Monday, months on their first day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from include.market.time import DAY_S
from streaming.simulator.binance_trades import (
    Bar,
    bar_of,
    draw_hours,
    lots_text,
    number_at,
    price_text,
    quote_text,
)
from streaming.simulator.price_path import FIRST_S, PricePath

_MINUTE_S, _HOUR_S, _MONDAY_S = 60, 3600, 4 * DAY_S
_MONTH = "1M"
_SECONDS = {
    "1s": 1,
    **{f"{n}m": n * _MINUTE_S for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * _HOUR_S for n in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_S,
    "3d": 3 * DAY_S,
    "1w": 7 * DAY_S,
}
INTERVALS = (*_SECONDS, _MONTH)


@dataclass(frozen=True)
class Candle:
    """One candle: its interval's bounds in ms, the last one inclusive, and its trades."""

    open_ms: int
    close_ms: int
    bar: Bar

    def row(self) -> list[object]:
        """The candle in REST's form."""
        bar = self.bar
        return [
            self.open_ms,
            *(price_text(cents) for cents in (bar.open, bar.high, bar.low, bar.close)),
            lots_text(bar.base),
            self.close_ms,
            quote_text(bar.quote),
            bar.trade_count,
            lots_text(bar.taker_base),
            quote_text(bar.taker_quote),
            "0",
        ]


def index_at(interval: str, second: int, zone_s: int = 0) -> int:
    """The number of the candle that a second falls in."""
    local = second + zone_s
    if interval == _MONTH:
        at = datetime.fromtimestamp(local, UTC)
        return at.year * 12 + at.month - 1
    return (local - _offset(interval)) // _SECONDS[interval]


def start_of(interval: str, index: int, zone_s: int = 0) -> int:
    """The first second of candle `index`."""
    if interval == _MONTH:
        first = datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)
        return int(first.timestamp()) - zone_s
    return index * _SECONDS[interval] + _offset(interval) - zone_s


def candle(path: PricePath, interval: str, index: int, now_ms: int, zone_s: int = 0) -> Candle:
    """Candle `index` of the trades made until `now_ms`."""
    open_ms = start_of(interval, index, zone_s) * 1000
    end_ms = start_of(interval, index + 1, zone_s) * 1000
    bar = bar_of(path, number_at(open_ms), number_at(min(end_ms, now_ms)))
    return Candle(open_ms, end_ms - 1, bar)


@dataclass(frozen=True)
class CandleQuery:
    """Which candles: those that open within the times in ms, else the newest `limit`."""

    interval: str
    start_ms: int | None
    end_ms: int | None
    limit: int
    zone_s: int = 0

    def indices(self, now_ms: int) -> range:
        """The numbers of the candles, oldest first."""
        end_ms = now_ms if self.end_ms is None else min(self.end_ms, now_ms)
        last = index_at(self.interval, end_ms // 1000, self.zone_s)
        first = last - self.limit + 1
        if self.start_ms is not None:
            first = index_at(self.interval, self.start_ms // 1000, self.zone_s)
            opens_before = start_of(self.interval, first, self.zone_s) * 1000 < self.start_ms
            first += opens_before
        first = max(first, index_at(self.interval, FIRST_S, self.zone_s))
        return range(first, min(last + 1, first + self.limit))


def candles_of(path: PricePath, candle_query: CandleQuery, now_ms: int) -> Iterator[Candle]:
    """The candles that a query asks for."""
    indices, zone_s = candle_query.indices(now_ms), candle_query.zone_s
    if indices:
        begin_s, end_s = (
            start_of(candle_query.interval, index, zone_s)
            for index in (indices.start, indices.stop)
        )
        draw_hours(path, number_at(begin_s * 1000), number_at(min(end_s * 1000, now_ms)))
    for index in indices:
        yield candle(path, candle_query.interval, index, now_ms, zone_s)


def _offset(interval: str) -> int:
    return _MONDAY_S if interval == "1w" else 0
