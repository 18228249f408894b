"""The simulated Gemini account's answers: orders, fills, volumes, balances. Pure.

Source: docs.gemini.com, "Orders", "Fee and volume", "Fund management", "Account".
"""

from datetime import UTC, datetime
from decimal import Decimal

from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_pages import choose_page
from streaming.simulator.gemini_pairs import PAIRS
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.json_fields import Fields, Values

_FEES: Fields = {
    **{
        f"{way}_{role}_fee_bps": 40
        for way in ("web", "api", "fix")
        for role in ("maker", "taker", "auction")
    },
    **{f"block_{role}_fee_bps": 50 for role in ("maker", "taker")},
}
_AVAILABLE = ("available", "availableForWithdrawal")
_ROWS = 50


def place_order(account: GeminiAccount, values: Values) -> Fields:
    """A new order."""
    return account.place(values)


def cancel_order(account: GeminiAccount, values: Values) -> Fields:
    """Cancel a live order; one that has ended is returned as it is."""
    if "order_id" not in values:
        raise GeminiError(400, "MissingOrderField", "order_id is missing")
    (order, *_) = account.find({"order_id": values["order_id"]})
    if order["is_live"]:
        account.end(order, "Requested")
    return order


def cancel_orders(account: GeminiAccount, _values: Values) -> Fields:
    """Cancel all live orders: those of the session are those of the one key."""
    live = [order for order in account.orders if order["is_live"]]
    for order in live:
        account.end(order, "Requested")
    numbers = [int(order["order_id"]) for order in live]
    return {"result": "ok", "details": {"cancelledOrders": numbers, "cancelRejects": []}}


def show_order(account: GeminiAccount, values: Values) -> Fields | list[Fields]:
    """An order by its number, or the orders of a client's id; with their trades if asked."""
    if not {"order_id", "client_order_id"} & set(values):
        raise GeminiError(400, "MissingOrderField", "order_id is missing")
    orders = account.find(values)
    if values.get("include_trades"):
        orders = [
            order | {"trades": [t for t in account.trades if t["order_id"] == order["order_id"]]}
            for order in orders
        ]
    return orders if "client_order_id" in values else orders[0]


def list_live_orders(account: GeminiAccount, _values: Values) -> list[Fields]:
    """The live orders."""
    return [order for order in account.orders if order["is_live"]]


def list_past_orders(account: GeminiAccount, values: Values) -> list[Fields]:
    """The orders that have ended: a page of them, newest first."""
    orders = [order for order in account.orders if not order["is_live"]]
    return _page_of(orders, values, values.get("limit_orders", _ROWS))


def list_trades(account: GeminiAccount, values: Values) -> list[Fields]:
    """The fills: a page of them, newest first."""
    return _page_of(account.trades, values, values.get("limit_trades", _ROWS))


def _page_of(account_rows: list[Fields], values: Values, limit: int) -> list[Fields]:
    symbol = values.get("symbol")
    rows = [row for row in account_rows if symbol in {None, str(row["symbol"]).lower()}]
    return choose_page(rows, values, limit)


def list_volumes(account: GeminiAccount, _values: Values) -> list[list[Fields]]:
    """The volume traded in each symbol by side and role, of an account that trades on one day."""
    trades_by_symbol = {
        symbol: [trade for trade in account.trades if trade["symbol"] == symbol.upper()]
        for symbol in PAIRS
    }
    return [[_sum_trades(symbol, trades) for symbol, trades in trades_by_symbol.items() if trades]]


def _sum_trades(symbol: str, trades: list[Fields]) -> Fields:
    pair = PAIRS[symbol]
    volumes: Fields = {
        "symbol": symbol,
        "base_currency": pair.base,
        "notional_currency": pair.quote,
        "data_date": _day_of(trades[-1]["timestampms"]),
        "total_volume_base": float(sum(Decimal(trade["amount"]) for trade in trades)),
    }
    for side in ("Buy", "Sell"):
        for role in ("maker", "taker"):
            volumes |= _volume(trades, side, role)
    return volumes


def _volume(trades: list[Fields], side: str, role: str) -> Fields:
    aggressor, name = role == "taker", f"{side.lower()}_{role}"
    chosen = [t for t in trades if (t["type"], t["aggressor"]) == (side, aggressor)]
    amounts = [Decimal(trade["amount"]) for trade in chosen]
    notionals = [Decimal(trade["amount"]) * Decimal(trade["price"]) for trade in chosen]
    return {
        f"{name}_base": float(sum(amounts)),
        f"{name}_notional": float(sum(notionals)),
        f"{name}_count": len(chosen),
    }


def list_balances(account: GeminiAccount, _values: Values) -> list[Fields]:
    """What there is of each currency, and what no order holds."""
    return [
        {
            "type": "exchange",
            "currency": currency,
            "amount": f"{amount:f}",
            **dict.fromkeys(_AVAILABLE, f"{account.available_balance(currency):f}"),
        }
        for currency, amount in account.balances.items()
    ]


def list_notional_balances(account: GeminiAccount, values: Values) -> list[Fields]:
    """The balances, and what they are worth in one currency at the last price."""
    rows = []
    for balance in list_balances(account, {}):
        rate = account.last_price(balance["currency"]) / account.last_price(values["currency"])
        notionals = {
            f"{name}Notional": f"{round(Decimal(balance[name]) * rate, 8):f}"
            for name in ("amount", *_AVAILABLE)
        }
        rows.append({name: balance[name] for name in balance if name != "type"} | notionals)
    return rows


def describe_account(_account: GeminiAccount, _values: Values) -> Fields:
    """The one account and its user."""
    user = {"name": "Simulated", "status": "Active", "countryCode": "US", "isVerified": True}
    return {
        "account": {"accountName": "Primary", "shortName": "primary", "type": "exchange"},
        "users": [user],
        "memo_reference_code": "",
    }


def list_roles(_account: GeminiAccount, _values: Values) -> Fields:
    """What the key may do: trade."""
    return {"isAuditor": False, "isFundManager": False, "isTrader": True}


def confirm(_account: GeminiAccount, _values: Values) -> Fields:
    """That the key lives."""
    return {"result": "ok"}


def list_fees(account: GeminiAccount, _values: Values) -> Fields:
    """The fees, and the value traded in thirty days and on each of them."""
    now_ms = account.now_ms()
    notional_by_day: dict[str, float] = {}
    for trade in account.trades:
        day = _day_of(trade["timestampms"])
        notional = float(Decimal(trade["amount"]) * Decimal(trade["price"]))
        notional_by_day[day] = notional_by_day.get(day, 0.0) + notional
    days = [{"date": day, "notional_volume": sum_} for day, sum_ in notional_by_day.items()]
    return {
        "date": _day_of(now_ms),
        "last_updated_ms": now_ms,
        **_FEES,
        "notional_30d_volume": sum(notional_by_day.values()),
        "notional_1d_volume": days,
    }


def _day_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()


def list_nothing(_account: GeminiAccount, _values: Values) -> list[Fields]:
    """An empty list: what this account never had."""
    return []


def refuse(_account: GeminiAccount, _values: Values) -> Fields:
    """The refusal of what is documented but not simulated, as the sandbox words it."""
    message = "This endpoint is not available in this environment"
    raise GeminiError(403, "EndpointUnavailableInThisEnvironment", message)
