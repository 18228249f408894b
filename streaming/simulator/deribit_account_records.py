"""The simulated Deribit account's records: users, transfers, settlements, locks, margins. Pure.

Source: docs.deribit.com, API reference, "Account management", "Trading", "Wallet".
"""

from streaming.simulator import deribit_account_funds as funds
from streaming.simulator import deribit_market as market
from streaming.simulator import deribit_order_lists as lists
from streaming.simulator.deribit_account import MARGIN_SHARE, DeribitAccount
from streaming.simulator.deribit_order_forms import to_float
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.deribit_triggers import TriggerOrder
from streaming.simulator.json_fields import Fields, Values


def subaccounts(_account: DeribitAccount, _values: Values, _now_ms: int) -> list[Fields]:
    """The main account alone."""
    names = {"username": "simulated", "system_name": "simulated", "email": ""}
    flags = {"is_password": False, "login_enabled": False, "security_keys_enabled": False}
    flags |= {"receive_notifications": False}
    return [{"id": 1, "type": "main", **names, **flags}]


def transfers(_account: DeribitAccount, _values: Values, _now_ms: int) -> Fields:
    """No deposit, withdrawal or transfer."""
    return {"count": 0, "data": []}


def transaction_log(_account: DeribitAccount, _values: Values, _now_ms: int) -> Fields:
    """An empty log."""
    return {"logs": [], "continuation": None}


def subaccount_details(account: DeribitAccount, values: Values, now_ms: int) -> list[Fields]:
    """The main account's positions, and its live orders if asked."""
    orders = lists.open_orders(account, values, now_ms)
    detail: Fields = {"uid": 1, "positions": funds.positions(account, values, now_ms)}
    return [detail | ({"open_orders": orders} if values.get("with_open_orders") else {})]


def settlement_history(_account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """No settlement: profit is paid when a position is closed."""
    if values.get("instrument_name", market.INSTRUMENT) != market.INSTRUMENT:
        raise refuse_instrument()
    return {"settlements": [], "continuation": "none"}


def order_margins(account: DeribitAccount, values: Values, _now_ms: int) -> list[Fields]:
    """The initial margin in bitcoin of what is left of each order; trigger orders need none."""
    orders = [account.find_order(order_id) for order_id in values["ids"]]
    return [
        {
            "order_id": order_id,
            "initial_margin": 0.0
            if isinstance(order, TriggerOrder)
            else to_float(order.remaining / order.price * MARGIN_SHARE),
            "initial_margin_currency": "BTC",
        }
        for order_id, order in zip(values["ids"], orders, strict=True)
    ]


def locks(_account: DeribitAccount, _values: Values, _now_ms: int) -> list[Fields]:
    """That the one currency is not locked."""
    return [{"currency": "BTC", "locked": False}]


def access_log(_account: DeribitAccount, _values: Values, _now_ms: int) -> Fields:
    """An empty log."""
    return {"records_total": 0, "data": []}
