"""The simulated Gemini account's further answers: cancel many, volumes, what never happened. Pure.

Source: docs.gemini.com, "Orders", "Fee and volume", "Fund management".
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from streaming.simulator.json_fields import Fields

_FEES = {"api_maker_fee_bps": 20, "api_taker_fee_bps": 40, "notional_30d_volume": 0}


class GeminiOrders(Protocol):
    """What an account keeps."""

    orders: list[Fields]
    trades: list[Fields]


def end_order(order: Fields, reason: str) -> None:
    """Cancel what is left of an order."""
    order |= {"is_live": False, "is_cancelled": True, "reason": reason}


def cancel_orders(account: GeminiOrders, _params: Fields) -> Fields:
    """Cancel all live orders: those of the session are those of the one key."""
    live = [order for order in account.orders if order["is_live"]]
    for order in live:
        end_order(order, "Requested")
    numbers = [int(order["order_id"]) for order in live]
    return {"result": "ok", "details": {"cancelledOrders": numbers, "cancelRejects": []}}


def list_live_orders(account: GeminiOrders, _params: Fields) -> list[Fields]:
    """The live orders."""
    return [order for order in account.orders if order["is_live"]]


def list_past_orders(account: GeminiOrders, _params: Fields) -> list[Fields]:
    """The orders that have ended, newest first."""
    return [order for order in account.orders[::-1] if not order["is_live"]]


def list_trades(account: GeminiOrders, _params: Fields) -> list[Fields]:
    """The fills, newest first."""
    return account.trades[::-1][:500]


def list_volumes(account: GeminiOrders, _params: Fields) -> list[list[Fields]]:
    """The traded volume by side, of an account that trades on one day."""
    amounts = dict.fromkeys(("buy_taker", "sell_taker"), Decimal(0))
    notionals = dict.fromkeys(amounts, Decimal(0))
    for trade in account.trades:
        name = f"{str(trade['type']).lower()}_taker"
        amounts[name] += Decimal(trade["amount"])
        notionals[name] += Decimal(trade["amount"]) * Decimal(trade["price"])
    if not account.trades:
        return [[]]
    total = sum(amounts.values(), Decimal(0))
    counts = {
        f"{name}_count": sum(str(trade["type"]).lower() in name for trade in account.trades)
        for name in amounts
    }
    return [
        [
            {
                "symbol": "btcusd",
                "base_currency": "BTC",
                "notional_currency": "USD",
                "total_volume_base": float(total),
                **{f"{name}_base": float(amount) for name, amount in amounts.items()},
                **{f"{name}_notional": float(amount) for name, amount in notionals.items()},
                **counts,
            }
        ]
    ]


def confirm(_account: GeminiOrders, _params: Fields) -> Fields:
    """That the key lives."""
    return {"result": "ok"}


def list_fees(_account: GeminiOrders, _params: Fields) -> Fields:
    """The fees."""
    return _FEES


def list_nothing(_account: GeminiOrders, _params: Fields) -> list[Fields]:
    """An empty list: what this account never had."""
    return []


ANSWERS: dict[str, Callable[[GeminiOrders, Fields], object]] = {
    "order/cancel/all": cancel_orders,
    "order/cancel/session": cancel_orders,
    "orders": list_live_orders,
    "orders/history": list_past_orders,
    "mytrades": list_trades,
    "tradevolume": list_volumes,
    "notionalvolume": list_fees,
    "heartbeat": confirm,
    "transfers": list_nothing,
}
