"""The simulated Deribit's channels: which exist, and what is new on one. Pure.

Source: docs.deribit.com, "Subscriptions" (to 2026-02-24).
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from include.market.time import DAY_MINUTES, DAY_MS, HOUR_MS
from streaming.simulator import deribit_account_funds as funds
from streaming.simulator import deribit_answers as public
from streaming.simulator import deribit_history as history
from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_account import DeribitAccount, OrderChange
from streaming.simulator.deribit_trades import last_day
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import PricePath

_NAME, _PACE = re.escape(market.INSTRUMENT), "(?P<pace>raw|100ms|agg2)"
_ANY = f"(?:{_NAME}|(?:any|future)\\.(?:any|BTC))"
_GROUP = "(?P<group>none|1|2|5|10)\\.(?P<depth>1|10|20)"
_RESOLUTION = "(?P<resolution>1|3|5|10|15|30|60|120|180|360|720|1D)"
_INDEX_VENUES = ("bitfinex", "bitstamp", "coinbase", "gemini", "kraken")
_AGGREGATED_STEPS = 10  # agg2: a second
Since = int | None
_Message = Callable[[PricePath, re.Match[str], Since, int], list[object]]


def _book(path: PricePath, _name: re.Match[str], since_ms: Since, now_ms: int) -> list[object]:
    step = market.step_at(now_ms)
    if since_ms is None:
        return [market.make_snapshot(path, step)]
    return [market.change(path, market.step_at(since_ms), step)]


def _grouped_book(
    path: PricePath, name: re.Match[str], _since_ms: Since, now_ms: int
) -> list[object]:
    group = Decimal("0.5") if name["group"] == "none" else Decimal(name["group"])
    return [market.grouped_book(path, market.step_at(now_ms), int(name["depth"]), group)]


def _list_trades(
    path: PricePath, _name: re.Match[str], since_ms: Since, now_ms: int
) -> list[object]:
    end = market.number_at(now_ms)
    start = end if since_ms is None else market.number_at(since_ms)
    return [[market.trade(path, number)] for number in range(start, end)]


def _make_ticker(
    path: PricePath, _name: re.Match[str], _since_ms: Since, now_ms: int
) -> list[object]:
    return [market.make_ticker(path, market.step_at(now_ms))]


def _changed_ticker(
    path: PricePath, _name: re.Match[str], since_ms: Since, now_ms: int
) -> list[object]:
    ticker = market.make_ticker(path, market.step_at(now_ms))
    if since_ms is None:
        return [{"type": "snapshot", **ticker}]
    before = market.make_ticker(path, market.step_at(since_ms))
    head = {"type": "change", "instrument_name": market.INSTRUMENT}
    return [head | {name: ticker[name] for name in ticker if ticker[name] != before[name]}]


def _quote(path: PricePath, _name: re.Match[str], _since_ms: Since, now_ms: int) -> list[object]:
    return [market.quote(path, market.step_at(now_ms))]


def _interest(path: PricePath, _name: re.Match[str], _since_ms: Since, now_ms: int) -> list[object]:
    rates = {"interest": market.funding_8h(now_ms), "index_price": market.index_price(path, now_ms)}
    return [{"timestamp": now_ms, **rates}]


def _index(path: PricePath, _name: re.Match[str], since_ms: Since, now_ms: int) -> list[object]:
    if since_ms is not None and since_ms // 1000 == now_ms // 1000:
        return []
    price = market.index_price(path, now_ms)
    return [{"timestamp": now_ms, "price": price, "index_name": public.INDEX}]


def _index_statistics(
    path: PricePath, name: re.Match[str], since_ms: Since, now_ms: int
) -> list[object]:
    if not _index(path, name, since_ms, now_ms):
        return []
    day = last_day(path, now_ms // 60_000)
    change = round((day.close / day.open - 1) * 100, 4) if day.open else 0.0
    prices = {"low24h": day.low, "high24h": day.high, "change24h": change}
    return [{"index_name": public.INDEX, **prices, "high_volatility": False}]


def _index_sources(
    path: PricePath, name: re.Match[str], since_ms: Since, now_ms: int
) -> list[object]:
    if not _index(path, name, since_ms, now_ms):
        return []
    price = market.index_price(path, now_ms)
    shared = {"enabled": True, "weight": 100 / len(_INDEX_VENUES), "timestamp": now_ms}
    prices = {"original_price": price, "price": price}
    return [[{"identifier": venue, **prices, **shared} for venue in _INDEX_VENUES]]


def _expiration_price(
    path: PricePath, name: re.Match[str], since_ms: Since, now_ms: int
) -> list[object]:
    if not _index(path, name, since_ms, now_ms):
        return []
    seconds = (8 * HOUR_MS - now_ms) % DAY_MS // 1000
    price = {"price": market.index_price(path, now_ms), "is_estimated": False}
    return [{"seconds": seconds, "timestamp": now_ms, **price}]


def _candle(path: PricePath, name: re.Match[str], since_ms: Since, now_ms: int) -> list[object]:
    if since_ms is not None and since_ms // 1000 == now_ms // 1000:
        return []
    frame_ms = (DAY_MINUTES if name["resolution"] == "1D" else int(name["resolution"])) * 60_000
    begin_ms = now_ms // frame_ms * frame_ms
    values = {"instrument_name": market.INSTRUMENT, "resolution": name["resolution"]}
    span = {"start_timestamp": begin_ms, "end_timestamp": now_ms}
    candles = history.chart(path, values | span, now_ms)
    columns = ("open", "high", "low", "close", "volume", "cost")
    return [{"tick": begin_ms, **{column: candles[column][0] for column in columns}}]


def _make_platform_state(
    _path: PricePath, _name: re.Match[str], since_ms: Since, _now_ms: int
) -> list[object]:
    return (
        [{"maintenance": False, "price_index": public.INDEX, "locked": False}]
        if since_ms is None
        else []
    )


def _nothing(
    _path: PricePath, _name: re.Match[str], _since_ms: Since, _now_ms: int
) -> list[object]:
    return []


_PUBLIC: tuple[tuple[re.Pattern[str], _Message], ...] = tuple(
    (re.compile(pattern), message)
    for pattern, message in (
        (f"book\\.{_NAME}\\.{_PACE}", _book),
        (
            f"book\\.{_NAME}\\.(?P<group>none|1|2|5|10)\\.(?P<depth>1|10|20)\\.{_PACE}",
            _grouped_book,
        ),
        (f"trades\\.(?:{_NAME}|(?:future|any)\\.(?:BTC|any))\\.{_PACE}", _list_trades),
        (f"ticker\\.{_NAME}\\.{_PACE}", _make_ticker),
        (f"incremental_ticker\\.{_NAME}", _changed_ticker),
        (f"quote\\.{_NAME}", _quote),
        (f"perpetual\\.{_NAME}\\.{_PACE}", _interest),
        (f"chart\\.trades\\.{_NAME}\\.{_RESOLUTION}", _candle),
        (f"deribit_price_index\\.{public.INDEX}", _index),
        ("platform_state", _make_platform_state),
        ("platform_state\\.public_methods_state", _nothing),
        ("announcements", _nothing),
        ("instrument\\.state\\.(?:any|future)\\.(?:any|BTC)", _nothing),
        (f"estimated_expiration_price\\.{public.INDEX}", _expiration_price),
        (f"deribit_price_ranking\\.{public.INDEX}", _index_sources),
        (f"deribit_price_statistics\\.{public.INDEX}", _index_statistics),
        (f"deribit_volatility_index\\.{public.INDEX}", _nothing),
        (f"markprice\\.options\\.{public.INDEX}", _nothing),
    )
)
_PRIVATE = re.compile(
    f"user\\.(?P<kind>orders|trades|changes)\\.{_ANY}\\.{_PACE}"
    "|user\\.(?P<portfolio>portfolio)\\.(?:btc|BTC|any)"
    "|user\\.(?P<other>lock|access_log|mmp_trigger\\.\\w+)"
)


def exists(channel: str) -> bool:
    """Whether there is such a channel."""
    return is_private(channel) or any(pattern.fullmatch(channel) for pattern, _ in _PUBLIC)


def is_private(channel: str) -> bool:
    """Whether a channel is the account's own."""
    return bool(_PRIVATE.fullmatch(channel))


def new_messages(path: PricePath, channel: str, since_ms: Since, now_ms: int) -> list[object]:
    """What a public channel sends: since a time, or first of all."""
    for pattern, message in _PUBLIC:
        if name := pattern.fullmatch(channel):
            return message(path, name, since_ms, now_ms)
    return []


def is_due(channel: str, since_ms: Since, now_ms: int) -> bool:
    """Whether a public channel may send again."""
    if since_ms is None:
        return True
    steps = _AGGREGATED_STEPS if channel.endswith(".agg2") else 1
    return market.step_at(now_ms) // steps > market.step_at(since_ms) // steps


def account_messages(
    account: DeribitAccount,
    channel: str,
    changes: list[OrderChange],
    now_ms: int,
) -> list[object]:
    """What a private channel sends of these changes."""
    name = _PRIVATE.fullmatch(channel)
    if not changes or name is None or name["other"]:
        return []
    if name["portfolio"]:
        return [funds.make_summary(account, {}, now_ms)]
    orders: list[Any] = [change.order for change in changes]
    fills = [fill for change in changes for fill in change.fills]
    if name["kind"] == "orders":
        return orders if name["pace"] == "raw" else [orders]
    if name["kind"] == "trades":
        return [fills] if fills else []
    positions: list[Fields] = funds.positions(account, {}, now_ms)
    message = {"instrument_name": market.INSTRUMENT, "orders": orders, "trades": fills}
    return [message | {"positions": positions}]
