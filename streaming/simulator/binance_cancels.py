"""Finds and cancels orders of the simulated Binance, alone or with their list.

Source: binance/binance-spot-api-docs, rest-api.md, "Cancel order", "Cancel order list".
"""

from streaming.simulator import binance_order_forms as forms
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.binance_order_list import OrderList
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import Fields, Values


def find_order(account: BinanceAccount, values: Values, prefix: str = "") -> BinanceOrder | None:
    """The order of a symbol that `orderId` or `origClientOrderId` names.

    Raises:
        BinanceError: neither is sent.
    """
    account.venue.path(values["symbol"])
    id_name = f"{prefix}OrderId" if prefix else "orderId"
    client_name = f"{prefix}OrigClientOrderId" if prefix else "origClientOrderId"
    require_one(values, client_name, id_name)
    orders = [
        order
        for order in account.matching.orders.values()
        if values.get(id_name, order.number) == order.number
        and values.get(client_name, order.client_id) == order.client_id
        and order.symbol == values["symbol"]
    ]
    return next((order for order in orders if order.live), orders[-1] if orders else None)


def require_one(values: Values, first: str, second: str) -> None:
    """Check that one of two parameters is sent.

    Raises:
        BinanceError: neither is.
    """
    if not {first, second} & set(values):
        message = f"Param '{first}' or '{second}' must be sent, but both were empty/null!"
        raise BinanceError(400, -1102, message)


def cancel(account: BinanceAccount, values: Values, prefix: str = "") -> Fields:
    """Cancel one live order, and the list that it is of."""
    order = find_order(account, values, prefix)
    if order is None or not order.live:
        raise BinanceError(400, -2011, "Unknown order sent.")
    only = values.get("cancelRestrictions", "")
    if only and only != f"ONLY_{order.status}":
        message = "Order was not canceled due to cancel restrictions."
        raise BinanceError(400, -2011, message)
    client_name = "cancelNewClientOrderId" if prefix else "newClientOrderId"
    client_id = values.get(client_name) or f"cancel-{order.number}"
    if order_list := account.lists.get(order.list_id):
        cancel_list(account, order_list, {order.number: client_id})
    else:
        _end(account, order, client_id)
    return forms.cancel_fields(order, client_id, account.clock.now_ms())


def cancel_list(
    account: BinanceAccount, order_list: OrderList, client_ids: dict[int, str] | None = None
) -> Fields:
    """Cancel all live orders of a list; `client_ids` are the client's, by order."""
    now_ms, ids = account.clock.now_ms(), client_ids or {}
    live = [order for order in order_list.orders if order.live]
    for order in live:
        _end(account, order, ids.get(order.number) or f"cancel-{order.number}")
    account.events.append(order_list.event(now_ms))
    reports = [
        forms.cancel_fields(order, ids.get(order.number) or f"cancel-{order.number}", now_ms)
        for order in order_list.orders
        if order in live
    ]
    return order_list.fields(now_ms) | {"orderReports": reports}


def _end(account: BinanceAccount, spot_order: BinanceOrder, client_id: str) -> None:
    spot_order.cancelled = True
    account.report(spot_order, "CANCELED", account.clock.now_ms(), cancel_id=client_id)
