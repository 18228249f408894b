"""The simulated Binance's signed answers: the account's orders, fills and balances.

Source: binance/binance-spot-api-docs, rest-api.md, "Trading" and "Account endpoints".
"""

from streaming.simulator import binance_order_forms as forms
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_cancels import cancel, cancel_list, find_order
from streaming.simulator.binance_info import filters
from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.binance_order_counts import count_orders
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import Fields, Values

_ROWS, _DAY_MS = 500, 86_400_000
_PARTLY, _FAILED = "Order cancel-replace partially failed.", "Order cancel-replace failed."

_KEY_MADE_MS = 1_700_000_000_000


def new_order(account: BinanceAccount, values: Values) -> Fields:
    """Place an order."""
    return account.new_order(values)


def test_order(account: BinanceAccount, values: Values) -> Fields:
    """Check an order without placing it."""
    return account.test_order(values)


def cancel_order(account: BinanceAccount, values: Values) -> Fields:
    """Cancel an order."""
    return cancel(account, values)


def cancel_open_orders(account: BinanceAccount, values: Values) -> list[Fields]:
    """Cancel all of a symbol's live orders."""
    account.venue.path(values["symbol"])
    live = account.matching.live(values["symbol"])
    if not live:
        raise BinanceError(400, -2011, "Unknown order sent.")
    answers = list[Fields]()
    for order in live:
        if order.live and (order_list := account.lists.get(order.list_id)):
            answers.append(cancel_list(account, order_list))
        elif order.live:
            answers.append(cancel(account, {"symbol": order.symbol, "orderId": order.number}))
    return answers


def cancel_replace(account: BinanceAccount, values: Values) -> Fields:
    """Cancel an order and place another; what failed is in `data` of the refusal."""
    results: Fields = {"cancelResult": "SUCCESS", "newOrderResult": "NOT_ATTEMPTED"}
    results |= {"cancelResponse": None, "newOrderResponse": None}
    try:
        results["cancelResponse"] = cancel(account, values, "cancel")
    except BinanceError as error:
        if error.code == -1102:  # noqa: PLR2004 (no order is named)
            raise
        results |= {"cancelResult": "FAILURE", "cancelResponse": error.body()}
        if values["cancelReplaceMode"] == "STOP_ON_FAILURE":
            raise BinanceError(400, -2022, _FAILED, data=results) from None
    try:
        results["newOrderResponse"] = account.new_order(values)
        results["newOrderResult"] = "SUCCESS"
    except BinanceError as error:
        results |= {"newOrderResult": "FAILURE", "newOrderResponse": error.body()}
    failures = [results["cancelResult"], results["newOrderResult"]].count("FAILURE")
    if failures == 1:
        raise BinanceError(409, -2021, _PARTLY, data=results)
    if failures:
        raise BinanceError(400, -2022, _FAILED, data=results)
    return results


def order_status(account: BinanceAccount, values: Values) -> Fields:
    """One order."""
    order = find_order(account, values)
    if order is None:
        raise BinanceError(400, -2013, "Order does not exist.")
    return forms.order_fields(order)


def open_orders(account: BinanceAccount, values: Values) -> list[Fields]:
    """The live orders of a symbol, or of all."""
    account.venue.names(values)
    return [forms.order_fields(order) for order in account.matching.live(values.get("symbol", ""))]


def all_orders(account: BinanceAccount, values: Values) -> list[Fields]:
    """A symbol's orders from an id on, or the newest."""
    account.venue.path(values["symbol"])
    _check_span(values)
    orders = [order for order in _orders_of(account, values) if _is_within(values, order.at_ms)]
    limit = values.get("limit", _ROWS)
    if "orderId" in values:
        orders = [order for order in orders if order.number >= values["orderId"]][:limit]
    return [forms.order_fields(order) for order in orders[-limit:]]


def my_trades(account: BinanceAccount, values: Values) -> list[Fields]:
    """The account's fills of a symbol from an id on, or the newest."""
    account.venue.path(values["symbol"])
    _check_span(values)
    fills = [
        (fill, order)
        for order in _orders_of(account, values)
        for fill in order.fills
        if _is_within(values, fill.at_ms)
        and values.get("orderId", order.number) == order.number
        and fill.number >= values.get("fromId", 0)
    ]
    fills.sort(key=lambda pair: pair[0].number)
    limit = values.get("limit", _ROWS)
    newest = fills[:limit] if "fromId" in values else fills[-limit:]
    return [forms.fill_fields(order, fill, account.fee) for fill, order in newest]


def balances(account: BinanceAccount, values: Values) -> Fields:
    """The account with its balances."""
    rows = [
        {
            "asset": asset,
            "free": f"{account.available_balance(asset):.8f}",
            "locked": f"{amount - account.available_balance(asset):.8f}",
        }
        for asset, amount in account.balances.items()
        if amount or not values.get("omitZeroBalances")
    ]
    rates = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000"}
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates | {"seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": account.venue.clock.now_ms(),
        "accountType": "SPOT",
        "balances": rows,
        "permissions": ["SPOT"],
        "uid": 1,
    }


def coins(account: BinanceAccount, _values: Values) -> list[Fields]:
    """The account's coins, as the wallet's `capital/config/getall` gives them."""
    return [
        {
            "coin": asset,
            "name": asset,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "trading": True,
            "isLegalMoney": False,
            "networkList": [],
            "free": f"{account.available_balance(asset):.8f}",
        }
        for asset in account.balances
    ]


def order_counts(account: BinanceAccount, _values: Values) -> list[Fields]:
    """How many orders were placed within the limits' intervals."""
    return count_orders(account.matching.orders.values(), account.clock.now_ms())


def commission(account: BinanceAccount, values: Values) -> Fields:
    """The rates of commission of a symbol."""
    account.venue.path(values["symbol"])
    return forms.commission_fields(values["symbol"])


def list_trade_fees(account: BinanceAccount, values: Values) -> list[Fields]:
    """The rates of commission of one symbol, or of all."""
    fees = [forms.commission_fields(name) for name in account.venue.names(values)]
    return [
        {
            "symbol": fee["symbol"],
            "makerCommission": fee["standardCommission"]["maker"],
            "takerCommission": fee["standardCommission"]["taker"],
        }
        for fee in fees
    ]


def describe_state(_account: BinanceAccount, _values: Values) -> Fields:
    """That the account may do all."""
    return {"data": "Normal"}


def describe_locks(account: BinanceAccount, _values: Values) -> Fields:
    """That the key is not locked for its orders."""
    state = {"isLocked": False, "plannedRecoverTime": 0, "triggerCondition": {}}
    return {"data": state | {"updateTime": account.venue.clock.now_ms()}}


def list_permissions(_account: BinanceAccount, _values: Values) -> Fields:
    """What the key may do: read, and trade on the spot market."""
    refused_names = (
        "ipRestrict",
        "enableMargin",
        "enableFutures",
        "enableWithdrawals",
        "enableInternalTransfer",
        "permitsUniversalTransfer",
        "enableVanillaOptions",
        "enablePortfolioMarginTrading",
    )
    granted = {"enableReading": True, "enableSpotAndMarginTrading": True}
    return {"createTime": _KEY_MADE_MS} | granted | dict.fromkeys(refused_names, False)


def list_filters(account: BinanceAccount, values: Values) -> Fields:
    """The filters of the account's orders in a symbol: those that all have."""
    account.venue.path(values["symbol"])
    return {"exchangeFilters": [], "symbolFilters": filters(), "assetFilters": []}


def nothing(account: BinanceAccount, values: Values) -> list[Fields]:
    """An empty list: what this account never has."""
    account.venue.names(values)
    return []


def _orders_of(account: BinanceAccount, values: Values) -> list[BinanceOrder]:
    orders = account.matching.orders.values()
    return [order for order in orders if order.symbol == values["symbol"]]


def _is_within(values: Values, at_ms: int) -> bool:
    return bool(values.get("startTime", 0) <= at_ms <= values.get("endTime", at_ms))


def _check_span(values: Values) -> None:
    if {"startTime", "endTime"} <= set(values):
        if values["endTime"] - values["startTime"] > _DAY_MS:
            raise BinanceError(400, -1127, "More than 24 hours between startTime and endTime.")
