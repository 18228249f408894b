"""A small world's lake for the notebooks: a day of minutes, a forecast, a book, a few decisions."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from include.market.events import INITIAL, BookChange, Message, Top
from include.market.time import to_epoch_us
from tests.support.lake_of_rows import put
from tests.support.landed_messages import land_messages, tell

START = datetime(2026, 11, 20, tzinfo=UTC)
VENUE = {"venue": "gemini", "symbol": "BTC-USD"}


def money(number: float) -> Decimal:
    return Decimal(f"{number:.2f}")


def price(minute: int) -> float:
    return 9000 + 50 * math.sin(minute / 60)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def make_world(lake: Path) -> None:
    """Every table that the notebooks read."""
    _put_minutes(lake)
    _put_book(lake)
    _put_signals(lake)
    _put_trips(lake)


def _bar(minute: int) -> dict[str, Any]:
    return dict.fromkeys(("open", "high", "low", "close"), money(price(minute)))


def _put_minutes(lake: Path) -> None:
    history = [
        {"source": "kaggle", "symbol": "BTC-USD", "minute": at(m), **_bar(m)}
        for m in range(-3 * 1440, 0, 10)
    ]
    put(lake, "history_minutes", history)
    minutes = [
        {**VENUE, "minute": at(m), **_bar(m), "total_count_buy": 2, "total_count_sell": 1}
        for m in range(240)
    ]
    put(lake, "trade_minutes", minutes)
    forecast = {"forecast_id": "f-1", "symbol": "BTC-USD", "trained_until": at(-10)}
    points = [
        forecast
        | {"ds": at(m), "side": "buy" if m % 2 else "sell", "yhat": price(m) + 5}
        | {"yhat_lower": price(m) - 20, "yhat_upper": price(m) + 30}
        for m in range(1440)
    ]
    put(lake, "forecasts", points)


def _put_book(lake: Path) -> None:
    received_us = to_epoch_us(at(30))
    levels = tuple(
        BookChange(side, Decimal(9000 + sign * n), Decimal(n), reason=INITIAL)  # type: ignore[arg-type]
        for side, sign in (("bid", -1), ("ask", 1))
        for n in range(1, 16)
    )
    top = Top(Decimal(8999), Decimal(1), Decimal(9001), Decimal(1))
    book = Message("gemini", "BTC-USD", "book", "c", None, None, received_us, levels, top)
    later = replace(book, received_time=received_us + 20_000_000)
    land_messages(lake, [tell(book, "connect", at_us=received_us - 1), book, later])


def _put_signals(lake: Path) -> None:
    windows = [
        {**VENUE, "type": kind, "value": Decimal(value)}
        | {"window_start": at(m), "timestamp": at(m + 1)}
        for m in range(60)
        for kind, value in (("bid", 200), ("ask", 300), ("price_volume", "1.5"))
    ]
    put(lake, "signals", windows)


def _put_trips(lake: Path) -> None:
    """Decisions of an hour; every tenth is an order, executed, and each sale is scored."""
    hour = range(60)
    decisions = [
        {**VENUE, "decision_id": f"d{m}", "rule": "liquidity", "action": _action(m)}
        | {
            "reasons": "ratio_between, forecast_up",
            "ratio": Decimal("1.5"),
            "inputs": json.dumps({}),
        }
        | {"window_start": at(m), "price": money(price(m)), "quantity": Decimal("0.1")}
        for m in hour
    ]
    put(lake, "decisions", decisions)
    traded = [m for m in hour if _action(m) != "hold"]
    amounts = {"quantity": Decimal("0.1"), "executed": Decimal("0.1"), "status": "filled"}
    orders = [
        {**VENUE, **amounts, "order_id": f"o{m}", "decision_id": f"d{m}", "broker": "paper"}
        | {"side": _action(m), "price": money(price(m))}
        for m in traded
    ]
    put(lake, "orders", orders)
    fills = [
        {**VENUE, "fill_id": f"f{m}", "order_id": f"o{m}", "side": _action(m), "fee": Decimal(1)}
        | {"price": money(price(m)), "quantity": Decimal("0.1")}
        for m in traded
    ]
    put(lake, "fills", fills)
    scores = [
        {**VENUE, "order_id": f"o{m}", "buy_order_id": f"o{m - 10}", "venue_time": at(m)}
        | {"profit": Decimal(m - 30), "cumulative_profit": Decimal(m), "hold_profit": Decimal(5)}
        for m in traded
        if _action(m) == "sell"
    ]
    put(lake, "scores", scores)


def _action(minute: int) -> str:
    return "hold" if minute % 10 else "buy" if minute % 20 else "sell"
