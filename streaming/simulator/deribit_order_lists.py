"""The simulated Deribit's private answers that list orders and fills. Pure.

Source: docs.deribit.com, API reference, "Trading" (to 2026-02-24).
"""

from include.market.time import DAY_MS
from streaming.simulator import deribit_market as market
from streaming.simulator import deribit_order_forms as forms
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_account_funds import is_of
from streaming.simulator.deribit_orders import DeribitOrder
from streaming.simulator.deribit_triggers import AccountOrder, TriggerOrder
from streaming.simulator.json_fields import Fields, Values

_RECENT_ORDERS_MS, _RECENT_TRADES_MS, _OLD_MS = 30 * 60_000, DAY_MS, 2 * DAY_MS


def order_state(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """One order."""
    return forms.make_order(account.find_order(values["order_id"]))


def orders_of_label(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The orders of a label, newest first."""
    orders: list[AccountOrder] = [
        *_list_book_orders(account, values),
        *_list_trigger_orders(account, values),
    ]
    orders.sort(key=lambda order: order.at_ms, reverse=True)
    return list(map(forms.make_order, orders))


def open_orders(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The live orders."""
    return list(map(forms.make_order, list_live(account, values)))


def order_history(account: DeribitAccount, values: Values, now_ms: int) -> list[Fields]:
    """The orders that have ended, newest first; those without a fill only if asked for."""
    ended = [
        order
        for order in _list_book_orders(account, values)[::-1]
        if not order.live
        and (order.fills or values.get("include_unfilled"))
        and (now_ms - order.at_ms <= _OLD_MS or values.get("include_old"))
        and _is_recent(order.at_ms, now_ms, _RECENT_ORDERS_MS) != values.get("historical", False)
    ]
    offset = values.get("offset", 0)
    return list(map(forms.make_order, ended[offset : offset + values.get("count", 20)]))


def user_trades(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The account's fills, by number, id or time."""
    start, end = values.get("start_timestamp", 0), values.get("end_timestamp", now_ms)
    fills = [
        (fill, order)
        for order in _list_book_orders(account, values)
        for fill in order.fills
        if start <= fill.at_ms <= end
        and values.get("start_seq", 0) <= fill.number <= values.get("end_seq", fill.number)
        and values.get("start_id", 0) <= fill.number <= values.get("end_id", fill.number)
        and _is_recent(fill.at_ms, now_ms, _RECENT_TRADES_MS) != values.get("historical", False)
    ]
    fills.sort(key=lambda pair: pair[0].number, reverse=values.get("sorting") == "desc")
    count = values.get("count", 10)
    rows = [row for fill, order in fills[:count] for row in account.fill_fields(order, [fill])]
    return {"trades": rows, "has_more": len(fills) > count}


def trades_of_order(account: DeribitAccount, values: Values, now_ms: int) -> list[Fields]:
    """The fills of one order."""
    order = account.find_order(values["order_id"])
    if isinstance(order, TriggerOrder):
        return []
    wants_old = values.get("historical", False)
    fills = [
        fill
        for fill in order.fills
        if _is_recent(fill.at_ms, now_ms, _RECENT_TRADES_MS) != wants_old
    ]
    return account.fill_fields(order, fills[::-1] if values.get("sorting") == "desc" else fills)


def trigger_history(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """The trigger orders that have ended, newest first, in pages."""
    ended = [order for order in _list_trigger_orders(account, values) if not order.live]
    ended.sort(key=lambda order: (order.changed_ms, order.number), reverse=True)
    first, count = values.get("continuation", 0), values.get("count", 20)
    page = ended[first : first + count]
    is_last = first + count >= len(ended)
    entries = list(map(forms.make_history_entry, page))
    return {"entries": entries, "continuation": "none" if is_last else str(first + count)}


def list_live(account: DeribitAccount, values: Values) -> list[AccountOrder]:
    """The live orders of a currency, an instrument, a label and a type."""
    kind = values.get("type", "all")
    orders: list[AccountOrder] = [
        *_list_book_orders(account, values),
        *_list_trigger_orders(account, values),
    ]
    return [order for order in orders if order.live and _is_of_type(order, kind)]


def _is_of_type(account_order: AccountOrder, kind: str) -> bool:
    if kind in {"all", "trigger_all"}:
        return kind == "all" or isinstance(account_order, TriggerOrder)
    family = kind.removesuffix("_all")
    is_family = family != kind or kind in {"stop", "take"}
    return account_order.kind.startswith(f"{family}_") if is_family else account_order.kind == kind


def _is_recent(at_ms: int, now_ms: int, age_ms: int) -> bool:
    return now_ms - at_ms <= age_ms


def _list_book_orders(account: DeribitAccount, values: Values) -> list[DeribitOrder]:
    orders = account.matching.orders.values()
    return [order for order in orders if _is_asked_for(order, values)]


def _list_trigger_orders(account: DeribitAccount, values: Values) -> list[TriggerOrder]:
    return [order for order in account.trigger_orders if _is_asked_for(order, values)]


def _is_asked_for(account_order: AccountOrder, values: Values) -> bool:
    if not is_of(values) or values.get("instrument_name", market.INSTRUMENT) != market.INSTRUMENT:
        return False
    return bool(values.get("label", account_order.client_id) == account_order.client_id)
