"""The simulated Deribit's private answers that place, change and cancel orders. Pure.

Source: docs.deribit.com, API reference, "Trading" (to 2026-02-24).
"""

from itertools import groupby

from streaming.simulator import deribit_market as market
from streaming.simulator import deribit_order_forms as forms
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_order_lists import list_live
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.deribit_triggers import AccountOrder, TriggerOrder
from streaming.simulator.json_fields import Fields, Values


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
    amount = values["contracts"] * forms.CONTRACT
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
    amount = {"amount": abs(account.position), "reduce_only": True}
    return _place(account, side, values | amount, now_ms)


def _place(account: DeribitAccount, side: str, values: Values, now_ms: int) -> Fields:
    order = account.new_order(side, _in_dollars(values), now_ms)
    return {"order": forms.make_order(order), "trades": _list_fills(account, order, 0)}


def _list_fills(account: DeribitAccount, account_order: AccountOrder, first: int) -> list[Fields]:
    fills = [] if isinstance(account_order, TriggerOrder) else account_order.fills[first:]
    return (
        [] if isinstance(account_order, TriggerOrder) else account.fill_fields(account_order, fills)
    )


def edit(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Change an order's price, amount or trigger price."""
    return _edit(account, account.find_order(values["order_id"]), values, now_ms)


def edit_by_label(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Change the one live order of a label."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    orders = list_live(account, values) if "label" in values else []
    if len(orders) != 1:
        raise DeribitError(10004, "order_not_found")
    return _edit(account, orders[0], values, now_ms)


def _edit(
    account: DeribitAccount, account_order: AccountOrder, values: Values, now_ms: int
) -> Fields:
    fill_count = 0 if isinstance(account_order, TriggerOrder) else len(account_order.fills)
    account.edit(account_order, _in_dollars(values), now_ms)
    return {
        "order": forms.make_order(account_order),
        "trades": _list_fills(account, account_order, fill_count),
    }


def cancel(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """Cancel one order."""
    return forms.make_order(account.cancel(account.find_order(values["order_id"]), now_ms))


def cancel_all(account: DeribitAccount, values: Values, now_ms: int) -> object:
    """Cancel all live orders of a currency, an instrument, a label; how many, or which by type."""
    orders = [account.cancel(order, now_ms) for order in list_live(account, values)]
    if not values.get("detailed"):
        return len(orders)
    rows = sorted(map(forms.make_order, orders), key=lambda row: str(row["order_type"]))
    head = {"currency": "BTC", "instrument_name": market.INSTRUMENT}
    groups = groupby(rows, key=lambda row: row["order_type"])
    return [head | {"type": kind, "result": list(group)} for kind, group in groups]
