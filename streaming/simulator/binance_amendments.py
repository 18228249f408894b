"""Amendments of the simulated Binance's orders: less quantity, the same place in the book.

Source: binance/binance-spot-api-docs, rest-api.md, "Order Amend Keep Priority", errors.md.
"""

from decimal import Decimal

from streaming.simulator import binance_info as info
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_cancels import find_order
from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.binance_orders import check_lot, fail_filter
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import Fields, Values

_LIST_FIELDS = (
    "orderListId",
    "contingencyType",
    "listOrderStatus",
    "listClientOrderId",
    "symbol",
    "orders",
)


def amend(account: BinanceAccount, values: Values) -> Fields:
    """Reduce the quantity of a live order; it may get another client's id."""
    order = find_order(account, values)
    if order is None or not order.live:
        raise BinanceError(400, -2038, "Unknown order sent.")
    _check(account, order, values)
    now_ms, number = account.clock.now_ms(), len(account.events) + 1
    client_id = values.get("newClientOrderId") or f"amend-{number}"
    amendment: Fields = {
        "symbol": order.symbol,
        "orderId": order.number,
        "executionId": number,
        "origClientOrderId": order.client_id,
        "newClientOrderId": client_id,
        "origQty": f"{order.amount:.8f}",
        "newQty": f"{values['newQty']:.8f}",
        "time": now_ms,
    }
    order.amendments.append(amendment)
    order.amount = values["newQty"]
    account.report(order, "REPLACED", now_ms, cancel_id=client_id)
    order.client_id = client_id
    answer: Fields = {"transactTime": now_ms, "executionId": number}
    answer["amendedOrder"] = _order_fields(order, amendment["origClientOrderId"])
    if order_list := account.lists.get(order.list_id):
        fields = order_list.fields()
        answer["listStatus"] = {name: fields[name] for name in _LIST_FIELDS}
    return answer


def list_amendments(account: BinanceAccount, values: Values) -> list[Fields]:
    """The amendments of one order, oldest first."""
    order = find_order(account, values)
    if order is None:
        raise BinanceError(400, -2013, "Order does not exist.")
    first = values.get("fromExecutionId", 0)
    rows = [row for row in order.amendments if row["executionId"] >= first]
    return rows[: values.get("limit", 500)]


def _check(account: BinanceAccount, spot_order: BinanceOrder, values: Values) -> None:
    """Raise the refusal of an amendment that may not be made."""
    new_quantity, client_id = values["newQty"], values.get("newClientOrderId")
    if new_quantity > spot_order.amount:
        raise BinanceError(400, -2038, "Order amend (quantity increase) is not supported.")
    if new_quantity == spot_order.amount:
        message = "The requested action would change no state; rejecting"
        raise BinanceError(400, -2038, message)
    check_lot(new_quantity)
    if new_quantity <= spot_order.filled:
        raise fail_filter("LOT_SIZE")
    if new_quantity * spot_order.price < info.MIN_NOTIONAL:
        raise fail_filter("NOTIONAL")
    if len(spot_order.amendments) >= info.MAX_AMENDS:
        raise BinanceError(400, -2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    others = {other.client_id for other in account.matching.live() if other is not spot_order}
    if client_id in others:
        raise BinanceError(400, -2038, "Duplicate order sent.")


def _order_fields(spot_order: BinanceOrder, original_id: str) -> Fields:
    return {
        "symbol": spot_order.symbol,
        "orderId": spot_order.number,
        "orderListId": spot_order.list_id,
        "origClientOrderId": original_id,
        "clientOrderId": spot_order.client_id,
        "price": f"{spot_order.price:.8f}",
        "qty": f"{spot_order.amount:.8f}",
        "executedQty": f"{spot_order.filled:.8f}",
        "preventedQty": f"{Decimal(0):.8f}",
        "quoteOrderQty": f"{spot_order.quote_quantity:.8f}",
        "cumulativeQuoteQty": f"{spot_order.paid:.8f}",
        "status": spot_order.status,
        "timeInForce": spot_order.time_in_force,
        "type": spot_order.kind,
        "side": spot_order.side.upper(),
        **({"workingTime": spot_order.working_ms} if spot_order.is_working else {}),
        "selfTradePreventionMode": "NONE",
    }
