"""The simulated Deribit's public answers about the past: trades, candles, funding. Pure.

Source: docs.deribit.com, API reference, "Market data" (to 2026-02-24).
"""

import math
from datetime import UTC, datetime
from itertools import pairwise

from include.market.numerals import parse_whole
from include.market.time import DAY_MINUTES, DAY_MS, DAY_S, HOUR_MS
from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_answers import INDEX, check_currency, check_instrument, is_of
from streaming.simulator.deribit_error import refuse_param
from streaming.simulator.deribit_trades import bar_between
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import FIRST_DAY, PricePath

_MAX_CANDLES, _MAX_HOURS, _VOLATILITY_DAYS = 5000, 744, 16
_CHART_MS = {
    "1h": HOUR_MS,
    **{f"{days}d": days * DAY_MS for days in (1, 2)},
    "1m": 30 * DAY_MS,
    "1y": 365 * DAY_MS,
}
_CHART_POINTS = 300
_HOURS_A_YEAR = 24 * 365


def funding_history(path: PricePath, values: Values, now_ms: int) -> list[Fields]:
    """The funding hour by hour."""
    return [
        {
            "timestamp": hour * HOUR_MS,
            "index_price": market.index_price(path, hour * HOUR_MS),
            "prev_index_price": market.index_price(path, (hour - 1) * HOUR_MS),
            "interest_1h": market.hourly_interest(hour - 1),
            "interest_8h": market.funding_8h((hour - 1) * HOUR_MS),
        }
        for hour in _hours(values, now_ms)
    ]


def funding_value(_path: PricePath, values: Values, now_ms: int) -> float:
    """The funding of a span: the sum of its hours'."""
    return round(sum(market.hourly_interest(hour - 1) for hour in _hours(values, now_ms)), 10)


def funding_chart(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The funding of the last hours."""
    check_instrument(values)
    hours = {"8h": 8, "24h": 24, "1m": _MAX_HOURS}[values.get("length", "8h")]
    newest = now_ms // HOUR_MS
    points = [
        {
            "timestamp": hour * HOUR_MS,
            "index_price": market.index_price(path, hour * HOUR_MS),
            "interest_8h": market.funding_8h(hour * HOUR_MS),
        }
        for hour in range(newest - hours + 1, newest + 1)
    ]
    rates = {"current_interest": market.hourly_interest(newest)}
    return {"data": points, **rates, "interest_8h": market.funding_8h(now_ms)}


def list_trades(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The trades of an instrument by their numbers; the newest without them."""
    check_instrument(values)
    newest = market.number_at(now_ms) - 1
    start = values.get("start_seq", 0)
    end = min(values.get("end_seq", newest), newest)
    is_open = "start_seq" not in values and "start_timestamp" not in values
    return _page(path, range(start, end + 1), values, newest_first=is_open)


def trades_between(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The trades of an instrument within times in ms."""
    check_instrument(values)
    start = market.number_at(values.get("start_timestamp", 0))
    end = market.number_at(min(values.get("end_timestamp", now_ms), now_ms) + 1)
    newest_first = "start_timestamp" not in values
    return _page(path, range(start, end), values, newest_first=newest_first)


def trades_of_currency(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The trades of a currency's instruments, by their ids or times."""
    if not is_of(values):
        return {"trades": [], "has_more": False}
    first_id = market.trade(path, 0)["trade_id"]
    numbers = {
        name: trade_id - int(first_id)
        for name, bound in (("start_seq", "start"), ("end_seq", "end"))
        if (trade_id := parse_whole(values.get(f"{bound}_id", ""))) is not None
    }
    named = values | numbers | {"instrument_name": market.INSTRUMENT}
    return list_trades(path, named, now_ms) if numbers else trades_between(path, named, now_ms)


def _page(path: PricePath, numbers: range, values: Values, *, newest_first: bool) -> Fields:
    count, sorting = values.get("count", 10), values.get("sorting", "default")
    from_end = sorting == "desc" or (newest_first and sorting == "default")
    part = numbers[-count:] if from_end or newest_first else numbers[:count]
    rows = [market.trade(path, number) for number in part]
    return {"trades": rows[::-1] if sorting == "desc" else rows, "has_more": len(numbers) > count}


def chart(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The candles that begin within times in ms: the sums of the trades."""
    check_instrument(values)
    resolution = values["resolution"]
    frame_s = (DAY_MINUTES if resolution == "1D" else int(resolution)) * 60
    end_s, now_s = min(values["end_timestamp"], now_ms) // 1000, now_ms // 1000 + 1
    first = -(-values["start_timestamp"] // (frame_s * 1000))
    last = end_s // frame_s
    begins = range(max(first, last - _MAX_CANDLES + 1), last + 1)
    spans = [(at * frame_s, min((at + 1) * frame_s, now_s)) for at in begins]
    bars = [(start, bar_between(path, start, end)) for start, end in spans]
    rows = [(start * 1000, bar) for start, bar in bars if bar is not None]
    return {
        "ticks": [at_ms for at_ms, _ in rows],
        **{
            name: [getattr(bar, name) for _, bar in rows]
            for name in ("open", "high", "low", "close")
        },
        **{name: [round(getattr(bar, name), 8) for _, bar in rows] for name in ("volume", "cost")},
        "status": "ok" if rows else "no_data",
    }


def list_volatility(path: PricePath, values: Values, now_ms: int) -> list[list[float]]:
    """The annual volatility of each hour of sixteen days, in percent, from the day before it."""
    check_currency(values)
    newest = now_ms // HOUR_MS
    hours = range(newest - (_VOLATILITY_DAYS + 1) * 24, newest + 1)
    prices = [market.index_price(path, hour * HOUR_MS) for hour in hours]
    moves = [math.log(after / before) for before, after in pairwise(prices)]
    return [
        [hours[at + 1] * HOUR_MS, round(_deviation(moves[at - 23 : at + 1]) * 100, 6)]
        for at in range(23, len(moves))
    ]


def _deviation(moves: list[float]) -> float:
    mean = sum(moves) / len(moves)
    variance = sum((move - mean) ** 2 for move in moves) / len(moves)
    return math.sqrt(variance * _HOURS_A_YEAR)


def delivery_prices(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The index at 08:00 UTC of each day, newest first."""
    if values["index_name"] != INDEX:
        raise refuse_param("index_name", "unknown index")
    today = (now_ms - 8 * HOUR_MS) // DAY_MS
    offset, count = values.get("offset", 0), values.get("count", 10)
    days = [day for day in range(today - offset, today - offset - count, -1) if day > FIRST_DAY]
    rows = [
        {
            "date": _date(day),
            "delivery_price": market.index_price(path, day * DAY_MS + 8 * HOUR_MS),
        }
        for day in days
    ]
    return {"data": rows, "records_total": today - FIRST_DAY}


def index_chart(path: PricePath, values: Values, now_ms: int) -> list[list[float]]:
    """The index over a span until now: a time in ms and a price, at most some hundred points."""
    if values["index_name"] != INDEX:
        raise refuse_param("index_name", "unknown index")
    first_ms = max((FIRST_DAY + 1) * DAY_MS, now_ms - _CHART_MS.get(values["range"], now_ms))
    step_ms = max(1, (now_ms - first_ms) // _CHART_POINTS // 1000) * 1000
    return [[at_ms, market.index_price(path, at_ms)] for at_ms in range(first_ms, now_ms, step_ms)]


def settlements(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The perpetual's settlements at 08:00 UTC, newest first, of all who hold it together.

    What longs win shorts lose, and so with the funding: the sums over all are zero.
    """
    check_instrument(values)
    newest_ms = min(now_ms, values.get("search_start_timestamp", now_ms))
    continuation = values.get("continuation", "none")
    if (continued_ms := parse_whole(continuation)) is not None:
        newest_ms = min(newest_ms, continued_ms)
    newest, count = (newest_ms - 8 * HOUR_MS) // DAY_MS, values.get("count", 20)
    held_kind = values.get("type", "settlement") == "settlement"
    days = range(newest, max(FIRST_DAY, newest - count), -1) if held_kind else range(0)
    next_ms = (newest - count) * DAY_MS + 8 * HOUR_MS
    has_more = held_kind and newest - count > FIRST_DAY
    return {
        "settlements": [_settlement(path, day * DAY_MS + 8 * HOUR_MS) for day in days],
        "continuation": str(next_ms) if has_more else "none",
    }


def settlements_of_currency(path: PricePath, values: Values, now_ms: int) -> Fields:
    """The settlements of a currency's instruments."""
    if not is_of(values):
        return {"settlements": [], "continuation": "none"}
    return settlements(path, values | {"instrument_name": market.INSTRUMENT}, now_ms)


def _settlement(path: PricePath, at_ms: int) -> Fields:
    price = market.index_price(path, at_ms)
    sums = dict.fromkeys(("session_profit_loss", "profit_loss", "funding"), 0.0)
    return {
        "type": "settlement",
        "timestamp": at_ms,
        "instrument_name": market.INSTRUMENT,
        "position": market.OPEN_INTEREST,
        "mark_price": price,
        "index_price": price,
        **sums,
    }


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%d")


def _hours(values: Values, now_ms: int) -> range:
    check_instrument(values)
    first, last = values["start_timestamp"], min(values["end_timestamp"], now_ms)
    newest = last // HOUR_MS
    return range(max(-(-first // HOUR_MS), newest - _MAX_HOURS + 1), newest + 1)
