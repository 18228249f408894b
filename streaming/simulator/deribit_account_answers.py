"""The simulated Deribit's private answers: orders, fills, position, summary. Pure.

Source: docs.deribit.com, API reference, "Trading" and "Account management" (to 2026-02-24).
"""

from decimal import ROUND_HALF_EVEN, Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_account import FEE_SHARE, MARGIN_SHARE, DeribitAccount, id_of
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.matching import SimulatedFill, SimulatedOrder

_UNITS = Decimal("0.00000001")


def buy(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Buy."""
    return _placement(account.new_order("buy", values, now_ms))


def sell(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Sell."""
    return _placement(account.new_order("sell", values, now_ms))


def close_position(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Buy or sell as much as the position is."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    side = "sell" if account.position > 0 else "buy"
    if not account.position:
        raise DeribitError(10009, "not_enough_funds", reason="no_open_position")
    return _placement(account.new_order(side, values | {"amount": abs(account.position)}, now_ms))


def _placement(order: SimulatedOrder) -> Fields:
    trades = [fill_fields(order, fill) for fill in order.fills]
    return {"order": order_fields(order), "trades": trades}


def edit(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Change an order's price or amount."""
    order = account.find_order(values["order_id"])
    fill_count = len(order.fills)
    account.edit(order, values, now_ms)
    trades = [fill_fields(order, fill) for fill in order.fills[fill_count:]]
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
    rows = [fill_fields(order, fill) for fill, order in fills[:count]]
    return {"trades": rows, "has_more": len(fills) > count}


def trades_of_order(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The fills of one order."""
    order = account.find_order(values["order_id"])
    return [fill_fields(order, fill) for fill in order.fills]


def position(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The position, also if it is zero."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    price = Decimal(str(market.index_price(account.path, now_ms)))
    size, entry = account.position, account.entry_btc
    average = size / entry if entry else Decimal(0)
    margin = abs(size) / price * MARGIN_SHARE
    profit = _to_float(account.equity(price) - account.balance)
    return {
        "instrument_name": market.INSTRUMENT,
        "kind": "future",
        "direction": "zero" if not size else "buy" if size > 0 else "sell",
        "size": float(size),
        "size_currency": _to_float(size / price),
        "average_price": float(round(average, 4)),
        "mark_price": float(price),
        "index_price": float(price),
        "settlement_price": float(price),
        "delta": _to_float(size / price),
        "leverage": 50,
        "initial_margin": _to_float(margin),
        "maintenance_margin": _to_float(margin / 2),
        "open_orders_margin": _to_float(account.margin(price) - margin),
        "estimated_liquidation_price": None,
        "floating_profit_loss": profit,
        "realized_profit_loss": 0.0,
        "realized_funding": 0.0,
        "total_profit_loss": profit,
        "interest_value": 0.0,
    }


def positions(account: DeribitAccount, values: Values, now_ms: int) -> list[Fields]:
    """The open positions."""
    if not account.position or not _is_of(values):
        return []
    return [position(account, {"instrument_name": market.INSTRUMENT}, now_ms)]


def make_summary(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The account in one currency: in others than BTC it has nothing."""
    currency = values.get("currency", "BTC")
    price = account.levels(now_ms)[0][0][0]
    equity, margin = account.equity(price), account.margin(price)
    amounts = {
        "balance": account.balance,
        "equity": equity,
        "available_funds": equity - margin,
        "available_withdrawal_funds": min(account.balance, equity - margin),
        "initial_margin": margin,
        "maintenance_margin": margin / 2,
        "margin_balance": equity,
        "session_upl": equity - account.balance,
        "session_rpl": Decimal(0),
        "total_pl": equity - account.balance,
        "futures_pl": equity - account.balance,
        "futures_session_upl": equity - account.balance,
        "futures_session_rpl": Decimal(0),
        "options_pl": Decimal(0),
        "options_value": Decimal(0),
        "delta_total": account.position / price,
        "fee_balance": Decimal(0),
        "spot_reserve": Decimal(0),
    }
    has_none = currency != "BTC"
    return {
        "currency": currency,
        **{name: 0.0 if has_none else _to_float(amount) for name, amount in amounts.items()},
        "currency_name": "Bitcoin",
        "margin_model": "segregated_sm",
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
    }


def summaries(account: DeribitAccount, _values: Values, now_ms: int) -> Fields:
    """The account in each of its currencies."""
    head = {"id": 1, "email": "", "system_name": "simulated", "username": "simulated"}
    return head | {"type": "main", "summaries": [make_summary(account, {}, now_ms)]}


def margins(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """What an order would need."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    needed = _to_float(values["amount"] / values["price"] * MARGIN_SHARE)
    lowest, highest = (
        float(values["price"] * share) for share in (Decimal("0.985"), Decimal("1.015"))
    )
    return {"buy": needed, "sell": needed, "min_price": lowest, "max_price": highest}


def subaccounts(_account: DeribitAccount, _values: Values, _now_ms: int) -> list[Fields]:
    """The main account alone."""
    names = {"username": "simulated", "system_name": "simulated", "email": ""}
    flags = {"is_password": False, "login_enabled": False, "security_keys_enabled": False}
    return [{"id": 1, "type": "main", **names, **flags}]


def transfers(_account: DeribitAccount, _values: Values, _now_ms: int) -> Fields:
    """No deposit, withdrawal or transfer."""
    return {"count": 0, "data": []}


def transaction_log(_account: DeribitAccount, _values: Values, _now_ms: int) -> Fields:
    """An empty log."""
    return {"logs": [], "continuation": None}


def _orders(account: DeribitAccount, values: Values) -> list[SimulatedOrder]:
    if not _is_of(values) or values.get("instrument_name", market.INSTRUMENT) != market.INSTRUMENT:
        return []
    orders = account.matching.orders.values()
    return [order for order in orders if values.get("label", order.client_id) == order.client_id]


def _live(account: DeribitAccount, values: Values) -> list[SimulatedOrder]:
    kind = values.get("type", "all")
    if kind not in {"all", "limit"}:
        return []
    return [order for order in _orders(account, values) if order.live]


def _is_of(values: Values) -> bool:
    currency, kind = values.get("currency", "any"), values.get("kind", "any")
    return currency in {"BTC", "any"} and kind in {"future", "any"}


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
        "contracts": float(order.amount / 10),
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


def fill_fields(order: SimulatedOrder, fill: SimulatedFill) -> Fields:
    """A fill as Deribit gives it."""
    return {
        "trade_id": f"user-{fill.number}",
        "trade_seq": fill.number,
        "timestamp": fill.at_ms,
        "instrument_name": order.symbol,
        "order_id": id_of(order),
        "direction": order.side,
        "price": float(fill.price),
        "amount": float(fill.quantity),
        "contracts": float(fill.quantity / 10),
        "state": "open" if order.live else "filled",
        "fee": _to_float(fill.quantity / fill.price * FEE_SHARE),
        "fee_currency": "BTC",
        "liquidity": "M" if fill.maker else "T",
        "order_type": order.kind,
        "label": order.client_id,
        "self_trade": False,
        "reduce_only": False,
        "post_only": False,
        "api": True,
        "matching_id": None,
        "profit_loss": None,
        "tick_direction": 0,
        "index_price": float(fill.price),
        "mark_price": float(fill.price),
    }


def _to_float(amount: Decimal) -> float:
    return float(amount.quantize(_UNITS, ROUND_HALF_EVEN))
