"""The simulated Deribit's private answers: orders and fills. Pure.

Source: docs.deribit.com, API reference, "Trading" (to 2026-02-24).
"""

from decimal import Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_account import FEE_SHARE, DeribitAccount, id_of
from streaming.simulator.deribit_account_funds import is_of, to_float
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.matching import SimulatedFill, SimulatedOrder

CONTRACT = Decimal(10)  # USD


def buy(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Buy."""
    return _place(account, "buy", values, now_ms)


def sell(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Sell."""
    return _place(account, "sell", values, now_ms)


def _in_dollars(values: Values) -> Values:
    """The values with an amount in USD, which contracts of ten may stand for."""
    if "contracts" not in values:
        return values
    amount = values["contracts"] * CONTRACT
    if values.get("amount", amount) != amount:
        raise refuse_param("contracts", "must match amount")
    return values | {"amount": amount}


def close_position(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Buy or sell as much as the position is."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    side = "sell" if account.position > 0 else "buy"
    if not account.position:
        raise DeribitError(10009, "not_enough_funds", reason="no_open_position")
    return _place(account, side, values | {"amount": abs(account.position)}, now_ms)


def _place(account: DeribitAccount, side: str, values: Values, now_ms: int) -> Fields:
    order = account.new_order(side, _in_dollars(values), now_ms)
    trades = [fill_fields(account, order, fill) for fill in order.fills]
    return {"order": order_fields(order), "trades": trades}


def edit(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Change an order's price or amount."""
    return _edit(account, account.find_order(values["order_id"]), values, now_ms)


def edit_by_label(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Change the one live order of a label."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    orders = _live(account, values) if "label" in values else []
    if len(orders) != 1:
        raise DeribitError(10004, "order_not_found")
    return _edit(account, orders[0], values, now_ms)


def _edit(account: DeribitAccount, order: SimulatedOrder, values: Values, now_ms: int) -> Fields:
    fill_count = len(order.fills)
    account.edit(order, _in_dollars(values), now_ms)
    trades = [fill_fields(account, order, fill) for fill in order.fills[fill_count:]]
    return {"order": order_fields(order), "trades": trades}


def cancel(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """Cancel one order."""
    return order_fields(account.cancel(account.find_order(values["order_id"])))


def cancel_all(account: DeribitAccount, values: Values, _now_ms: int) -> object:
    """Cancel all live orders of a currency, an instrument, a label; how many, or which."""
    orders = [account.cancel(order) for order in _live(account, values)]
    return [order_fields(order) for order in orders] if values.get("detailed") else len(orders)


def order_state(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """One order."""
    return order_fields(account.find_order(values["order_id"]))


def orders_of_label(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The orders of a label, newest first."""
    return [order_fields(order) for order in _orders(account, values)[::-1]]


def open_orders(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The live orders."""
    return [order_fields(order) for order in _live(account, values)]


def order_history(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The orders that have ended, newest first."""
    ended = [order for order in _orders(account, values)[::-1] if not order.live]
    offset = values.get("offset", 0)
    return [order_fields(order) for order in ended[offset : offset + values.get("count", 20)]]


def user_trades(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The account's fills, by number or time."""
    start, end = values.get("start_timestamp", 0), values.get("end_timestamp", now_ms)
    fills = [
        (fill, order)
        for order in _orders(account, values)
        for fill in order.fills
        if start <= fill.at_ms <= end
        and values.get("start_seq", 0) <= fill.number <= values.get("end_seq", fill.number)
    ]
    fills.sort(key=lambda pair: pair[0].number, reverse=values.get("sorting") == "desc")
    count = values.get("count", 10)
    rows = [fill_fields(account, order, fill) for fill, order in fills[:count]]
    return {"trades": rows, "has_more": len(fills) > count}


def trades_of_order(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The fills of one order."""
    order = account.find_order(values["order_id"])
    return [fill_fields(account, order, fill) for fill in order.fills]


def _orders(account: DeribitAccount, values: Values) -> list[SimulatedOrder]:
    if not is_of(values) or values.get("instrument_name", market.INSTRUMENT) != market.INSTRUMENT:
        return []
    orders = account.matching.orders.values()
    return [order for order in orders if values.get("label", order.client_id) == order.client_id]


def _live(account: DeribitAccount, values: Values) -> list[SimulatedOrder]:
    kind = values.get("type", "all")
    if kind not in {"all", "limit"}:
        return []
    return [order for order in _orders(account, values) if order.live]


def order_fields(order: SimulatedOrder) -> Fields:
    """An order as Deribit gives it."""
    state = "cancelled" if order.cancelled else "open" if order.remaining else "filled"
    average = order.paid / order.filled if order.fills else Decimal(0)
    return {
        "order_id": id_of(order),
        "instrument_name": order.symbol,
        "direction": order.side,
        "price": float(order.price),
        "amount": float(order.amount),
        "contracts": float(order.amount / CONTRACT),
        "order_state": state,
        "filled_amount": float(order.filled),
        "average_price": float(round(average, 2)),
        "order_type": order.kind,
        "time_in_force": order.time_in_force or "good_til_cancelled",
        "label": order.client_id,
        "creation_timestamp": order.at_ms,
        "last_update_timestamp": order.fills[-1].at_ms if order.fills else order.at_ms,
        "post_only": False,
        "reduce_only": False,
        "is_liquidation": False,
        "replaced": False,
        "web": False,
        "api": True,
        "max_show": float(order.amount),
    }


def fill_fields(account: DeribitAccount, order: SimulatedOrder, fill: SimulatedFill) -> Fields:
    """A fill as Deribit gives it; the profit is booked when a position is closed."""
    return {
        "trade_id": f"user-{fill.number}",
        "trade_seq": fill.number,
        "timestamp": fill.at_ms,
        "instrument_name": order.symbol,
        "order_id": id_of(order),
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
        "reduce_only": False,
        "post_only": False,
        "api": True,
        "matching_id": None,
        "profit_loss": to_float(account.profits.get(fill.number, Decimal(0))),
        "tick_direction": 0,
        "index_price": float(fill.price),
        "mark_price": float(fill.price),
    }
