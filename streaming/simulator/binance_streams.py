"""The messages of the simulated Binance for a second or a trade, stream by stream. Pure.

Everything follows from the path and the time alone, so that streams, REST and restarts agree. Ids
of the book rise by six a second: 6k to 6k + 5 are the changes that make the book of second k.
Source: binance/binance-spot-api-docs, web-socket-streams.md (2026-06-09).
"""

from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.binance_book import best, levels
from streaming.simulator.price_path import DAY_S, FIRST_DAY, PricePath

PER_SECOND = 2
_IDS = 3 * PER_SECOND
_ANCHOR_S = FIRST_DAY * DAY_S
Fields = dict[str, object]


def trade(path: PricePath, number: int) -> Fields:
    """Aggregate trade `number` in REST's form."""
    second, half = _ANCHOR_S + number // PER_SECOND, number % PER_SECOND
    _, quantity, side, price = path.tick_at(second)
    quantity_sum = Decimal(str(quantity or 0.001)).quantize(Decimal("0.00001")) + Decimal("0.00002")
    first_quantity = (quantity_sum * Decimal("0.6")).quantize(Decimal("0.00001"))
    return {
        "a": number,
        "p": f"{price:.8f}",
        "q": f"{quantity_sum - first_quantity if half else first_quantity:.8f}",
        "f": number,
        "l": number,
        "T": second * 1000 + 500 * half,
        "m": side < 0,
        "M": True,
    }


def number_at(ms: int) -> int:
    """The number of the first trade at or after a time in ms."""
    return max(0, -(-(ms - _ANCHOR_S * 1000) * PER_SECOND // 1000))


def book_id(second: int) -> int:
    """The last update id of the book of a second, as REST's `lastUpdateId`."""
    return (second - _ANCHOR_S + 1) * _IDS - 1


def kline(path: PricePath, open_ms: int, now_ms: int) -> list[object]:
    """A minute's candle in REST's form: the sums of the trades made until `now_ms`."""
    end_number = number_at(min(open_ms + 60_000, now_ms))
    trades = [trade(path, n) for n in range(number_at(open_ms), end_number)]
    rows = [(Decimal(str(t["p"])), Decimal(str(t["q"])), t["m"]) for t in trades]
    prices = [price for price, _, _ in rows] or [Decimal(0)]
    taker_bought = [(price, quantity) for price, quantity, maker_bought in rows if not maker_bought]
    return [
        open_ms,
        str(prices[0]),
        str(max(prices)),
        str(min(prices)),
        str(prices[-1]),
        f"{sum(q for _, q, _ in rows):.8f}",
        open_ms + 59_999,
        f"{sum(p * q for p, q, _ in rows):.8f}",
        len(rows),
        f"{sum(q for _, q in taker_bought):.8f}",
        f"{sum(p * q for p, q in taker_bought):.8f}",
        "0",
    ]


def _agg_trade(path: PricePath, spelling: str, number: int) -> Fields:
    rest_trade = trade(path, number)
    return {"e": "aggTrade", "E": rest_trade["T"], "s": spelling, **rest_trade}


def _trade(path: PricePath, spelling: str, number: int) -> Fields:
    rest_trade = trade(path, number)
    return {
        "e": "trade",
        "E": rest_trade["T"],
        "s": spelling,
        "t": number,
        "p": rest_trade["p"],
        "q": rest_trade["q"],
        "T": rest_trade["T"],
        "m": rest_trade["m"],
        "M": True,
    }


def ticker(path: PricePath, spelling: str, second: int) -> Fields:
    """The rolling 24 hours in the form of `@ticker`."""
    mid, before = path.tick_at(second)[0], path.tick_at(second - DAY_S)[0]
    hours = [path.tick_at(second - 3600 * hour)[0] for hour in range(25)]
    day = path.day(second // DAY_S).quantity
    base = float(day.sum())
    texts = {
        "p": mid - before,
        "P": (mid / before - 1) * 100,
        "w": (mid + before) / 2,
        "x": before,
        "c": mid,
        "Q": 0.01,
        "b": mid - 0.01,
        "B": 1.5,
        "a": mid + 0.01,
        "A": 1.25,
        "o": before,
        "h": max(hours),
        "l": min(hours),
        "v": base,
        "q": base * mid,
    }
    last = number_at(second * 1000)
    return {
        "e": "24hrTicker",
        "E": second * 1000,
        "s": spelling,
        **{name: f"{value:.8f}" for name, value in texts.items()},
        "O": (second - DAY_S) * 1000,
        "C": second * 1000,
        "F": last - DAY_S * PER_SECOND,
        "L": last - 1,
        "n": DAY_S * PER_SECOND,
    }


def _ticker(path: PricePath, spelling: str, _since: int, second: int) -> list[Fields]:
    return [ticker(path, spelling, second)]


def _mini_ticker(path: PricePath, spelling: str, _since: int, second: int) -> list[Fields]:
    full_ticker = ticker(path, spelling, second)
    fields = {name: full_ticker[name] for name in ("E", "s", "c", "o", "h", "l", "v", "q")}
    return [{"e": "24hrMiniTicker", **fields}]


def _klines(path: PricePath, spelling: str, since: int, second: int) -> list[Fields]:
    """The candles that closed since, then the current one."""
    opens = range(since - since % 60, second, 60)
    return [_kline_event(path, spelling, open_s * 1000, second * 1000) for open_s in opens]


def _kline_event(path: PricePath, spelling: str, open_ms: int, now_ms: int) -> Fields:
    _, o, h, l, c, v, close_ms, q, n, taker_base, taker_quote, _ = kline(path, open_ms, now_ms)  # noqa: E741
    first = number_at(open_ms)
    return {
        "e": "kline",
        "E": now_ms,
        "s": spelling,
        "k": {
            "t": open_ms,
            "T": close_ms,
            "s": spelling,
            "i": "1m",
            "f": first,
            "L": number_at(min(open_ms + 60_000, now_ms)) - 1,
            "o": o,
            "c": c,
            "h": h,
            "l": l,
            "v": v,
            "n": n,
            "x": open_ms + 60_000 <= now_ms,
            "q": q,
            "V": taker_base,
            "Q": taker_quote,
            "B": "0",
        },
    }


def _depth(path: PricePath, spelling: str, since: int, second: int) -> list[Fields]:
    """The change of the book from one second to another, all ids between them in one message."""
    changes = [
        _changes(dict(side_before), dict(side_after))
        for side_before, side_after in zip(levels(path, since), levels(path, second), strict=True)
    ]
    return [
        {
            "e": "depthUpdate",
            "E": second * 1000,
            "s": spelling,
            "U": book_id(since) + 1,
            "u": book_id(second),
            "b": changes[0],
            "a": changes[1],
        }
    ]


def _changes(
    levels_before: dict[Decimal, Decimal], levels_after: dict[Decimal, Decimal]
) -> list[list[str]]:
    return [
        [f"{price:.8f}", f"{levels_after.get(price, Decimal(0)):.8f}"]
        for price in sorted(levels_before | levels_after)
        if levels_before.get(price) != levels_after.get(price)
    ]


def _book_ticker(path: PricePath, spelling: str, number: int) -> Fields:
    """Best bid and ask at the second of a trade; `u` rises with the trade's number."""
    (bid, bid_quantity), (ask, ask_quantity) = best(path, _ANCHOR_S + number // PER_SECOND)
    return {
        "u": number * 3,
        "s": spelling,
        "b": f"{bid:.8f}",
        "B": f"{bid_quantity:.8f}",
        "a": f"{ask:.8f}",
        "A": f"{ask_quantity:.8f}",
    }


PER_TRADE: dict[str, Callable[[PricePath, str, int], Fields]] = {
    "bookTicker": _book_ticker,
    "trade": _trade,
    "aggTrade": _agg_trade,
}
EACH_SECOND: dict[str, Callable[[PricePath, str, int, int], list[Fields]]] = {
    "ticker": _ticker,
    "miniTicker": _mini_ticker,
    "kline_1m": _klines,
    "depth": _depth,
    "depth@100ms": _depth,
}
