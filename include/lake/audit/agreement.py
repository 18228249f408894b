"""The audit of agreement (I3): the minutes that Postgres serves against the landed trades."""

from collections.abc import Iterable, Mapping
from typing import Any

from include.checks import Check
from include.lake.minutes import minutes_before
from include.lake.tables import TRADE_MINUTES

# `complete` comes from the feed ledger, which goes on after the minute was written.
COMPARED = tuple(c.name for c in TRADE_MINUTES.columns if c.name not in {"vwap", "complete"})
AGREEMENT = "I3 agreement"
DIFFERENCES_SHOWN = 5
Minute = Mapping[str, Any]


def check_agreement(lake: str, *, offsets: Mapping[int, int], served: Iterable[Minute]) -> Check:
    """Whether every served minute equals the one recomputed from the trades, to the last digit.

    `served` are rows of Postgres' trade_minutes with the columns `COMPARED`, read in the same
    transaction as `offsets` (next offset of market.trades by partition: what they are made from).
    """
    in_postgres = _by_key(served)
    in_lake = _by_key(minutes_before(lake, offsets).select(COMPARED).to_pylist())
    differing = [
        key for key in {*in_postgres, *in_lake} if in_postgres.get(key) != in_lake.get(key)
    ]
    detail = f"{len(in_postgres)} minutes equal those of the landed trades"
    if differing:
        first = "; ".join(
            _difference(in_postgres.get(key), in_lake.get(key))
            for key in sorted(differing)[:DIFFERENCES_SHOWN]
        )
        detail = f"{len(differing)} of {len(in_postgres)} minutes differ: {first}"
    return Check(AGREEMENT, not differing, detail)


def _by_key(compared: Iterable[Minute]) -> dict[tuple[Any, ...], Minute]:
    return {tuple(minute[name] for name in TRADE_MINUTES.key): minute for minute in compared}


def _difference(in_postgres: Minute | None, in_lake: Minute | None) -> str:
    minute = in_postgres or in_lake or {}
    name = f"{minute['venue']} {minute['symbol']} {minute['minute']:%Y-%m-%d %H:%M}"
    if in_postgres is None or in_lake is None:
        return f"{name} is only in {'Postgres' if in_lake is None else 'the lake'}"
    columns = [
        f"{column} {in_postgres[column]} in Postgres, {in_lake[column]} in the lake"
        for column in COMPARED
        if in_postgres[column] != in_lake[column]
    ]
    return f"{name}: {', '.join(columns)}"
