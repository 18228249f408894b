"""What the simulated Binance answers to signed requests: a row for each address.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md (2026-07-17): names,
weights, parameters.
"""

from streaming.simulator import binance_account_answers as private
from streaming.simulator import binance_amendments as amendments
from streaming.simulator import binance_call_parameters as c
from streaming.simulator import binance_list_answers as lists
from streaming.simulator import binance_list_forms as f
from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_call import Call
from streaming.simulator.binance_parameters import Param
from streaming.simulator.binance_wallet import WALLET

_V3 = "/api/v3"
SIGNED = tuple(
    Call(method, path, name, weight, params, answer, signed=True)
    for method, path, name, weight, params, answer in (
        ("POST", f"{_V3}/order", "order.place", 1, c.ORDER, private.new_order),
        ("POST", f"{_V3}/order/test", "order.test", 1, c.TEST_ORDER, private.test_order),
        (
            "GET",
            f"{_V3}/order",
            "order.status",
            4,
            (c.SYMBOL, c.ORDER_ID, c.ORIGINAL_ID),
            private.order_status,
        ),
        (
            "PUT",
            f"{_V3}/order/amend/keepPriority",
            "order.amend.keepPriority",
            4,
            c.AMEND,
            amendments.amend,
        ),
        (
            "GET",
            f"{_V3}/order/amendments",
            "order.amendments",
            4,
            (
                c.SYMBOL,
                Param("orderId", p.read_whole, "1", mandatory=True),
                Param("fromExecutionId", p.read_whole, "1"),
                c.limit_to(),
            ),
            amendments.list_amendments,
        ),
        ("DELETE", f"{_V3}/order", "order.cancel", 1, c.CANCEL, private.cancel_order),
        (
            "DELETE",
            f"{_V3}/openOrders",
            "openOrders.cancelAll",
            1,
            (c.SYMBOL,),
            private.cancel_open_orders,
        ),
        (
            "POST",
            f"{_V3}/order/cancelReplace",
            "order.cancelReplace",
            1,
            c.REPLACE,
            private.cancel_replace,
        ),
        (
            "GET",
            f"{_V3}/openOrders",
            "openOrders.status",
            c.weigh_by_symbols(6, 80, 80),
            (c.MAYBE_SYMBOL,),
            private.open_orders,
        ),
        ("GET", f"{_V3}/allOrders", "allOrders", 20, c.HISTORY, private.all_orders),
        ("GET", f"{_V3}/myTrades", "myTrades", 20, (*c.HISTORY, c.FROM_ID), private.my_trades),
        (
            "GET",
            f"{_V3}/account",
            "account.status",
            20,
            (Param("omitZeroBalances", p.read_boolean, "true"),),
            private.balances,
        ),
        (
            "GET",
            f"{_V3}/account/commission",
            "account.commission",
            20,
            (c.SYMBOL,),
            private.commission,
        ),
        (
            "GET",
            f"{_V3}/rateLimit/order",
            "account.rateLimits.orders",
            40,
            (),
            private.order_counts,
        ),
        (
            "GET",
            f"{_V3}/myPreventedMatches",
            "myPreventedMatches",
            2,
            (
                c.SYMBOL,
                Param("preventedMatchId", p.read_whole, "1"),
                c.ORDER_ID,
                Param("fromPreventedMatchId", p.read_whole, "1"),
                c.limit_to(),
            ),
            private.nothing,
        ),
        (
            "GET",
            f"{_V3}/myAllocations",
            "myAllocations",
            20,
            (*c.HISTORY, Param("fromAllocationId", p.read_whole, "1")),
            private.nothing,
        ),
        ("POST", f"{_V3}/orderList/oco", "orderList.place.oco", 1, f.OCO, lists.place_oco),
        ("POST", f"{_V3}/orderList/oto", "orderList.place.oto", 1, f.OTO, lists.place_oto),
        ("POST", f"{_V3}/orderList/otoco", "orderList.place.otoco", 1, f.OTOCO, lists.place_otoco),
        (
            "POST",
            f"{_V3}/order/oco",
            "orderList.place",
            1,
            f.LEGACY_OCO,
            lists.place_legacy_oco,
        ),
        (
            "DELETE",
            f"{_V3}/orderList",
            "orderList.cancel",
            1,
            f.CANCEL_LIST,
            lists.cancel_order_list,
        ),
        ("GET", f"{_V3}/orderList", "orderList.status", 4, f.QUERY_LIST, lists.list_status),
        ("GET", f"{_V3}/openOrderList", "openOrderLists.status", 6, (), lists.open_lists),
        (
            "GET",
            f"{_V3}/allOrderList",
            "allOrderLists",
            20,
            (c.FROM_ID, *c.TIMES, c.limit_to()),
            lists.all_lists,
        ),
        ("GET", f"{_V3}/myFilters", "myFilters", 40, (c.SYMBOL,), private.list_filters),
        ("GET", "/sapi/v1/asset/tradeFee", "", 1, (c.MAYBE_SYMBOL,), private.list_trade_fees),
        ("GET", "/sapi/v1/account/status", "", 1, (), private.describe_state),
        ("GET", "/sapi/v1/account/apiTradingStatus", "", 1, (), private.describe_locks),
        ("GET", "/sapi/v1/account/apiRestrictions", "", 1, (), private.list_permissions),
        ("GET", "/sapi/v1/capital/config/getall", "", 10, (), private.coins),
        *WALLET,
    )
)
