"""Candles of the price path, newest first, as JSON numbers. Pure."""

from streaming.simulator.history import minutes
from streaming.simulator.price_path import DAY_S, PricePath

_MOST_DAYS, _MINUTE_S = 2, 60


def candles(path: PricePath, *, frame_s: int, now_s: int) -> list[list[float]]:
    """`[ms, open, high, low, close, volume]` of the last two days' frames that had a trade."""
    days = range(now_s // DAY_S - _MOST_DAYS + 1, now_s // DAY_S + 1)
    found: dict[int, list[float]] = {}
    for day in days:
        bars = minutes(path, day)
        for index in range(DAY_S // _MINUTE_S):
            at_s = day * DAY_S + index * _MINUTE_S
            if at_s + _MINUTE_S > now_s or not bars.base[index]:
                continue
            opened, high, low, close, base = (
                float(one[index]) for one in (bars.open, bars.high, bars.low, bars.close, bars.base)
            )
            start_ms = at_s // frame_s * frame_s * 1000
            bar = found.setdefault(start_ms, [start_ms, opened, high, low, close, 0.0])
            bar[2:] = [max(bar[2], high), min(bar[3], low), close, round(bar[5] + base, 8)]
    return [found[start] for start in sorted(found, reverse=True)]
