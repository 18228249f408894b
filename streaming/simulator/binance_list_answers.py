"""The simulated Binance's signed answers about order lists: OCO, OTO, OTOCO.

Source: binance/binance-spot-api-docs, rest-api.md, "Order lists".
"""

from streaming.simulator import binance_order_forms as forms
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_cancels import cancel_list, require_one
from streaming.simulator.binance_info import MAX_LISTS
from streaming.simulator.binance_list_forms import check_pair, legacy_values, order_values
from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.binance_order_counts import check_order_count
from streaming.simulator.binance_order_list import OrderList
from streaming.simulator.binance_orders import fail_filter, reject
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import Fields, Values

_ROWS, _DAY_MS = 500, 86_400_000


def place_oco(account: BinanceAccount, values: Values) -> Fields:
    """Place two orders, of which one ends the other."""
    above, below = order_values(values, "above"), order_values(values, "below")
    check_pair(above, below)
    return _place(account, values, None, [below, above])


def place_legacy_oco(account: BinanceAccount, values: Values) -> Fields:
    """Place a limit and a stop order, in the words of before."""
    return place_oco(account, legacy_values(values))


def place_oto(account: BinanceAccount, values: Values) -> Fields:
    """Place an order, and another once it is filled."""
    return _place(
        account, values, order_values(values, "working"), [order_values(values, "pending")]
    )


def place_otoco(account: BinanceAccount, values: Values) -> Fields:
    """Place an order, and two that exclude each other once it is filled; or one alone."""
    shared = {"side": values["pendingSide"], "quantity": values["pendingQuantity"]}
    pending = [order_values(values, "pendingAbove") | shared]
    if "pendingBelowType" in values:
        pending.insert(0, order_values(values, "pendingBelow") | shared)
        check_pair(pending[1], pending[0])
    return _place(account, values, order_values(values, "working"), pending)


def _place(
    account: BinanceAccount, values: Values, working: Values | None, others: list[Values]
) -> Fields:
    check_order_count(account.matching.orders.values(), account.clock.now_ms())
    live_lists = open_lists(account, values)
    if sum(fields["symbol"] == values["symbol"] for fields in live_lists) >= MAX_LISTS:
        raise fail_filter("MAX_NUM_ORDER_LISTS")
    number, first = len(account.lists) + 1, len(account.matching.orders) + 1
    client_id = values.get("listClientOrderId") or f"list-{number}"
    if client_id in {fields["listClientOrderId"] for fields in live_lists}:
        raise reject("Duplicate order sent.")
    drafts = [working, *others] if working else others
    orders = [account.draft_order(draft, first + at) for at, draft in enumerate(drafts)]
    if len({order.client_id for order in orders}) < len(orders):
        raise reject("Duplicate order sent.")
    for at, order in enumerate(orders):
        order.list_id, order.is_pending = number, bool(working and at)
    entering = orders[:1] if working else orders
    for order in entering:
        account.check_entry(order)
        account.check_balance(order)
    head = orders[0] if working else None
    order_list = OrderList(
        number, values["symbol"], client_id, account.clock.now_ms(), tuple(orders), head
    )
    account.lists[number] = order_list
    account.events.append(order_list.event(order_list.at_ms))
    pending = _make_reports(account, values, orders[len(entering) :])  # as they were when placed
    account.place(orders)
    reports = _make_reports(account, values, entering) + pending
    return order_list.fields(order_list.at_ms) | {"orderReports": reports}


def _make_reports(
    account: BinanceAccount, values: Values, spot_orders: list[BinanceOrder]
) -> list[Fields]:
    kind = values.get("newOrderRespType", "RESULT")
    return [forms.new_order_fields(order, kind, order.at_ms, account.fee) for order in spot_orders]


def cancel_order_list(account: BinanceAccount, values: Values) -> Fields:
    """Cancel a list's live orders."""
    account.venue.path(values["symbol"])
    require_one(values, "orderListId", "listClientOrderId")
    for order_list in account.lists.values():
        is_named = (
            values.get("orderListId", order_list.number) == order_list.number
            and values.get("listClientOrderId", order_list.client_id) == order_list.client_id
        )
        if is_named and order_list.symbol == values["symbol"] and order_list.is_live:
            client_id: str = values.get("newClientOrderId", "")
            ids = dict.fromkeys((order.number for order in order_list.orders), client_id)
            return cancel_list(account, order_list, ids)
    raise BinanceError(400, -2011, "Unknown order list sent.")


def list_status(account: BinanceAccount, values: Values) -> Fields:
    """One list."""
    require_one(values, "origClientOrderId", "orderListId")
    for order_list in account.lists.values():
        if (
            values.get("orderListId", order_list.number) == order_list.number
            and values.get("origClientOrderId", order_list.client_id) == order_list.client_id
        ):
            return order_list.fields()
    raise BinanceError(400, -2018, "Order list does not exist.")


def all_lists(account: BinanceAccount, values: Values) -> list[Fields]:
    """The lists from a number on, of a span of time, or the newest."""
    if "fromId" in values and {"startTime", "endTime"} & set(values):
        raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
    start, end = values.get("startTime", 0), values.get("endTime", account.clock.now_ms())
    if {"startTime", "endTime"} <= set(values) and end - start > _DAY_MS:
        raise BinanceError(400, -1127, "More than 24 hours between startTime and endTime.")
    limit = values.get("limit", _ROWS)
    rows = [
        order_list.fields()
        for order_list in account.lists.values()
        if order_list.number >= values.get("fromId", 0) and start <= order_list.at_ms <= end
    ]
    return rows[:limit] if {"fromId", "startTime"} & set(values) else rows[-limit:]


def open_lists(account: BinanceAccount, _values: Values) -> list[Fields]:
    """The lists with a live order."""
    return [order_list.fields() for order_list in account.lists.values() if order_list.is_live]
