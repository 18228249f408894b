"""The audit of agreement (I3): the minutes that Postgres serves against the landed trades."""

from collections.abc import Iterable, Mapping
from typing import Any

from include.lake.minutes import minutes_before
from include.lake.tables import TRADE_MINUTES

# `complete` is told from the feed ledger, which goes on after the minute was written.
COMPARED = tuple(c.name for c in TRADE_MINUTES.columns if c.name not in {"vwap", "complete"})
NAME = "I3 agreement"
SHOWN = 5


def agreement(
    lake: str, *, positions: Mapping[int, int], served: Iterable[tuple[Any, ...]]
) -> dict[str, Any]:
    """One check: every served minute equals the one recomputed from the trades, to the last digit.

    `served` are rows of Postgres' trade_minutes with the columns `COMPARED`, read in the same
    transaction as `positions` (the offsets of market.trades that they are made from).
    """
    told = {row[:3]: row for row in served}
    table = minutes_before(lake, positions)
    wanted = {
        key[:3]: key for key in zip(*(table[name].to_pylist() for name in COMPARED), strict=True)
    }
    wrong = [key for key in {*told, *wanted} if told.get(key) != wanted.get(key)]
    detail = f"{len(told)} minutes equal those of the landed trades"
    if wrong:
        first = "; ".join(
            _difference(told.get(key), wanted.get(key)) for key in sorted(wrong)[:SHOWN]
        )
        detail = f"{len(wrong)} of {len(told)} minutes differ: {first}"
    return {"name": NAME, "ok": not wrong, "detail": detail}


def _difference(told: tuple[Any, ...] | None, wanted: tuple[Any, ...] | None) -> str:
    known = told or wanted or ()
    place = f"{known[0]} {known[1]} {known[2]:%Y-%m-%d %H:%M}"
    if told is None or wanted is None:
        return f"{place} is only in {'Postgres' if wanted is None else 'the lake'}"
    parts = [
        f"{name} {mine} in Postgres, {theirs} in the lake"
        for name, mine, theirs in zip(COMPARED, told, wanted, strict=True)
        if mine != theirs
    ]
    return f"{place}: {', '.join(parts)}"
