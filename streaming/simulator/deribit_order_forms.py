"""Orders, trigger orders and fills in the form of Deribit's replies. Pure.

Source: docs.deribit.com, API reference, "Trading" (to 2026-02-24).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_orders import DeribitOrder
from streaming.simulator.deribit_triggers import TriggerOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill

CONTRACT = Decimal(10)  # USD
FEE_SHARE = Decimal("0.0005")
_UNITS = Decimal("0.00000001")


def make_order(order: DeribitOrder | TriggerOrder) -> Fields:
    """An order, in the book or waiting for its trigger."""
    return _trigger_fields(order) if isinstance(order, TriggerOrder) else _order_fields(order)


def _order_fields(order: DeribitOrder) -> Fields:
    state = "cancelled" if order.cancelled else "open" if order.remaining else "filled"
    average = order.paid / order.filled if order.fills else Decimal(0)
    changed_ms = max([order.changed_ms, *(fill.at_ms for fill in order.fills)])
    fields: Fields = {
        "order_id": order.order_id,
        "order_state": state,
        "order_type": order.kind,
        "direction": order.side,
        "price": float(order.price),
        "filled_amount": float(order.filled),
        "average_price": float(round(average, 2)),
        "time_in_force": order.time_in_force or "good_til_cancelled",
        "label": order.client_id,
        "creation_timestamp": order.at_ms,
        "last_update_timestamp": changed_ms,
        "post_only": order.post_only,
        "reduce_only": order.reduce_only,
        "replaced": order.replaced,
        **_shared_fields(order.amount),
    }
    if order.post_only:
        fields["reject_post_only"] = order.reject_post_only
    named = {
        "original_order_type": order.original_kind,
        "trigger_order_id": order.trigger_order_id,
        "cancel_reason": order.cancel_reason,
    }
    return fields | {name: text for name, text in named.items() if text}


def _trigger_fields(order: TriggerOrder) -> Fields:
    values = order.values
    fields: Fields = {
        "order_id": order.order_id,
        "order_state": order.state,
        "order_type": order.kind,
        "direction": order.side,
        "price": _limit_of(order),
        "filled_amount": 0.0,
        "average_price": 0.0,
        "time_in_force": values.get("time_in_force", "good_til_cancelled"),
        "label": order.client_id,
        "creation_timestamp": order.at_ms,
        "last_update_timestamp": order.changed_ms,
        "post_only": values.get("post_only", False),
        "reduce_only": values.get("reduce_only", False),
        "replaced": order.replaced,
        **_shared_fields(order.amount),
        "triggered": order.state == "triggered",
        "trigger": order.trigger,
        "trigger_price": float(order.trigger_price),
    }
    if order.kind == "trailing_stop":
        fields["trigger_offset"] = float(values["trigger_offset"])
        fields["trigger_reference_price"] = float(order.reference_price)
    if values.get("post_only"):
        fields["reject_post_only"] = values.get("reject_post_only", False)
    return fields | ({"cancel_reason": order.cancel_reason} if order.cancel_reason else {})


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


def _limit_of(order: TriggerOrder) -> float | str:
    return float(order.values["price"]) if order.kind.endswith("limit") else "market_price"


def make_history_entry(order: TriggerOrder) -> Fields:
    """A trigger order that has ended, as `get_trigger_order_history` gives it."""
    is_placed, offset = bool(order.placed_order_id), order.values.get("trigger_offset")
    state = f"rejected:{order.reject_reason}" if order.reject_reason else order.state
    return {
        "timestamp": order.changed_ms,
        "last_update_timestamp": order.changed_ms,
        "trigger": order.trigger,
        "trigger_price": float(order.trigger_price),
        "trigger_offset": None if offset is None else float(offset),
        "trigger_order_id": order.order_id,
        "order_id": order.placed_order_id or None,
        "order_state": state,
        "order_type": "limit" if order.kind.endswith("limit") else "market",
        "request": "cancel" if order.state == "cancelled" else "trigger:order",
        "instrument_name": market.INSTRUMENT,
        "direction": order.side,
        "price": _limit_of(order),
        "amount": float(order.amount),
        "reduce_only": order.values.get("reduce_only", False) if is_placed else None,
        "post_only": order.values.get("post_only", False) if is_placed else None,
        **({"label": order.client_id} if order.client_id else {}),
    }


def make_fill(order: DeribitOrder, fill: SimulatedFill, profit: Decimal) -> Fields:
    """A fill; its profit is booked when a position is closed."""
    return {
        "trade_id": f"user-{fill.number}",
        "trade_seq": fill.number,
        "timestamp": fill.at_ms,
        "instrument_name": market.INSTRUMENT,
        "order_id": order.order_id,
        "direction": order.side,
        "price": float(fill.price),
        "amount": float(fill.quantity),
        "contracts": float(fill.quantity / CONTRACT),
        "state": "open" if order.live else "filled",
        "fee": to_float(fill.quantity / fill.price * FEE_SHARE),
        "fee_currency": "BTC",
        "liquidity": "M" if fill.maker else "T",
        "order_type": order.kind,
        "label": order.client_id,
        "self_trade": False,
        "reduce_only": order.reduce_only,
        "post_only": order.post_only,
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
