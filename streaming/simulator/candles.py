"""Candles of the price path, newest first, as JSON numbers. Pure."""

from include.market.time import DAY_S
from streaming.simulator.history import minute_bars
from streaming.simulator.price_path import PricePath

_MAX_DAYS, _MINUTE_S = 2, 60


def make_candles(path: PricePath, *, frame_s: int, now_s: int) -> list[list[float]]:
    """`[ms, open, high, low, close, volume]` of the last two days' candles that had a trade."""
    days = range(now_s // DAY_S - _MAX_DAYS + 1, now_s // DAY_S + 1)
    bars_by_start: dict[int, list[float]] = {}
    for day in days:
        minutes_of_day = minute_bars(path, day)
        for index in range(DAY_S // _MINUTE_S):
            at_s = day * DAY_S + index * _MINUTE_S
            if at_s + _MINUTE_S > now_s or not minutes_of_day.base[index]:
                continue
            open_, high, low, close, base = (
                float(column[index])
                for column in (
                    minutes_of_day.open,
                    minutes_of_day.high,
                    minutes_of_day.low,
                    minutes_of_day.close,
                    minutes_of_day.base,
                )
            )
            start_ms = at_s // frame_s * frame_s * 1000
            bar = bars_by_start.setdefault(start_ms, [start_ms, open_, high, low, close, 0.0])
            bar[2:] = [max(bar[2], high), min(bar[3], low), close, round(bar[5] + base, 8)]
    return [bars_by_start[start] for start in sorted(bars_by_start, reverse=True)]


def traded_in_day(path: PricePath, now_s: int) -> tuple[float, float]:
    """What was traded in the 24 hours until now, in base and in quote units."""
    day, second = divmod(now_s + 1, DAY_S)
    base = quote = 0.0
    for number, seconds in ((day - 1, slice(second, None)), (day, slice(None, second))):
        prints = path.day(number)
        quantities = prints.quantity[seconds]
        base += float(quantities.sum())
        quote += float((quantities * prints.price[seconds]).sum())
    return base, quote
