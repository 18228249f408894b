"""What the simulated Deribit answers: a row for each method; server and tests are made of them.

Source: docs.deribit.com, API reference (to 2026-02-24).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from streaming.simulator import deribit_answers as public
from streaming.simulator import deribit_connection as connection
from streaming.simulator import deribit_history as history
from streaming.simulator import deribit_method_parameters as q
from streaming.simulator import deribit_parameters as p
from streaming.simulator.deribit_account_methods import ACCOUNT
from streaming.simulator.deribit_parameters import MethodParam
from streaming.simulator.json_fields import Fields


class Scope(Enum):
    """What a method is about, and whether a log-in is needed."""

    PUBLIC = "public"
    SIGNED = "signed"  # the connection, logged in
    ACCOUNT = "account"


@dataclass(frozen=True)
class Method:
    """One method: its parameters, and what answers it.

    `answer` gets the price path, the connection or the account, the values, and the time in ms.
    """

    name: str
    params: tuple[MethodParam, ...]
    answer: Callable[[Any, Fields, int], object]
    scope: Scope = Scope.PUBLIC
    of_connection: bool = False
    websocket_only: bool = False
    slow: bool = False  # long sums: made in a thread


_PUBLIC = (
    ("get_time", (), public.server_time),
    ("status", (), public.status),
    ("get_currencies", (), public.currencies),
    (
        "get_instruments",
        (q.MAYBE_CURRENCY, q.KIND, MethodParam("expired", p.read_boolean, False)),
        public.instruments,
    ),
    ("get_instrument", (q.NAME,), public.instrument),
    (
        "get_expirations",
        (
            MethodParam("currency", p.read_choice(*p.CURRENCIES, "any", "grouped"), "BTC", True),
            MethodParam("kind", p.read_choice("future", "option", "any"), "any", True),
            MethodParam("currency_pair", p.read_text, public.INDEX),
        ),
        public.expirations,
    ),
    ("get_contract_size", (q.NAME,), public.contract_size),
    ("get_index", (q.CURRENCY,), public.index),
    ("get_index_price", (q.INDEX,), public.index_price),
    (
        "get_index_price_names",
        (MethodParam("extended", p.read_boolean, False),),
        public.index_names,
    ),
    (
        "get_supported_index_names",
        (MethodParam("type", p.read_choice("all", "spot", "derivative"), "all"),),
        public.index_names,
    ),
    ("ticker", (q.NAME,), public.make_ticker),
    ("get_order_book", (q.NAME, q.DEPTH), public.order_book),
    (
        "get_order_book_by_instrument_id",
        (MethodParam("instrument_id", p.read_whole, public.INSTRUMENT_ID, True), q.DEPTH),
        public.order_book_by_id,
    ),
    ("get_book_summary_by_instrument", (q.NAME,), public.book_summary),
    ("get_book_summary_by_currency", (q.CURRENCY, q.KIND), public.book_summaries),
    (
        "get_last_trades_by_instrument",
        (q.NAME, *q.SEQ, *q.MAYBE_SPAN, q.COUNT, q.SORTING),
        history.list_trades,
    ),
    (
        "get_last_trades_by_instrument_and_time",
        (q.NAME, *q.MAYBE_SPAN, q.COUNT, q.SORTING),
        history.trades_between,
    ),
    (
        "get_last_trades_by_currency",
        (q.CURRENCY, q.KIND, *q.IDS, *q.MAYBE_SPAN, q.COUNT, q.SORTING),
        history.trades_of_currency,
    ),
    (
        "get_last_trades_by_currency_and_time",
        (q.CURRENCY, q.KIND, *q.SPAN, q.COUNT, q.SORTING),
        history.trades_of_currency,
    ),
    ("get_trade_volumes", (MethodParam("extended", p.read_boolean, False),), public.trade_volumes),
    (
        "get_announcements",
        (
            MethodParam("start_timestamp", p.read_whole, 1_700_000_000_000),
            MethodParam("count", p.read_count(50), 5),
        ),
        public.nothing,
    ),
    (
        "get_combo_ids",
        (q.CURRENCY, MethodParam("state", p.read_choice("rfq", "active", "inactive"), "active")),
        public.nothing,
    ),
    ("get_combos", (q.CURRENCY,), public.nothing),
    ("get_rfqs", (q.CURRENCY,), public.nothing),
    ("get_mark_price_history", (q.NAME, *q.SPAN), public.nothing),
)
_SLOW = (
    (
        "get_tradingview_chart_data",
        (q.NAME, *q.SPAN, MethodParam("resolution", q.read_resolution, "60", True)),
        history.chart,
    ),
    ("get_funding_rate_history", (q.NAME, *q.SPAN), history.funding_history),
    ("get_funding_rate_value", (q.NAME, *q.SPAN), history.funding_value),
    (
        "get_funding_chart_data",
        (q.NAME, MethodParam("length", p.read_choice("8h", "24h", "1m"), "8h")),
        history.funding_chart,
    ),
    (
        "get_index_chart_data",
        (
            q.INDEX,
            MethodParam("range", p.read_choice("1h", "1d", "2d", "1m", "1y", "all"), "1d", True),
        ),
        history.index_chart,
    ),
    ("get_last_settlements_by_instrument", (q.NAME, *q.SETTLEMENTS), history.settlements),
    (
        "get_last_settlements_by_currency",
        (q.CURRENCY, *q.SETTLEMENTS),
        history.settlements_of_currency,
    ),
    ("get_historical_volatility", (q.CURRENCY,), history.list_volatility),
    (
        "get_delivery_prices",
        (q.INDEX, q.OFFSET, MethodParam("count", p.read_count(1000), 3)),
        history.delivery_prices,
    ),
)
_CONNECTION = (
    ("public/auth", q.AUTH, connection.authenticate, False),
    (
        "public/hello",
        (
            MethodParam("client_name", p.read_text, "test"),
            MethodParam("client_version", p.read_text, "1"),
        ),
        connection.hello,
        False,
    ),
    (
        "public/test",
        (MethodParam("expected_result", p.read_text, "exception"),),
        connection.test,
        False,
    ),
    (
        "public/set_heartbeat",
        (MethodParam("interval", connection.read_interval, 10, True),),
        connection.set_heartbeat,
        True,
    ),
    ("public/disable_heartbeat", (), connection.disable_heartbeat, True),
    ("public/subscribe", (q.CHANNELS, q.LABEL), connection.subscribe, True),
    ("public/unsubscribe", (q.CHANNELS,), connection.unsubscribe, True),
    ("public/unsubscribe_all", (), connection.unsubscribe_all, True),
    ("private/subscribe", (q.CHANNELS, q.LABEL), connection.subscribe, True),
    ("private/unsubscribe", (q.CHANNELS,), connection.unsubscribe, True),
    ("private/unsubscribe_all", (), connection.unsubscribe_all, True),
    (
        "private/logout",
        (MethodParam("invalidate_token", p.read_boolean, True),),
        connection.log_out,
        True,
    ),
    ("private/enable_cancel_on_disconnect", (q.SCOPE,), connection.cancel_on_disconnect, False),
    ("private/disable_cancel_on_disconnect", (q.SCOPE,), connection.keep_on_disconnect, False),
    (
        "private/get_cancel_on_disconnect",
        (q.SCOPE,),
        connection.is_cancelled_on_disconnect,
        False,
    ),
)


def _scope_of(name: str) -> Scope:
    return Scope.SIGNED if name.startswith("private/") else Scope.PUBLIC


METHODS = {
    method.name: method
    for method in (
        *(Method(f"public/{name}", params, answer) for name, params, answer in _PUBLIC),
        *(Method(f"public/{name}", params, answer, slow=True) for name, params, answer in _SLOW),
        *(
            Method(
                name, params, answer, _scope_of(name), of_connection=True, websocket_only=sockets
            )
            for name, params, answer, sockets in _CONNECTION
        ),
        *(
            Method(f"private/{name}", params, answer, Scope.ACCOUNT)
            for name, params, answer in ACCOUNT
        ),
    )
}
