"""The messages of the simulated Binance for a second or a trade, stream by stream. Pure.

Everything follows from the path and the time alone, so that streams, REST and restarts agree. Ids
of the book rise by six a second: 6k to 6k + 5 are the changes that make the book of second k.
Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

import re
from collections.abc import Callable
from decimal import Decimal

from include.market.time import DAY_S, HOUR_MS
from streaming.simulator import binance_tickers
from streaming.simulator.binance_book import best, make_levels
from streaming.simulator.binance_candles import INTERVALS, candle, index_at
from streaming.simulator.binance_trades import PER_SECOND, single_trade, trade
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import FIRST_S, PricePath

_IDS = 3 * PER_SECOND
_KLINE = re.compile(r"kline_(\w+?)(?:@([+-])(\d\d):(\d\d))?")
WINDOWS_MS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": 24 * HOUR_MS}
PARTIAL_DEPTHS = (5, 10, 20)
_TICKER = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "c": "lastPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}
_DAY_TICKER = {
    "x": "prevClosePrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
}
OfTrade = Callable[[PricePath, str, int], Fields]
OfSecond = Callable[[PricePath, str, int, int], list[Fields]]


def book_id(second: int) -> int:
    """The last update id of the book of a second, as REST's `lastUpdateId`."""
    return (second - FIRST_S + 1) * _IDS - 1


def _make_agg_trade(path: PricePath, spelling: str, number: int) -> Fields:
    rest_trade = trade(path, number)
    return {"e": "aggTrade", "E": rest_trade["T"], "s": spelling, **rest_trade}


def _make_trade_event(path: PricePath, spelling: str, number: int) -> Fields:
    rest_trade = single_trade(path, number)
    return {
        "e": "trade",
        "E": rest_trade["time"],
        "s": spelling,
        "t": number,
        "p": rest_trade["price"],
        "q": rest_trade["qty"],
        "T": rest_trade["time"],
        "m": rest_trade["isBuyerMaker"],
        "M": True,
    }


def _make_book_ticker(path: PricePath, spelling: str, number: int) -> Fields:
    """Best bid and ask at the second of a trade; `u` rises with the trade's number."""
    (bid, bid_quantity), (ask, ask_quantity) = best(path, FIRST_S + number // PER_SECOND)
    return {
        "u": number * 3,
        "s": spelling,
        "b": f"{bid:.8f}",
        "B": f"{bid_quantity:.8f}",
        "a": f"{ask:.8f}",
        "A": f"{ask_quantity:.8f}",
    }


def _make_ticker_events(
    path: PricePath, spelling: str, _last_second: int, second: int
) -> list[Fields]:
    rest_ticker = binance_tickers.last_day(path, spelling, second * 1000)
    return [_event("24hrTicker", spelling, second, rest_ticker, _TICKER | _DAY_TICKER)]


def _make_mini_ticker(
    path: PricePath, spelling: str, _last_second: int, second: int
) -> list[Fields]:
    start_ms = (second - DAY_S) * 1000
    rest_ticker = binance_tickers.window(path, spelling, start_ms, second * 1000)
    names = {name: _TICKER[name] for name in "cohlvq"}
    return [_event("24hrMiniTicker", spelling, second, rest_ticker, names)]


def _event(
    kind: str, spelling: str, second: int, rest_fields: Fields, renamed_fields: dict[str, str]
) -> Fields:
    values = {name: rest_fields[rest_name] for name, rest_name in renamed_fields.items()}
    return {"e": kind, "E": second * 1000, "s": spelling, **values}


def _window_of(size: str) -> OfSecond:
    def make(path: PricePath, spelling: str, _last_second: int, second: int) -> list[Fields]:
        rest_ticker = binance_tickers.rolling_window(
            path, spelling, WINDOWS_MS[size], second * 1000
        )
        return [_event(f"{size}Ticker", spelling, second, rest_ticker, _TICKER)]

    return make


def _average(path: PricePath, spelling: str, _last_second: int, second: int) -> list[Fields]:
    average = binance_tickers.average(path, second * 1000)
    head: Fields = {"e": "avgPrice", "E": second * 1000, "s": spelling, "i": "5m"}
    return [head | {"w": average["price"], "T": average["closeTime"]}]


def _reference(path: PricePath, spelling: str, _last_second: int, second: int) -> list[Fields]:
    price = binance_tickers.reference_price(path, second)
    return [{"e": "referencePrice", "s": spelling, "r": price, "t": second * 1000}]


def _no_blocks(_path: PricePath, _spelling: str, _last_second: int, _second: int) -> list[Fields]:
    return []


def _klines_of(interval: str, zone_s: int) -> OfSecond:
    def make(path: PricePath, spelling: str, last_second: int, second: int) -> list[Fields]:
        """The candles that closed since, then the current one."""
        first, last = (index_at(interval, at, zone_s) for at in (last_second, second - 1))
        return [
            _make_kline_event(path, spelling, interval, index, second * 1000, zone_s)
            for index in range(first, last + 1)
        ]

    return make


def _make_kline_event(
    path: PricePath, spelling: str, interval: str, index: int, now_ms: int, zone_s: int
) -> Fields:
    current = candle(path, interval, index, now_ms, zone_s)
    _, o, h, l, c, v, _, q, n, taker_base, taker_quote, _ = current.row()  # noqa: E741
    return {
        "e": "kline",
        "E": now_ms,
        "s": spelling,
        "k": {
            "t": current.open_ms,
            "T": current.close_ms,
            "s": spelling,
            "i": interval,
            "f": current.bar.first,
            "L": current.bar.last,
            "o": o,
            "c": c,
            "h": h,
            "l": l,
            "v": v,
            "n": n,
            "x": current.close_ms < now_ms,
            "q": q,
            "V": taker_base,
            "Q": taker_quote,
            "B": "0",
        },
    }


def _make_depth(path: PricePath, spelling: str, last_second: int, second: int) -> list[Fields]:
    """The change of the book from one second to another, all ids between them in one message."""
    changes = [
        _list_changes(dict(side_before), dict(side_after))
        for side_before, side_after in zip(
            make_levels(path, last_second), make_levels(path, second), strict=True
        )
    ]
    return [
        {
            "e": "depthUpdate",
            "E": second * 1000,
            "s": spelling,
            "U": book_id(last_second) + 1,
            "u": book_id(second),
            "b": changes[0],
            "a": changes[1],
        }
    ]


def _list_changes(
    levels_before: dict[Decimal, Decimal], levels_after: dict[Decimal, Decimal]
) -> list[list[str]]:
    return [
        [f"{price:.8f}", f"{levels_after.get(price, Decimal(0)):.8f}"]
        for price in sorted(levels_before | levels_after)
        if levels_before.get(price) != levels_after.get(price)
    ]


def _partial_depth_of(depth: int) -> OfSecond:
    def make(path: PricePath, _spelling: str, _last_second: int, second: int) -> list[Fields]:
        sides = make_levels(path, second, depth=depth)
        bids, asks = ([[f"{p:.8f}", f"{q:.8f}"] for p, q in side] for side in sides)
        return [{"lastUpdateId": book_id(second), "bids": bids, "asks": asks}]

    return make


_PACES = ("", "@100ms", "@1000ms")  # the last is what Binance's own connector names by default
PER_TRADE: dict[str, OfTrade] = {
    "bookTicker": _make_book_ticker,
    "trade": _make_trade_event,
    "aggTrade": _make_agg_trade,
}
EACH_SECOND: dict[str, OfSecond] = {
    "ticker": _make_ticker_events,
    "miniTicker": _make_mini_ticker,
    "avgPrice": _average,
    "referencePrice": _reference,
    "blockTrade": _no_blocks,
    **{f"depth{pace}": _make_depth for pace in _PACES},
    **{f"ticker_{size}": _window_of(size) for size in WINDOWS_MS},
    **{
        f"depth{depth}{pace}": _partial_depth_of(depth)
        for depth in PARTIAL_DEPTHS
        for pace in _PACES
    },
    **{f"kline_{interval}": _klines_of(interval, 0) for interval in INTERVALS},
}
# of all symbols in one message
OF_ALL = {
    "!miniTicker@arr": _make_mini_ticker,
    **{f"!ticker_{size}@arr": EACH_SECOND[f"ticker_{size}"] for size in WINDOWS_MS},
}
SWITCHED_OFF = frozenset({"!ticker@arr", "!bookTicker"})  # still accepted, nothing comes


def of_second(kind: str) -> OfSecond | None:
    """What makes a kind's messages of a second; none if there is no such kind."""
    zone = _KLINE.fullmatch(kind)
    if zone and zone[2] and zone[1] in INTERVALS:
        zone_s = (int(zone[3]) * 60 + int(zone[4])) * 60
        return _klines_of(zone[1], -zone_s if zone[2] == "-" else zone_s)
    return EACH_SECOND.get(kind)


def is_stream(name: str) -> bool:
    """Whether a stream of this name may be subscribed to; its symbol need not be listed."""
    spelling, at, kind = name.partition("@")
    if name in OF_ALL or name in SWITCHED_OFF:
        return True
    return bool(at and spelling.isalnum()) and (kind in PER_TRADE or of_second(kind) is not None)
