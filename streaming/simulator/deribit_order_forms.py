"""Orders, trigger orders and fills in the form of Deribit's replies. Pure.

Source: docs.deribit.com, API reference, "Trading" (to 2026-02-24).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_orders import DeribitOrder
from streaming.simulator.deribit_triggers import AccountOrder, TriggerOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill

CONTRACT = Decimal(10)  # USD
FEE_SHARE = Decimal("0.0005")
_UNITS = Decimal("0.00000001")


def make_order(account_order: AccountOrder) -> Fields:
    """An order, in the book or waiting for its trigger."""
    return (
        _trigger_fields(account_order)
        if isinstance(account_order, TriggerOrder)
        else _order_fields(account_order)
    )


def _order_fields(book_order: DeribitOrder) -> Fields:
    state = "cancelled" if book_order.cancelled else "open" if book_order.remaining else "filled"
    average = book_order.paid / book_order.filled if book_order.fills else Decimal(0)
    changed_ms = max([book_order.changed_ms, *(fill.at_ms for fill in book_order.fills)])
    fields: Fields = {
        "order_id": book_order.order_id,
        "order_state": state,
        "order_type": book_order.kind,
        "direction": book_order.side,
        "price": float(book_order.price),
        "filled_amount": float(book_order.filled),
        "average_price": float(round(average, 2)),
        "time_in_force": book_order.time_in_force or "good_til_cancelled",
        "label": book_order.client_id,
        "creation_timestamp": book_order.at_ms,
        "last_update_timestamp": changed_ms,
        "post_only": book_order.post_only,
        "reduce_only": book_order.reduce_only,
        "replaced": book_order.replaced,
        **_shared_fields(book_order.amount),
    }
    if book_order.post_only:
        fields["reject_post_only"] = book_order.reject_post_only
    named = {
        "original_order_type": book_order.original_kind,
        "trigger_order_id": book_order.trigger_order_id,
        "cancel_reason": book_order.cancel_reason,
    }
    return fields | {name: text for name, text in named.items() if text}


def _trigger_fields(trigger_order: TriggerOrder) -> Fields:
    values = trigger_order.values
    fields: Fields = {
        "order_id": trigger_order.order_id,
        "order_state": trigger_order.state,
        "order_type": trigger_order.kind,
        "direction": trigger_order.side,
        "price": _limit_of(trigger_order),
        "filled_amount": 0.0,
        "average_price": 0.0,
        "time_in_force": values.get("time_in_force", "good_til_cancelled"),
        "label": trigger_order.client_id,
        "creation_timestamp": trigger_order.at_ms,
        "last_update_timestamp": trigger_order.changed_ms,
        "post_only": values.get("post_only", False),
        "reduce_only": values.get("reduce_only", False),
        "replaced": trigger_order.replaced,
        **_shared_fields(trigger_order.amount),
        "triggered": trigger_order.state == "triggered",
        "trigger": trigger_order.trigger,
        "trigger_price": float(trigger_order.trigger_price),
        "stop_price": float(trigger_order.trigger_price),  # its older name, which clients read
    }
    if trigger_order.kind == "trailing_stop":
        fields["trigger_offset"] = float(values["trigger_offset"])
        fields["trigger_reference_price"] = float(trigger_order.reference_price)
    if values.get("post_only"):
        fields["reject_post_only"] = values.get("reject_post_only", False)
    return fields | (
        {"cancel_reason": trigger_order.cancel_reason} if trigger_order.cancel_reason else {}
    )


def _shared_fields(amount: Decimal) -> Fields:
    return {
        "instrument_name": market.INSTRUMENT,
        "amount": float(amount),
        "contracts": float(amount / CONTRACT),
        "max_show": float(amount),
        "is_liquidation": False,
        "risk_reducing": False,
        "mmp": False,
        "web": False,
        "api": True,
    }


def _limit_of(trigger_order: TriggerOrder) -> float | str:
    return (
        float(trigger_order.values["price"])
        if trigger_order.kind.endswith("limit")
        else "market_price"
    )


def make_history_entry(trigger_order: TriggerOrder) -> Fields:
    """A trigger order that has ended, as `get_trigger_order_history` gives it."""
    is_placed, offset = (
        bool(trigger_order.placed_order_id),
        trigger_order.values.get("trigger_offset"),
    )
    state = (
        f"rejected:{trigger_order.reject_reason}"
        if trigger_order.reject_reason
        else trigger_order.state
    )
    return {
        "timestamp": trigger_order.changed_ms,
        "last_update_timestamp": trigger_order.changed_ms,
        "trigger": trigger_order.trigger,
        "trigger_price": float(trigger_order.trigger_price),
        "trigger_offset": None if offset is None else float(offset),
        "trigger_order_id": trigger_order.order_id,
        "order_id": trigger_order.placed_order_id or None,
        "order_state": state,
        "order_type": "limit" if trigger_order.kind.endswith("limit") else "market",
        "request": "cancel" if trigger_order.state == "cancelled" else "trigger:order",
        "instrument_name": market.INSTRUMENT,
        "direction": trigger_order.side,
        "price": _limit_of(trigger_order),
        "amount": float(trigger_order.amount),
        "reduce_only": trigger_order.values.get("reduce_only", False) if is_placed else None,
        "post_only": trigger_order.values.get("post_only", False) if is_placed else None,
        **({"label": trigger_order.client_id} if trigger_order.client_id else {}),
    }


def make_fill(book_order: DeribitOrder, fill: SimulatedFill, profit: Decimal) -> Fields:
    """A fill; its profit is booked when a position is closed."""
    return {
        "trade_id": f"user-{fill.number}",
        "trade_seq": fill.number,
        "timestamp": fill.at_ms,
        "instrument_name": market.INSTRUMENT,
        "order_id": book_order.order_id,
        "direction": book_order.side,
        "price": float(fill.price),
        "amount": float(fill.quantity),
        "contracts": float(fill.quantity / CONTRACT),
        "state": "open" if book_order.live else "filled",
        "fee": to_float(fill.quantity / fill.price * FEE_SHARE),
        "fee_currency": "BTC",
        "liquidity": "M" if fill.maker else "T",
        "order_type": book_order.kind,
        "label": book_order.client_id,
        "self_trade": False,
        "reduce_only": book_order.reduce_only,
        "post_only": book_order.post_only,
        "api": True,
        "matching_id": None,
        "profit_loss": to_float(profit),
        "tick_direction": 0,
        "index_price": float(fill.price),
        "mark_price": float(fill.price),
    }


def to_float(amount: Decimal) -> float:
    """An amount of bitcoin with the eight decimals that the venue gives."""
    return float(amount.quantize(_UNITS, ROUND_HALF_EVEN))
