"""The methods of the simulated Deribit's account: a row for each, after `private/`.

Source: docs.deribit.com, API reference, "Trading", "Account management", "Wallet".
"""

from streaming.simulator import deribit_account_answers as trading
from streaming.simulator import deribit_account_funds as funds
from streaming.simulator import deribit_account_records as records
from streaming.simulator import deribit_answers as public
from streaming.simulator import deribit_method_parameters as q
from streaming.simulator import deribit_order_lists as lists
from streaming.simulator import deribit_order_parameters as o
from streaming.simulator import deribit_parameters as p
from streaming.simulator.deribit_parameters import MethodParam

ACCOUNT = (
    ("buy", o.ORDER, trading.buy),
    ("sell", o.ORDER, trading.sell),
    ("edit", o.EDIT, trading.edit),
    ("edit_by_label", o.EDIT_BY_LABEL, trading.edit_by_label),
    ("cancel", (o.ORDER_ID,), trading.cancel),
    ("cancel_all", o.CANCEL_ALL, trading.cancel_all),
    ("cancel_all_by_currency", (q.CURRENCY, *o.CANCEL_KINDS), trading.cancel_all),
    (
        "cancel_all_by_currency_pair",
        (MethodParam("currency_pair", p.read_text, public.INDEX, True), *o.CANCEL_KINDS),
        trading.cancel_all,
    ),
    (
        "cancel_all_by_kind_or_type",
        (MethodParam("currency", q.read_currencies, ["BTC"], True), *o.CANCEL_KINDS),
        trading.cancel_all,
    ),
    ("cancel_all_by_instrument", o.CANCEL_BY_NAME, trading.cancel_all),
    (
        "cancel_by_label",
        (MethodParam("label", p.read_text, "test", True), q.MAYBE_CURRENCY),
        trading.cancel_all,
    ),
    ("close_position", o.CLOSE, trading.close_position),
    ("get_order_state", (o.ORDER_ID,), lists.order_state),
    ("get_order_state_by_label", (q.CURRENCY, q.LABEL), lists.orders_of_label),
    ("get_open_orders", (q.KIND, o.LIVE_TYPE), lists.open_orders),
    ("get_open_orders_by_currency", (q.CURRENCY, q.KIND, o.LIVE_TYPE), lists.open_orders),
    ("get_open_orders_by_instrument", (q.NAME, o.LIVE_TYPE), lists.open_orders),
    ("get_open_orders_by_label", (q.CURRENCY, q.LABEL), lists.open_orders),
    ("get_order_history_by_currency", (q.CURRENCY, q.KIND, *q.HISTORY), lists.order_history),
    ("get_order_history_by_instrument", (q.NAME, *q.HISTORY), lists.order_history),
    ("get_user_trades_by_instrument", o.TRADES_BY_NAME, lists.user_trades),
    (
        "get_user_trades_by_instrument_and_time",
        (q.NAME, *q.SPAN, q.COUNT, q.SORTING, *q.OWN_TRADES),
        lists.user_trades,
    ),
    ("get_user_trades_by_currency", o.TRADES_BY_CURRENCY, lists.user_trades),
    (
        "get_user_trades_by_currency_and_time",
        (q.CURRENCY, q.KIND, *q.SPAN, q.COUNT, q.SORTING, *q.OWN_TRADES),
        lists.user_trades,
    ),
    (
        "get_user_trades_by_order",
        (o.ORDER_ID, q.SORTING, *q.OWN_TRADES),
        lists.trades_of_order,
    ),
    (
        "get_trigger_order_history",
        (q.CURRENCY, q.MAYBE_NAME, q.COUNT, MethodParam("continuation", q.read_page, "0")),
        lists.trigger_history,
    ),
    ("get_position", (q.NAME,), funds.position),
    ("get_positions", (q.MAYBE_CURRENCY, q.KIND, q.ACCOUNT_ID), funds.positions),
    (
        "get_account_summary",
        (q.CURRENCY, MethodParam("extended", p.read_boolean, True), q.ACCOUNT_ID),
        funds.make_summary,
    ),
    (
        "get_account_summaries",
        (MethodParam("extended", p.read_boolean, True), q.ACCOUNT_ID),
        funds.summaries,
    ),
    (
        "get_margins",
        (
            q.NAME,
            MethodParam("amount", p.read_amount, 10, True),
            MethodParam("price", p.read_amount, 60000, True),
        ),
        funds.margins,
    ),
    (
        "get_subaccounts",
        (MethodParam("with_portfolio", p.read_boolean, False),),
        records.subaccounts,
    ),
    ("get_deposits", (q.CURRENCY, q.COUNT, q.OFFSET), records.transfers),
    ("get_withdrawals", (q.CURRENCY, q.COUNT, q.OFFSET), records.transfers),
    ("get_transfers", (q.CURRENCY, q.COUNT, q.OFFSET), records.transfers),
    (
        "get_transaction_log",
        (
            q.CURRENCY,
            *q.SPAN,
            MethodParam("query", p.read_text, "trade"),
            MethodParam("count", p.read_count(250), 100),
            MethodParam("continuation", p.read_whole, 0),
            q.ACCOUNT_ID,
        ),
        records.transaction_log,
    ),
    (
        "get_subaccounts_details",
        (q.CURRENCY, MethodParam("with_open_orders", p.read_boolean, True)),
        records.subaccount_details,
    ),
    (
        "get_settlement_history_by_instrument",
        (q.NAME, *q.SETTLEMENTS),
        records.settlement_history,
    ),
    (
        "get_settlement_history_by_currency",
        (q.CURRENCY, *q.SETTLEMENTS),
        records.settlement_history,
    ),
    (
        "get_order_margin_by_ids",
        (MethodParam("ids", p.read_texts, ["SIM-1"], True),),
        records.order_margins,
    ),
    ("get_user_locks", (), records.locks),
    ("get_access_log", (q.OFFSET, q.COUNT), records.access_log),
)
